import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import { type Answer, ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { FakeGateway } from '../support/fake-gateway.ts'

const json = ['content-type: application/json']
const taken = ok('{"stamp":"42","words":{"tags":1},"sites":{"onprem":"applied","cloud":"journaled"}}', json)
const sites = ['onprem', 'cloud'] as const

let plane: TestControlPlane
let gateways: FakeGateway[]
let internals: RecordingUpstream[]
let answers: Record<string, Answer>
/** Requests that each had before the test. */
let before: number[]

beforeAll(async () => {
  plane = await startControlPlane()
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
  internals = await Promise.all(sites.map((site) => startRecordingUpstream(() => answers[site] ?? taken)))
  gateways = await Promise.all(sites.map((site) => FakeGateway.start({ keys: plane.keys, site })))
  for (const [at, gateway] of gateways.entries()) {
    gateway.internalUrl = internals[at]?.url ?? ''
    await gateway.connect(plane.url)
  }
})
beforeEach(() => {
  answers = {}
  before = internals.map(({ requests }) => requests.length)
})
afterAll(async () => {
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]()
  for (const internal of internals) await internal.close()
  await plane.stop()
})

const fieldOf = (head: string, name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim()
const lastEntry = async () => {
  const entries = await plane.client.audit({ limit: 500 })
  return entries.at(-1)
}
const refusal = (status: string, body: object): Answer => {
  const text = JSON.stringify(body)
  return {
    bytes: `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  }
}

describe('POST /api/v1/cache/invalidations', () => {
  it('asks one process of each site by a signed call, and tells what became of it at each', async () => {
    const body = { service: 'orders', tags: ['order:1'], soft: 60, reason: 'price list' }

    const answer = await plane.client.invalidate(body)

    expect(answer).toMatchObject({ namespace: 'http-orders', mode: 'soft 60s', complete: true })
    expect(answer.sites).toMatchObject([
      { site: 'onprem', outcome: 'applied', instance: gateways[0]?.instance, stamp: '42' },
      { site: 'cloud', outcome: 'applied', instance: gateways[1]?.instance },
    ])
    for (const [at, site] of sites.entries()) {
      const { head, body: sent } = (await internals[at]?.received((before[at] ?? 0) + 1)) ?? {
        head: '',
        body: Buffer.alloc(0),
      }
      const target = '/cache/v1/http-orders:invalidate'
      const call = { method: 'POST', target, body: sent, audience: `gateway:${site}` }
      const ring = plane.keys.keys.rings['control-gateway']
      expect(head).toMatch(new RegExp(`^POST ${target} HTTP/1.1\r\n`))
      expect(await checkCall(fieldOf(head, headers.call), call, ring, Date.now())).toBe('valid')
      expect(JSON.parse(sent.toString())).toEqual({ tags: ['order:1'], soft: 60, reason: 'admin: price list' })
    }
  })

  it('Cache U3: tells in the audit who purged what, how and why', async () => {
    await plane.client.invalidate({ service: 'orders', tags: ['a', 'b'], reason: 'price list' })

    expect(await lastEntry()).toMatchObject({
      action: 'cache.invalidate',
      actor: 'admin',
      object: 'orders',
      after: { namespace: 'http-orders', mode: 'hard', tags: { count: 2, first: ['a', 'b'] } },
      reason: 'price list',
    })
    expect(await plane.client.verifyAudit()).toMatchObject({ valid: true })
  })

  it('is for tokens that may purge, and for no others', async () => {
    const reader = await plane.clientWith(['read', 'flip', 'apply'])
    const pipeline = await plane.clientWith(['purge'])

    await expect(reader.invalidate({ service: 'orders', all: true })).rejects.toMatchObject({ status: 403 })
    await expect(pipeline.invalidate({ service: 'orders', all: true })).resolves.toMatchObject({ complete: true })
    await expect(pipeline.status()).rejects.toMatchObject({ status: 403 })
  })

  it('says which site has not taken it, and fails when none has', async () => {
    answers['cloud'] = refusal('503 Service Unavailable', { code: 'cache-invalidation-not-durable', detail: 'no zone' })

    const half = await plane.client.invalidate({ service: 'orders', all: true })
    answers['onprem'] = answers['cloud']
    const none = plane.client.invalidate({ service: 'orders', all: true })

    expect(half).toMatchObject({ complete: false, sites: [{ outcome: 'applied' }, { outcome: 'failed' }] })
    expect(half.sites[1]?.because).toMatch(/no zone/)
    await expect(none).rejects.toMatchObject({ status: 503, code: 'invalidation-failed' })
  })

  it('Cache U6: a prefix that a gateway cannot follow is refused here, with the words of the gateway', async () => {
    answers['onprem'] = refusal('422 Unprocessable Content', { code: 'cache-prefix-too-deep', detail: 'prefixes[0] …' })

    const sent = plane.client.invalidate({ service: 'orders', prefixes: ['api.example.com/a/b/c/d/e'] })

    await expect(sent).rejects.toMatchObject({ status: 422, code: 'invalidation-refused' })
    await expect(sent).rejects.toThrow(/prefixes\[0\]/)
  })

  it('counts a site that keeps nothing as done', async () => {
    answers['cloud'] = refusal('404 Not Found', { code: 'endpoint-unknown' })

    const answer = await plane.client.invalidate({ service: 'orders', all: true })

    expect(answer).toMatchObject({ complete: true, sites: [{ outcome: 'applied' }, { outcome: 'no-cache' }] })
  })

  it.each([
    [404, { service: 'order', all: true }, /did you mean orders/],
    [400, { service: 'orders' }, /names nothing/],
    [400, { all: true }, /needs a service/],
    [400, { service: 'orders', tags: [''] }, /tags/],
    [400, { service: 'orders', all: true, soft: 0 }, /soft/],
    [400, { service: 'orders', urls: Array.from({ length: 1_001 }, () => 'https://a.example/') }, /urls/],
  ] as const)('refuses with %s, naming the fault: %j', async (status, body, told) => {
    const sent = plane.client.invalidate(body as never)

    await expect(sent).rejects.toMatchObject({ status })
    await expect(sent).rejects.toThrow(told)
    expect(internals.map(({ requests }) => requests.length)).toEqual(before)
  })
})
