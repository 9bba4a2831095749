import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signCall } from '#routes/call.ts'
import type { CacheInvalidated } from '#routes/gateway-answers.ts'
import type { CachePolicy } from '#routes/policy.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

const cache: CachePolicy = { profile: 'api', ttlMs: 60_000, per: 'everyone', key: {}, tags: ['order:{id}'] }
const orders = route('/v1/orders/{id}', { methods: ['GET'], policy: { ...policy, cache } })
const anything = route('/v1/anything/{id}', { policy: { ...policy, cache } })
const target = '/cache/v1/http-orders:invalidate'

let bed: Bed
let gateway: RunningGateway
let origin: RecordingUpstream

const client = (name: string, namespaces: string[], verbs: string[]) => ({
  name,
  sha256: hash('sha256', name, 'hex'),
  namespaces,
  verbs,
})

beforeAll(async () => {
  bed = await openBed()
  origin = await startRecordingUpstream(({ head }, number) =>
    head.startsWith('GET ')
      ? ok(`answer ${number}`)
      : { bytes: 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n' },
  )
  const deployed = service('orders', { deployments: [{ site: 'onprem', url: origin.url }] })
  await bed.writeTable('table', structure([orders, anything], { services: [deployed] }), placementSet([]))
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    cache: {
      zones: [{ name: 'near', driver: 'memory' }],
      clients: [
        client('purger', ['http-*', 'shop'], ['delete']),
        client('reader', ['*'], ['read', 'write']),
        client('elsewhere', ['http-users'], ['delete']),
        client('everything', ['*'], ['read', 'write', 'delete']),
      ],
    },
  })
})
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await origin.close()
})

const post = (path: string, body: unknown, headers: Record<string, string> = { authorization: 'Bearer purger' }) =>
  fetch(gateway.internal + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code?: string }).code]

