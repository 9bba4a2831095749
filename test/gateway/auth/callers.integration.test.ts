import { generateKeyPairSync, hash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

/** Whole gateways: API keys, JWTs, identities of both forms, and paths that can be read in two ways. */

let bed: Bed
let upstream: RecordingUpstream
let redis: TestServer
let store: Redis
let plain: RunningGateway
let signing: RunningGateway
let sign: (claims?: object) => Promise<string>
let closeIssuer: () => void

const sha256 = (text: string) => hash('sha256', text, 'hex')

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(() => ok('hello'))
  redis = await startRedis(['--requirepass', 'of-redis'])
  store = new Redis(redis.port, { password: 'of-redis' })
  await store.set(`token:${sha256('good')}`, JSON.stringify({ consumer: 'shop', scopes: ['read'] }))
  await store.hset(`apikey:${sha256('key')}`, { consumer: 'partner', scopes: 'read' })

  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }
  const issuer = createServer((_, response) => void response.end(JSON.stringify({ keys: [jwk] }))).listen(
    0,
    '127.0.0.1',
  )
  await once(issuer, 'listening')
  closeIssuer = () => void issuer.close().closeAllConnections()
  sign = (claims = {}) =>
    new SignJWT({ scope: 'read', branch: 'north', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('https://id.example.com')
      .setAudience('api')
      .setSubject('anna')
      .setExpirationTime('5m')
      .sign(privateKey)

  const deployments = [
    { site: 'onprem', url: upstream.url },
    { site: 'cloud', url: upstream.url },
  ]
  const guarded = (any?: readonly ('token' | 'api-key' | 'jwt')[], scopes = ['read']) => ({
    policy: { ...policy, auth: { scopes, ...(any === undefined ? {} : { any }) } },
  })
  const routes = [
    route('/open'),
    route('/tokens', guarded()),
    route('/any', guarded(['token', 'api-key', 'jwt'])),
    route('/keys', guarded(['api-key'])),
    route('/jwt', guarded(['jwt'])),
    route('/admin', guarded(undefined, ['admin'])),
    route('/**'),
  ]
  const set = placementSet([placement('orders')])
  const file = await bed.writeTable('table', structure(routes, { services: [service('orders', { deployments })] }), set)
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  await writeFile(bed.folder.file('identity.pem'), pem, { mode: 0o600 })
  await writeFile(bed.folder.file('redis-password'), 'of-redis\n', { mode: 0o600 })

  const port = (issuer.address() as AddressInfo).port
  const common = {
    table: { file },
    tokens: {
      driver: 'redis',
      url: `redis://${redis.address}`,
      password: `\${file:${bed.folder.file('redis-password')}}`,
      guesses: 1_000,
    },
    apiKeys: { headers: ['x-api-key'], form: 'hash' },
    jwt: {
      issuers: [
        {
          issuer: 'https://id.example.com',
          audience: ['api'],
          jwks: `http://127.0.0.1:${port}/`,
          algorithms: ['ES256'],
          claims: ['branch'],
        },
      ],
    },
  }
  const identity = { consumer: 'x-consumer', scopes: 'x-scopes', claims: { branch: 'x-branch' } }
  ;[plain, signing] = await Promise.all([
    bed.start('onprem', { ...common, identity }),
    bed.start('onprem', {
      ...common,
      apiKeys: { ...common.apiKeys, pass: true },
      home: 'home-signing',
      identity: { form: 'token', keys: ['identity.pem'], claims: { branch: 'x-branch' } },
    }),
  ])
  await eventually(async () => (await ask('/tokens', { authorization: 'Bearer good' })).status === 200)
}, 30_000)

afterAll(async () => {
  store.disconnect()
  closeIssuer()
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), redis.stop()])
})

async function ask(path: string, headers: Record<string, string> = {}, gateway = plain) {
  const answer = await fetch(gateway.public + path, { headers })
  const text = await answer.text()
  const code = answer.status === 200 ? undefined : (JSON.parse(text) as { code: string }).code
  return { status: answer.status, code, challenge: answer.headers.get('www-authenticate') }
}

const lastHead = () => upstream.requests.at(-1)?.head ?? ''
const fieldsOf = (name: RegExp) => lastHead().match(name) ?? []

describe('an API key', () => {
  it('lets its owner in, and stays with us', async () => {
    expect(await ask('/keys', { 'X-API-Key': 'key' })).toMatchObject({ status: 200 })

    expect(fieldsOf(/x.api.key.*/gi)).toEqual([])
    expect(fieldsOf(/x-consumer.*/gi)).toEqual(['x-consumer: partner'])
  })

  it('goes on to the service where that is meant', async () => {
    expect(await ask('/keys', { 'x-api-key': 'key' }, signing)).toMatchObject({ status: 200 })

    expect(fieldsOf(/x-api-key.*/gi)).toEqual(['x-api-key: key'])
  })

  it('is 401 when it is unknown, is no token, and a token is no key', async () => {
    expect(await ask('/keys', { 'x-api-key': 'good' })).toMatchObject({ status: 401, code: 'token-invalid' })
    expect(await ask('/tokens', { authorization: 'Bearer key' })).toMatchObject({ status: 401, code: 'token-invalid' })
    expect(await ask('/tokens', { 'x-api-key': 'key' })).toMatchObject({ status: 401, code: 'token-missing' })
  })

  it('that is taken away is refused at once', async () => {
    await store.hset(`apikey:${sha256('brief')}`, { consumer: 'brief', scopes: 'read' })
    expect(await ask('/keys', { 'x-api-key': 'brief' })).toMatchObject({ status: 200 })

    await store.del(`apikey:${sha256('brief')}`)
    const revokedAt = performance.now()
    await eventually(async () => (await ask('/keys', { 'x-api-key': 'brief' })).status === 401)

    expect(performance.now() - revokedAt).toBeLessThan(500)
  })
})

