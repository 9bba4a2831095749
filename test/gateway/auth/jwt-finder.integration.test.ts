import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { keyFetcher } from '../../../gateway/auth/fetch-keys.ts'
import { JwtFinder } from '../../../gateway/auth/jwt-finder.ts'
import { authYaml } from './auth-yaml.ts'

const log = createLog({ program: 'test', level: 'silent' })
const iss = 'https://id.example.com'

interface Key {
  readonly alg: string
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

let url: string
let keys: Key[]
/** What the server of keys answers; a text goes out as it is. */
let answer: () => object | string | undefined
let fetched: number
let close: () => void
let first: Key
let second: Key
let clock: HeldClock

beforeAll(async () => {
  const server = createServer((_, response) => {
    fetched++
    const said = answer()
    if (said === undefined) response.destroy()
    else response.writeHead(200).end(typeof said === 'string' ? said : JSON.stringify(said))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
  close = () => void server.close().closeAllConnections()
  ;[first, second] = (await Promise.all([keyOf('ES256', 'k1'), keyOf('EdDSA', 'k2')])) as [Key, Key]
})
afterAll(() => close())
beforeEach(() => {
  keys = [first]
  fetched = 0
  answer = () => ({ keys: keys.map(({ jwk }) => jwk) })
  clock = new HeldClock(Date.UTC(2026, 0, 1))
})

async function keyOf(alg: string, kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

function open(issuer: object = {}, more: object = {}) {
  const one = { issuer: iss, audience: ['api'], jwks: url, algorithms: ['ES256', 'EdDSA', 'RS256'], ...issuer }
  const { jwt } = authYaml({ jwt: { issuers: [one], deadline: '500ms', ...more } })
  const { fetch } = keyFetcher(500)
  return new JwtFinder({ yaml: jwt, fetch, clock, background: new Background(log), log })
}

const seconds = () => Math.floor(clock.now() / 1_000)

function sign(claims: object = {}, key = first, head: object = {}): Promise<string> {
  const whole = { iss, aud: 'api', sub: 'anna', exp: seconds() + 300, scope: 'orders:read orders:write', ...claims }
  const kept = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined))
  return new SignJWT(kept).setProtectedHeader({ alg: key.alg, kid: key.kid, ...head }).sign(key.privateKey)
}

const failure = (asked: Promise<unknown>) =>
  asked.then(
    (caller) => caller,
    ({ code }) => code as string,
  )

describe('a JSON Web Token', () => {
  it('of a known issuer is its consumer, with scopes and the claims that are wanted', async () => {
    const finder = open({ claims: ['branch', 'age', 'list'], prefix: 'id:' })
    const token = await sign({ branch: 'north', age: 7, list: [1], secret: 'x' })

    const caller = await finder.find(token)

    expect(caller).toEqual({
      consumer: 'id:anna',
      scopes: ['orders:read', 'orders:write'],
      by: 'jwt',
      claims: { branch: 'north', age: '7' },
      expiresAt: (seconds() + 300) * 1_000 + 30_000,
    })
    expect(finder.isOurs(token)).toBe(true)
  })

  it('may tell its scopes in scp or a claim of its own, and its consumer elsewhere', async () => {
    expect(await open().find(await sign({ scope: undefined, scp: ['a', 'b'] }))).toMatchObject({ scopes: ['a', 'b'] })
    const finder = open({ scopes: 'https://example.com/roles', consumer: 'client_id' })
    const token = await sign({ 'https://example.com/roles': ['x'], client_id: 'app' })
    expect(await finder.find(token)).toMatchObject({ scopes: ['x'], consumer: 'app' })
  })

  it('is nobody without a valid end, issuer, audience or consumer', async () => {
    const finder = open()
    const wrong = [
      { exp: undefined },
      { exp: seconds() - 31 },
      { exp: 'soon' },
      { nbf: seconds() + 31 },
      { aud: 'other' },
      { aud: undefined },
      { iss: undefined },
      { sub: undefined },
      { sub: 'anna\u00e4' },
      { sub: 'a b' },
    ]
    for (const claims of wrong) {
      expect(await finder.find(await sign(claims)), JSON.stringify(claims)).toBeUndefined()
    }
    expect(await finder.find(await sign({ exp: seconds() - 29 }))).toBeDefined()
    expect(await finder.find(await sign({ iss: 'https://other.example.com' }))).toBeUndefined()
    expect(finder.isOurs(await sign({ iss: 'https://other.example.com' }))).toBe(false)
  })

  it('is nobody when its signature is none, is of a shared secret, or of somebody else', async () => {
    const finder = open()
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = encoded({ iss, aud: 'api', sub: 'root', exp: seconds() + 300 })
    const none = `${encoded({ alg: 'none', kid: 'k1' })}.${claims}.`
    const head = `${encoded({ alg: 'HS256', kid: 'k1' })}.${claims}`
    // The classic: the public key taken for a shared secret.
    const confused = `${head}.${createHmac('sha256', JSON.stringify(first.jwk)).update(head).digest('base64url')}`
    const stolen = { ...(await keyOf('ES256', 'k1')), kid: 'k1' }
    const bent = (await sign()).replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))

    for (const token of [none, confused, await sign({}, stolen), bent, 'a.b.c', 'eyJ.e30.'])
      expect(await finder.find(token), token).toBeUndefined()
  })

  it('is nobody by an algorithm that the issuer is not listed with, though the key is known', async () => {
    keys = [first, second]
    const finder = open({ algorithms: ['ES256'] })

    expect(await finder.find(await sign({}, second))).toBeUndefined()
    expect(await finder.find(await sign({}, first))).toBeDefined()
  })

  it('is verified once, and remembered for a minute, and never past its end', async () => {
    const finder = open()
    const [long, short] = [await sign(), await sign({ exp: seconds() + 10 })]
    await Promise.all([finder.find(long), finder.find(long), finder.find(short)])

    expect(finder.recall(long)).toMatchObject({ consumer: 'anna' })
    expect(finder.size).toBe(2)
    clock.advance(40_000)
    expect(finder.recall(short)).toBeUndefined()
    expect(finder.recall(long)).toBeDefined()
    clock.advance(20_001)
    expect(finder.recall(long)).toBeUndefined()
  })
})

