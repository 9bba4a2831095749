import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-port.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let onpremRedis: TestServer
let cloudRedis: TestServer
let onpremTokens: Redis
let cloudTokens: Redis
let onprem: RunningGateway
let cloud: RunningGateway

const sha256 = (token: string) => hash('sha256', token, 'hex')
const grant = (store: Redis, token: string, consumer: string, scopes: string[], expiresAt?: number) =>
  store.set(
    `token:${sha256(token)}`,
    JSON.stringify({ consumer, scopes, ...(expiresAt === undefined ? {} : { expiresAt }) }),
  )

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(() => ok('hello'))
  ;[onpremRedis, cloudRedis] = await Promise.all([startRedis(), startRedis()])
  onpremTokens = new Redis(onpremRedis.port)
  cloudTokens = new Redis(cloudRedis.port)
  const deployments = [
    { site: 'onprem', url: upstream.url },
    { site: 'cloud', url: upstream.url },
  ]
  const services = [service('orders', { deployments }), service('local', { deployments })]
  const auth = { scopes: ['orders:read'] }
  const routes = [
    route('/v1/orders', { policy: { ...policy, auth } }),
    route('/open'),
    route('/keyed', { policy: { ...policy, auth: { ...auth, any: ['api-key'] } } }),
    route('/here', { service: 'local', policy: { ...policy, auth } }),
  ]
  // The cloud owns the unit that people are flipped to; `/here` is served at onprem.
  const set = placementSet([placement('local'), placement('orders', { owner: 'cloud' })])
  const file = await bed.writeTable('table', structure(routes, { services }), set)
  const [onpremPublic, onpremInternal, cloudPublic, cloudInternal] = (await freePorts(4)) as [
    number,
    number,
    number,
    number,
  ]
  const url = (port: number) => `http://127.0.0.1:${port}`
  const start = (site: string, listen: [number, number], other: string, peer: [number, number], redis: TestServer) =>
    bed.start(site, {
      table: { file },
      listen: { public: `127.0.0.1:${listen[0]}`, internal: `127.0.0.1:${listen[1]}` },
      peers: { [other]: { public: url(peer[0]), internal: url(peer[1]) } },
      tokens: { driver: 'redis', url: `redis://${redis.address}`, alsoAsk: [other], peerDeadline: '300ms' },
      apiKeys: { headers: ['x-api-key'] },
    })
  ;[onprem, cloud] = await Promise.all([
    start('onprem', [onpremPublic, onpremInternal], 'cloud', [cloudPublic, cloudInternal], onpremRedis),
    start('cloud', [cloudPublic, cloudInternal], 'onprem', [onpremPublic, onpremInternal], cloudRedis),
  ])
})

afterAll(async () => {
  onpremTokens.disconnect()
  cloudTokens.disconnect()
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), onpremRedis.stop(), cloudRedis.stop()])
})

async function ask(
  token: string | undefined,
  path = '/v1/orders',
  gateway = cloud,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(gateway.public + path, {
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  })
  const text = await answer.text()
  const code = answer.status === 200 ? undefined : (JSON.parse(text) as { code: string }).code
  return { status: answer.status, code, challenge: answer.headers.get('www-authenticate') }
}

describe('a request of a route that is not public', () => {
  it('without a token is 401, with a challenge', async () => {
    expect(await ask(undefined)).toEqual({ status: 401, code: 'token-missing', challenge: 'Bearer' })
  })

  it('with an unknown token is 401', async () => {
    expect(await ask('nobody-knows-it')).toEqual({
      status: 401,
      code: 'token-invalid',
      challenge: 'Bearer error="invalid_token"',
    })
  })

  it('with a token longer than any that was ever given out is 401, whoever would know it', async () => {
    const long = 'x'.repeat(4_097)
    await grant(onpremTokens, long, 'anna', ['orders:read'])

    expect(await ask(long, '/here', onprem)).toMatchObject({ status: 401 })
  })

  it('with an expired token is 401', async () => {
    await grant(cloudTokens, 'old', 'shop', ['orders:read'], Date.now() - 1)

    expect(await ask('old')).toMatchObject({ status: 401, code: 'token-invalid' })
  })

  it('with a token that lacks the scope is 403', async () => {
    await grant(cloudTokens, 'weak', 'shop', ['orders:list'])

    expect(await ask('weak')).toEqual({
      status: 403,
      code: 'scope-missing',
      challenge: 'Bearer error="insufficient_scope", scope="orders:read"',
    })
  })

  it('with a good token reaches the service, which learns who calls from us alone', async () => {
    await grant(cloudTokens, 'good', 'shop', ['orders:read'])

    const answer = await ask('good', '/v1/orders', cloud, {
      'x-tidegate-consumer': 'root',
      x_tidegate_consumer: 'root',
      'X-Tidegate_Consumer': 'root',
    })

    expect(answer.status).toBe(200)
    const { head } = upstream.requests.at(-1) as { head: string }
    expect(head.match(/x.tidegate.consumer.*/gi)).toEqual(['x-tidegate-consumer: shop'])
  })

  it('with two credentials is 401, whichever is good', async () => {
    const { request } = await import('undici')
    const answer = await request(`${cloud.public}/v1/orders`, {
      headers: ['host', 'x', 'authorization', 'Bearer good', 'authorization', 'Bearer bad'],
    })
    await answer.body.dump()

    expect(answer.statusCode).toBe(401)
  })

  it('is not asked for a token when it is public', async () => {
    expect(await ask(undefined, '/open')).toMatchObject({ status: 200 })
  })
})

