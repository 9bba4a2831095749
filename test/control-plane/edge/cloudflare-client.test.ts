import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { CloudflareClient } from '../../../control-plane/edge/cloudflare-client.ts'
import { CloudflareApiFake } from '../../support/cloudflare-api.ts'
import { builtFor } from '../support/publishing-bed.ts'

const script = { ...builtFor({}), tag: 'tidegate-0123456789abcdef', message: 'structure 1 x placements 2 code y' }

function clientOf(fake: CloudflareApiFake, more: { token?: () => string; api?: string } = {}) {
  return new CloudflareClient({
    api: more.api ?? fake.api,
    account: fake.account,
    script: fake.script,
    kvNamespace: fake.namespace,
    token: more.token ?? (() => fake.token),
    stopped: new AbortController().signal,
  })
}

describe("Cloudflare's API", () => {
  it('takes a script with its annotations, and lists it by them', async () => {
    await using fake = await CloudflareApiFake.start({ clock: { now: () => 0, monotonic: () => 0 } })
    const client = clientOf(fake)

    const uploaded = await client.upload(script)

    expect(uploaded).toMatchObject({ kind: 'done', result: { startupMs: 7 } })
    expect(fake.versions.at(-1)).toMatchObject({ tag: script.tag, message: script.message })
  })

  it('takes shares of two versions that add up to 100, and nothing else', async () => {
    await using fake = await CloudflareApiFake.start()
    const client = clientOf(fake)
    const [a = '', b = '', c = ''] = [fake.versions[0]?.id, fake.addVersion(), fake.addVersion()]
    const share = (versionId: string, percentage: number) => ({ versionId, percentage })

    expect((await client.deploy([share(a, 95), share(b, 5)], 'm')).kind).toBe('done')
    expect(await client.deployment()).toEqual({ kind: 'done', result: [share(a, 95), share(b, 5)] })
    expect(await client.deploy([share(a, 95), share(b, 6)], 'm')).toMatchObject({ kind: 'refused' })
    expect(await client.deploy([share(a, 50), share(b, 25), share(c, 25)], 'm')).toMatchObject({ kind: 'refused' })
    expect(await client.deploy([share('unknown', 100)], 'm')).toMatchObject({ kind: 'refused' })
  })

  it('refuses a script that is too large, with its number to search for', async () => {
    await using fake = await CloudflareApiFake.start()
    const random = randomBytes(3_200_000).toString('base64')
    const large = { ...script, modules: [{ name: 'worker.js', content: random }] }

    expect(await clientOf(fake).upload(large)).toMatchObject({
      kind: 'refused',
      because: expect.stringContaining('10027'),
    })
  })

  it.each([
    ['120', 120_000],
    ['Sun, 22 Nov 2026 09:00:30 GMT', 30_000],
    ['999999', 600_000],
    ['soon', undefined],
  ])('that asks for a pause of %s gets it, at most ten minutes', async (retryAfter, afterMs) => {
    await using server = await answering((_, response) => {
      response.setHeader('date', 'Sun, 22 Nov 2026 09:00:00 GMT')
      response.writeHead(429, { 'retry-after': retryAfter }).end('{}')
    })
    await using fake = await CloudflareApiFake.start()

    const reply = await clientOf(fake, { api: server.url }).deployment()

    expect(reply).toMatchObject({ kind: 'later', ...(afterMs === undefined ? {} : { afterMs }) })
    if (afterMs === undefined) expect(reply).not.toHaveProperty('afterMs')
  })

  it('is told apart from a page of a proxy, a cut answer and one of another shape: their effect is not known', async () => {
    await using fake = await CloudflareApiFake.start()
    for (const body of ['<html>', '{"success":true,"result":{"deployments":7}}', '{"success":false}']) {
      await using server = await answering((_, response) => response.writeHead(200).end(body))
      const client = clientOf(fake, { api: server.url })
      expect(await client.deployment()).toMatchObject({ kind: 'later' })
      if (!body.includes('true')) expect(await client.putValue('k', 'v')).toMatchObject({ kind: 'later' })
    }
    fake.fault = () => ({ kind: 'cut' })
    expect(await clientOf(fake).deployment()).toMatchObject({ kind: 'later' })
  })

  it('never brings the token into words, not even where a server echoes it', async () => {
    await using server = await answering((request, response) => {
      const errors = [{ code: 1, message: `bad header ${request.headers.authorization}` }]
      response.writeHead(400).end(JSON.stringify({ success: false, errors }))
    })
    await using fake = await CloudflareApiFake.start()

    const reply = await clientOf(fake, { api: server.url }).deployment()

    expect(JSON.stringify(reply)).not.toContain(fake.token)
    expect(reply).toMatchObject({ kind: 'refused', because: expect.stringContaining('Bearer [redacted]') })
  })

  it('is not asked without a token, which counts as refused', async () => {
    await using fake = await CloudflareApiFake.start()
    const token = () => {
      throw new Error('its file is not there')
    }

    expect(await clientOf(fake, { token }).deployment()).toMatchObject({ kind: 'denied' })
    expect(fake.calls).toEqual([])
  })

  it('is told as refused, and does not try for ever, with a token that no header can bear', async () => {
    await using fake = await CloudflareApiFake.start()

    expect(await clientOf(fake, { token: () => 'two\nlines' }).deployment()).toEqual({
      kind: 'denied',
      because: 'the token cannot be read',
    })
  })

  it('does not bring the token into words when its file ends in empty lines', async () => {
    await using server = await answering((request, response) => {
      const errors = [{ code: 1, message: `bad header ${request.headers.authorization}` }]
      response.writeHead(400).end(JSON.stringify({ success: false, errors }))
    })
    await using fake = await CloudflareApiFake.start()

    const reply = await clientOf(fake, { api: server.url, token: () => `${fake.token}\n` }).deployment()

    expect(JSON.stringify(reply)).not.toContain(fake.token)
  })

  it('is asked with the token that there is at that moment', async () => {
    await using fake = await CloudflareApiFake.start()
    let token = 'old'
    const client = clientOf(fake, { token: () => token })
    expect((await client.deployment()).kind).toBe('denied')

    token = fake.token

    expect((await client.deployment()).kind).toBe('done')
  })
})

async function answering(answer: Parameters<typeof createServer>[1] & object) {
  const server = createServer(answer as never)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
