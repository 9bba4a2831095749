import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import type { Client } from '../../../../control-plane/api-client/client.ts'
import { Doctor } from '../../../../control-plane/cli/edge-doctor/doctor.ts'
import { type Certificate, selfSigned } from '../../../support/certificates.ts'

const options = { origins: new Map<string, URL>(), bodyBytes: 1 }

/** A control plane whose words tell which they are, and a server that keeps the heads that it gets. */
async function bed(answer: string, tls?: Certificate, ca?: string) {
  let given = 0
  const heads: string[] = []
  const client = {
    echoWords: async () => {
      given++
      return { header: 'x-tidegate-echo', words: { plain: `word-${given}` }, now: 1_000, expiresAt: 301_000 }
    },
    statusCall: async () => ({ target: '/status', header: { name: 'x-tidegate-call', value: 'signed' } }),
  } as unknown as Client
  const serve = (socket: Socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (chunk) => {
      heads.push(chunk.toString('latin1'))
      socket.end(answer)
    })
  }
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(`http${tls === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const clock = new HeldClock(1_000)
  const doctor = await Doctor.begin({ url, host: 'api.example.com', ca }, client, clock, options)
  return {
    doctor,
    clock,
    heads,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

describe('a doctor', () => {
  it('takes new words before the old ones end', async () => {
    await using at = await bed('HTTP/1.1 204 No Content\r\n\r\n')

    await at.doctor.echo({})
    at.clock.advance(4 * 60_000 + 1)
    await at.doctor.echo({})

    expect(at.heads.map((head) => /x-tidegate-echo: (.*)\r/.exec(head)?.[1])).toEqual(['word-1', 'word-1', 'word-2'])
  })

  it('asks nothing more of whoever did not answer the plainest question', async () => {
    await using at = await bed('')

    const replies = [await at.doctor.echo({ method: 'PUT' }), await at.doctor.echo({ behaviour: 'sse' })]

    expect(replies.map(({ kind }) => kind)).toEqual(['silence', 'silence'])
    expect(at.heads).toHaveLength(1)
  })

  it('shows no signed word to whom no certificate vouches for', async () => {
    const tls = await selfSigned('api.example.com')
    await using stranger = await bed('HTTP/1.1 204 No Content\r\n\r\n', tls)
    await using known = await bed('HTTP/1.1 204 No Content\r\n\r\n', tls, tls.cert)

    const reply = await stranger.doctor.plain()
    expect(reply).toMatchObject({ kind: 'silence', because: expect.stringContaining('the certificate is refused') })
    expect(reply.outcome.certificateFault).toMatch(/self.signed/i)
    expect(await stranger.doctor.status()).toBeUndefined()
    expect(stranger.heads).toEqual([])
    expect(await known.doctor.plain()).toMatchObject({ kind: 'other', status: 204 })
  })

  it.each([
    ['null', {}],
    ['no table', { held: null }],
    ['a table without numbers', { held: {} }],
    ['a number that is none', { held: { structure: { number: 1 }, placements: { number: 'x' } } }],
    ['an empty refusal', { refusals: [null] }],
  ])('takes nothing for the status of an edge that is none: %s', async (name, told) => {
    const numbers = { structure: { number: 1 }, placements: { number: 2 } }
    const status = { name: 'edge-1', source: 'bundle', held: numbers, refusals: [] as unknown[] }
    const answer = (body: unknown) => `HTTP/1.1 200 OK\r\n\r\n${JSON.stringify(body)}`
    await using edge = await bed(answer(status))
    await using stranger = await bed(answer(name === 'null' ? null : { ...status, ...told }))

    expect(await edge.doctor.status()).toEqual(status)
    expect(await stranger.doctor.status()).toBeUndefined()
  })

  it('sends the host, the target and the fields as they are', async () => {
    await using at = await bed('HTTP/1.1 204 No Content\r\n\r\n')

    await at.doctor.ask({
      method: 'POST',
      target: '/a//b',
      body: Buffer.from('abc'),
      times: 2,
      fields: [['Cookie', 'a=1']],
    })

    const sent = at.heads.at(-1) ?? ''
    expect(sent).toMatch(/^POST \/a\/\/b HTTP\/1\.1\r\nHost: api\.example\.com\r\n/)
    expect(sent).toMatch(/\r\nContent-Length: 6\r\nCookie: a=1\r\n\r\n/)
  })
})