describe('POST /cache/v1/{namespace}:invalidate', () => {
  it('answers with its stamp, what it applied, and each site', async () => {
    const answer = await post(target, { tags: ['order:1', 'order:2'], routes: [orders.id], soft: 30, reason: 'x' })

    expect(answer.status).toBe(200)
    const { stamp, words, sites } = (await answer.json()) as CacheInvalidated
    expect(words).toEqual({ tags: 2, routes: 1 })
    expect(sites).toEqual({ onprem: 'applied' })
    expect(BigInt(stamp)).toBeGreaterThan(0n)
    const again = (await (await post(target, { tags: ['order:1'] })).json()) as CacheInvalidated
    expect(BigInt(again.stamp)).toBeGreaterThan(BigInt(stamp))
  })

  it('removes keys of a program, too', async () => {
    const url = `${gateway.internal}/cache/v1/shop/a%2Fb`
    const headers = { authorization: 'Bearer everything' }
    await fetch(url, { method: 'PUT', body: 'x', headers })
    expect((await fetch(url, { headers })).status).toBe(200)

    expect((await post('/cache/v1/shop:invalidate', { keys: ['a/b'] })).status).toBe(200)

    expect((await fetch(url, { headers })).status).toBe(404)
  })

  it('is for clients that may delete there, for nobody without a credential, and never for one to write answers', async () => {
    const as = (name: string) => ({ authorization: `Bearer ${name}` })

    expect(await codeOf(await post(target, { all: true }, as('reader')))).toEqual([403, 'cache-forbidden'])
    expect(await codeOf(await post(target, { all: true }, as('elsewhere')))).toEqual([403, 'cache-forbidden'])
    expect(await codeOf(await post(target, { all: true }, {}))).toEqual([401, 'internal-call-refused'])
    expect(await codeOf(await post(target, { all: true }, as('unknown')))).toEqual([401, 'internal-call-refused'])
    const put = await fetch(`${gateway.internal}/cache/v1/http-orders/k`, {
      method: 'PUT',
      body: 'x',
      headers: as('everything'),
    })
    expect(await codeOf(put)).toEqual([403, 'cache-forbidden'])
  })

  it('is for the control plane by its signature over the words, and for operators who may turn things', async () => {
    const body = JSON.stringify({ all: true })
    const signed = async (over: string) => {
      const call = { method: 'POST', target, body: Buffer.from(over), audience: 'gateway:onprem' }
      return { 'x-tidegate-call': await signCall(call, bed.rings['control-gateway'], Date.now(), 'n') }
    }

    expect((await post(target, body, await signed(body))).status).toBe(200)
    expect(await codeOf(await post(target, '{"all":true }', await signed(body)))).toEqual([
      401,
      'internal-call-refused',
    ])
    expect((await post(target, body, { authorization: 'Bearer operator-token' })).status).toBe(200)
  })

  it.each([
    ['{"tags":"a"}', 400, 'tags'],
    ['nonsense', 400, 'the body'],
    ['', 400, 'the body'],
    ['[]', 400, 'the body'],
    ['{"keys":["k"]}', 400, 'keys'],
    ['{"urls":["https://api.example.com/v1/orders/1","nonsense"]}', 400, 'urls[1]'],
  ])('refuses %s, naming the field', async (body, status, field) => {
    const answer = await post(target, body)

    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(((await answer.json()) as { detail: string }).detail).toContain(`${field} is not acceptable`)
  })

  it('Cache U6: refuses a prefix that is too deep', async () => {
    const answer = await post(target, { prefixes: ['api.example.com/v1/orders/7'] })
    expect(answer.status).toBe(200)
    const wide = route('/v1/files/**', { policy: { ...policy, cache } })
    await bed.writeTable('deep', structure([wide]), placementSet([]))
    await using deep = await bed.start('onprem', {
      home: bed.folder.file('home-deep'),
      table: { file: 'deep' },
      cache: { zones: [{ name: 'near', driver: 'memory' }] },
    })

    const refused = await deep.ask(target, {
      method: 'POST',
      body: JSON.stringify({ prefixes: ['api.example.com/v1/files/a/b/c'] }),
    })

    expect(await codeOf(refused)).toEqual([422, 'cache-prefix-too-deep'])
  })

  it('takes the last `:` of the path for the verb, and knows no other', async () => {
    expect(await codeOf(await post('/cache/v1/http-orders:drop', { all: true }))).toEqual([
      400,
      'cache-request-invalid',
    ])
    expect(await codeOf(await post('/cache/v1/http-orders', { all: true }))).toEqual([400, 'cache-request-invalid'])
    expect(await codeOf(await post('/cache/v1/http-orders/k:invalidate', { all: true }))).toEqual([
      400,
      'cache-request-invalid',
    ])
  })

  it('tells how long it took', async () => {
    await post(target, { tags: ['order:1'] })

    expect(await (await gateway.ask('/metrics')).text()).toMatch(/tidegate_cache_purge_seconds_count\{mode="hard"\} \d/)
  })
})

describe('the public listener', () => {
  it.each([
    ['refused where the table knows other methods', '/v1/orders/4', 0],
    ['passed on to the service where it knows none, and the service refuses', '/v1/anything/4', 1],
  ])('Cache U4: has no purge: PURGE is a method like any other, %s', async (_, path, reached) => {
    const ask = (method: string) => fetch(gateway.public + path, { method })
    const first = await (await ask('GET')).text()
    const before = origin.requests.length

    const purged = await ask('PURGE')

    expect(purged.status).toBe(405)
    expect(origin.requests).toHaveLength(before + reached)
    expect(await (await ask('GET')).text()).toBe(first)
    expect(origin.requests).toHaveLength(before + reached)
  })

  it('Cache U4: has nothing of the internal API', async () => {
    const headers = { authorization: 'Bearer purger' }

    const answer = await fetch(gateway.public + target, { method: 'POST', headers, body: '{"all":true}' })

    expect(answer.status).toBe(404)
  })
})