describe('keys of an issuer', () => {
  it('that are new are found on the first token with them, and old tokens are verified anew', async () => {
    const finder = open()
    const old = await sign()
    await finder.find(old)
    expect(finder.recall(old)).toBeDefined()

    keys = [second]
    clock.advance(30_000)
    expect(await finder.find(await sign({}, second))).toBeDefined()

    expect(finder.recall(old)).toBeUndefined()
    expect(await finder.find(old)).toBeUndefined()
    expect(fetched).toBe(2)
  })

  it('are asked for at most once in 30 s and once at a time, whoever invents key ids', async () => {
    const finder = open()
    await finder.find(await sign())
    clock.advance(30_000)

    const invented = await Promise.all(Array.from({ length: 50 }, (_, at) => sign({}, first, { kid: `x${at}` })))
    expect(await Promise.all(invented.map((token) => finder.find(token)))).toEqual(invented.map(() => undefined))
    for (const token of invented) await finder.find(token)

    expect(fetched).toBe(2)
  })

  it('stay good while their server is away, and what is unknown is neither good nor bad then', async () => {
    const finder = open({}, { refresh: '1m', keepFor: '1h' })
    await finder.find(await sign())
    answer = () => undefined

    clock.advance(10 * 60_000)
    expect(await finder.find(await sign({ jti: '1' }))).toBeDefined()
    expect(await failure(finder.find(await sign({}, second)))).toBe('jwt-keys-away')

    clock.advance(60 * 60_000)
    expect(await failure(finder.find(await sign({ jti: '2' })))).toBe('jwt-keys-away')
    answer = () => ({ keys: [first.jwk] })
    clock.advance(1_000)
    expect(await finder.find(await sign({ jti: '3' }))).toBeDefined()
  })

  it('that were never to be had make 503, and are asked for once a second', async () => {
    answer = () => undefined
    const finder = open()

    for (let time = 0; time < 20; time++) expect(await failure(finder.find(await sign()))).toBe('jwt-keys-away')

    expect(fetched).toBe(1)
  })

  it.each([
    ['no JSON', 'hello'],
    ['null', 'null'],
    ['no list', '{"keys":{}}'],
    ['shared secrets alone', '{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"k1"}]}'],
    ['more keys than anyone has', JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })],
  ])('that are %s are none', async (_, text) => {
    answer = () => text

    expect(await failure(open().find(await sign()))).toBe('jwt-keys-away')
  })

  it('that stand in more than 256 KiB are none, though they are good', async () => {
    answer = () => ({ keys: [first.jwk], more: 'x'.repeat(300_000) })

    expect(await failure(open().find(await sign()))).toBe('jwt-keys-away')
  })

  it('whose server never ends its answer are waited for no longer than the deadline', async () => {
    const stuck = createServer((_, response) => void response.writeHead(200).write('{"keys":[')).listen(0, '127.0.0.1')
    await once(stuck, 'listening')
    const started = performance.now()

    const jwks = `http://127.0.0.1:${(stuck.address() as AddressInfo).port}/`
    expect(await failure(open({ jwks }).find(await sign()))).toBe('jwt-keys-away')

    expect(performance.now() - started).toBeLessThan(2_000)
    stuck.close().closeAllConnections()
  })
})

describe('the configuration', () => {
  it.each(['none', 'HS256', 'HS512', 'hs256'])('refuses the algorithm %s', (algorithm) => {
    expect(() => open({ algorithms: [algorithm] })).toThrow(/algorithms/)
  })
})