describe('a token that was given out at another site', () => {
  it('is good here too, and refused here within a second of its revocation there', async () => {
    await grant(onpremTokens, 'from-onprem', 'app', ['orders:read'])
    expect((await ask('from-onprem')).status).toBe(200)
    expect((await ask('from-onprem')).status).toBe(200)

    await onpremTokens.del(`token:${sha256('from-onprem')}`)
    const revoked = performance.now()
    await eventually(async () => (await ask('from-onprem')).status === 401, { deadlineMs: 2000 })

    expect(performance.now() - revoked).toBeLessThan(1_000)
  })

  it('may be an API key, which is asked for as one', async () => {
    const entry = JSON.stringify({ consumer: 'partner', scopes: ['orders:read'] })
    await onpremTokens.set(`apikey:${sha256('key-of-onprem')}`, entry)
    await grant(onpremTokens, 'token-of-onprem', 'app', ['orders:read'])

    expect(await ask(undefined, '/keyed', cloud, { 'x-api-key': 'key-of-onprem' })).toMatchObject({ status: 200 })
    expect(await ask(undefined, '/keyed', cloud, { 'x-api-key': 'token-of-onprem' })).toMatchObject({ status: 401 })
  })

  it('is asked for once however many requests bring it at once', async () => {
    const before = await looksAt(onpremTokens)

    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('stampede')))

    expect(answers.every(({ status }) => status === 401)).toBe(true)
    expect((await looksAt(onpremTokens)) - before).toBe(1)
  })

  it('is neither good nor bad while that site does not answer', async () => {
    await grant(onpremTokens, 'unreachable', 'app', ['orders:read'])
    await onprem.process.freeze()
    try {
      expect(await ask('unreachable')).toMatchObject({ status: 503, code: 'auth-peer-away' })
    } finally {
      onprem.process.signal('SIGCONT')
    }

    await eventually(async () => (await ask('unreachable')).status === 200)
  })

  it('is not told to anyone who is not a peer', async () => {
    const answer = await fetch(`${onprem.internal}/gateway/v1/tokens/find`, {
      method: 'POST',
      body: '{"token":"unreachable"}',
    })

    expect(answer.status).toBe(401)
    expect(
      (await onprem.ask('/gateway/v1/tokens/find', { method: 'POST', body: '{"token":"unreachable"}' })).status,
    ).toBe(401)
  })
})

describe('a token store that is away', () => {
  it('makes 503 and never 401, and public routes go on', async () => {
    // Our own client would go on calling a server that is gone.
    cloudTokens.disconnect()
    await cloudRedis.process.stop()

    await eventually(async () => (await ask('good')).code === 'auth-store-away')
    expect(await ask('good')).toMatchObject({ status: 503, code: 'auth-store-away' })
    expect(await ask(undefined, '/open')).toMatchObject({ status: 200 })
  })
})

describe('tokens of a file', () => {
  it('are read again when the file changes', async () => {
    const file = bed.folder.file('tokens.json')
    const entry = { sha256: sha256('of-file'), consumer: 'file-app', scopes: ['orders:read'] }
    await writeFile(file, JSON.stringify([entry]))
    const gateway = await bed.start('onprem', {
      table: { file: 'table' },
      home: 'home-file',
      tokens: { driver: 'memory', file: 'tokens.json' },
    })
    expect((await ask('of-file', '/here', gateway)).status).toBe(200)

    await writeFile(file, '[]')

    await eventually(async () => (await ask('of-file', '/here', gateway)).status === 401, { deadlineMs: 1000 })
  })
})

async function looksAt(store: Redis): Promise<number> {
  const stats = await store.info('commandstats')
  return Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}