describe('a JWT', () => {
  it('lets its subject in, with its claims for the service', async () => {
    expect(await ask('/jwt', { authorization: `Bearer ${await sign()}` })).toMatchObject({ status: 200 })

    expect(fieldsOf(/x-(?:consumer|scopes|branch).*/gi)).toEqual([
      'x-consumer: anna',
      'x-scopes: read',
      'x-branch: north',
    ])
  })

  it('is 401 on a route that does not take it, and 403 without the scope', async () => {
    expect(await ask('/tokens', { authorization: `Bearer ${await sign()}` })).toMatchObject({ status: 401 })
    expect(await ask('/jwt', { authorization: `Bearer ${await sign({ scope: 'other' })}` })).toEqual({
      status: 403,
      code: 'scope-missing',
      challenge: 'Bearer error="insufficient_scope", scope="read"',
    })
  })

  it('beside a key on a route that takes both is 401', async () => {
    const both = { authorization: `Bearer ${await sign()}`, 'x-api-key': 'key' }

    expect(await ask('/any', both)).toMatchObject({ status: 401, code: 'token-invalid' })
    expect(await ask('/jwt', both)).toMatchObject({ status: 200 })
  })
})

describe('the identity that a service gets', () => {
  it("H6: is ours alone: a client's own fields of its names never pass, in any case, nor their twins", async () => {
    const client = await rawClient(plain.port)
    const own = ['X-Consumer: root', 'x_consumer: root', 'X-SCOPES: all', 'x_branch: south', 'x-api-key: stolen']
    client.write(`GET /open HTTP/1.1\r\nHost: api.example.com\r\n${own.join('\r\n')}\r\nConnection: close\r\n\r\n`)
    expect(await client.closed()).toMatch(/^HTTP\/1.1 200/)

    expect(fieldsOf(/^x.(?:consumer|scopes|branch|api.key).*$/gim)).toEqual([])
  })

  it('is not taken away by a Connection field that names it', async () => {
    await ask('/open')
    const client = await rawClient(plain.port)
    const fields = 'Authorization: Bearer good\r\nConnection: close, x-consumer, authorization'
    client.write(`GET /tokens HTTP/1.1\r\nHost: api.example.com\r\n${fields}\r\n\r\n`)
    expect(await client.closed()).toMatch(/^HTTP\/1.1 200/)

    expect(fieldsOf(/x-consumer.*/gi)).toEqual(['x-consumer: shop'])
  })

  it('may be a token that we sign for that service, verified by the keys that we publish', async () => {
    const own = { 'x-tidegate-identity': 'forged', 'x-branch': 'south', authorization: `Bearer ${await sign()}` }
    expect(await ask('/jwt', own, signing)).toMatchObject({ status: 200 })

    const [field = ''] = fieldsOf(/x-tidegate-identity: .*/gi)
    const keys = createRemoteJWKSet(new URL(`${signing.internal}/gateway/v1/identity/jwks.json`), {
      headers: { authorization: 'Bearer operator-token' },
    })
    const { payload } = await jwtVerify(field.split(': ')[1]?.trim() ?? '', keys, { audience: 'orders' })
    expect(payload).toMatchObject({ iss: 'tidegate:onprem', sub: 'anna', by: 'jwt', claims: { branch: 'north' } })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(60)
    expect(fieldsOf(/x-branch.*|x-tidegate-consumer.*/gi)).toEqual([])
  })

  it('has keys for who may read them, and none where nothing is signed', async () => {
    expect((await fetch(`${signing.internal}/gateway/v1/identity/jwks.json`)).status).toBe(401)
    expect((await plain.ask('/gateway/v1/identity/jwks.json')).status).toBe(404)
  })
})

describe('a path that a service may read as a guarded one', () => {
  it.each(['/ADMIN', '/Admin', '/;/admin', '/admin;x=1', '/;a=b/admin'])(
    'P6: %s is 401 without the guard of /admin, though a public route takes it',
    async (path) => {
      const before = upstream.requests.length

      expect(await ask(path)).toMatchObject({ status: 401 })
      expect(await ask(path, { authorization: 'Bearer good' })).toMatchObject({ status: 403, code: 'scope-missing' })

      expect(upstream.requests.length).toBe(before)
    },
  )
})

describe('what auth tells', () => {
  it('are counts of look-ups by outcome, and how many are kept', async () => {
    await ask('/tokens', { authorization: 'Bearer good' })
    await ask('/tokens', { authorization: 'Bearer nobody-at-all' })

    const text = await (await plain.ask('/metrics')).text()
    const value = (line: string) =>
      Number(
        text
          .split('\n')
          .find((one) => one.startsWith(line))
          ?.split(' ')
          .at(-1),
      )

    expect(value('tidegate_auth_lookups_total{kind="token",outcome="remembered"}')).toBeGreaterThan(0)
    expect(value('tidegate_auth_lookups_total{kind="token",outcome="unknown"}')).toBeGreaterThan(0)
    expect(value('tidegate_auth_lookups_total{kind="jwt",outcome="known"}')).toBeGreaterThan(0)
    expect(value('tidegate_auth_remembered{what="known"}')).toBeGreaterThan(0)
    expect(value('tidegate_auth_invalidations_total{what="key"}')).toBeGreaterThan(0)
  })
})
