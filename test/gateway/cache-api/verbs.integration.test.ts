import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { type CacheStore, valueLimitBytes } from '../../../gateway/store/cache-store.ts'
import { type CacheApi, json, type Send, serveCacheApi, startZones, type Zones } from './cache-api-bed.ts'

let zones: Zones
/** Two processes of a site over the same two zones of real Memcached. */
let near: CacheApi<CacheStore>
let far: CacheApi<CacheStore>
let send: Send
let keys = 0
const newKey = () => `/cache/v1/shop/k${keys++}`
const get = async (path: string) => String((await send('GET', path)).body)

beforeAll(async () => {
  zones = await startZones()
  const [one, two] = await Promise.all([zones.site(1), zones.site(2)])
  near = await serveCacheApi(one, systemClock)
  far = await serveCacheApi(two, systemClock)
  send = near.send
})
afterAll(async () => {
  await near[Symbol.asyncDispose]()
  await far[Symbol.asyncDispose]()
  await zones[Symbol.asyncDispose]()
})

describe('a value', () => {
  it('Store I6: comes back byte for byte with its type, its coding, its flags, from either process', async () => {
    const path = newKey()
    const body = Buffer.from([0, 13, 10, 0xff, 0x80])
    const headers = {
      'content-type': 'application/x-php; v="1"',
      'content-encoding': 'gzip',
      'x-tidegate-cache-flags': '4294967295',
    }

    const put = await send('PUT', path, { body, headers })
    const got = await far.send('GET', path)

    expect(put.status).toBe(201)
    expect(got.body.equals(body)).toBe(true)
    expect(got.headers).toMatchObject({ ...headers, etag: put.headers.etag })
  })

  it('is found again by its tags, whatever letters they have', async () => {
    const path = newKey()
    const tagged = { 'x-tidegate-cache-tags': Buffer.from('order:1, größe').toString('latin1') }

    for (const tag of ['größe', 'order:1']) {
      await send('PUT', path, { body: 'x', headers: tagged })
      expect((await far.send('GET', path)).status).toBe(200)
      const answer = await far.send('POST', '/cache/v1/shop:invalidate', { body: JSON.stringify({ tags: [tag] }) })
      expect(json(answer)).toMatchObject({ tags: 1, keys: 0 })
      expect((await send('GET', path)).status).toBe(404)
    }
    await send('PUT', path, { body: 'x', headers: tagged })
    await far.send('POST', '/cache/v1/shop:invalidate', { body: '{"tags":["other"]}' })
    expect((await send('GET', path)).status).toBe(200)
  })

  it('is invalidated by its key, softly too, also if its clock was ahead', async () => {
    const path = newKey()
    const key = decodeURIComponent(path.split('/').at(-1) ?? '')
    const invalidate = (words: object) =>
      send('POST', '/cache/v1/shop:invalidate', { body: JSON.stringify({ keys: [key], ...words }) })
    await send('PUT', path, { body: 'x' })

    expect(json(await invalidate({ soft: 30 }))).toMatchObject({ keys: 1, tags: 0 })
    expect((await far.send('GET', path)).headers['x-tidegate-cache-state']).toBe('stale')
    await near.store.put('shop', key, Buffer.from('y'), { ttlMs: -1, stamp: near.stamps.next() + (5_000n << 20n) })
    expect((await invalidate({})).status).toBe(200)
    expect((await send('GET', path)).status).toBe(404)
  })
})

describe('POST {key}:incr', () => {
  const incr = (path: string, body: object | string, headers: Record<string, string> = {}) =>
    send('POST', `${path}:incr`, { body: typeof body === 'string' ? body : JSON.stringify(body), headers })

  it('counts up and down, in decimal text, and begins where it is told to', async () => {
    const path = newKey()

    expect(await incr(path, {})).toMatchObject({ status: 404, code: 'cache-miss' })
    expect(json(await incr(path, { by: 1, initial: 40, ttl: 60 }))).toEqual({ value: '40' })
    expect(json(await incr(path, { by: 2 }))).toEqual({ value: '42' })
    expect(json(await incr(path, ''))).toEqual({ value: '43' })
    expect(json(await incr(path, { by: '-3' }))).toEqual({ value: '40' })
    const down = await incr(path, { by: -100 })
    expect(json(down)).toEqual({ value: '0' })
    expect(json(await incr(path, { by: '18446744073709551615' }))).toEqual({ value: '18446744073709551615' })
    const { headers } = await send('GET', path)
    expect(Number(headers['cache-control']?.replace('max-age=', ''))).toBeGreaterThan(50)
    expect(headers.etag).not.toBe(down.headers.etag)
  })

  it('Store I5: loses none of those that many clients make by two processes', async () => {
    const path = newKey()
    const counts = await Promise.all(
      Array.from({ length: 80 }, (_, at) =>
        (at % 2 ? near : far).send('POST', `${path}:incr`, { body: '{"initial":1}' }),
      ),
    )

    const values = counts.map((each) => Number(json(each)['value'])).sort((a, b) => a - b)
    expect(values).toEqual(values.map((_, at) => at + 1))
  })

  it('refuses what is no number, and words that it does not know', async () => {
    const path = newKey()
    await send('PUT', path, { body: 'abc' })

    expect(await incr(path, {})).toMatchObject({ status: 422, code: 'cache-not-a-number' })
    expect(await get(path)).toBe('abc')
    for (const body of [
      { by: 1.5 },
      { by: '1e3' },
      { by: 2 ** 53 },
      { by: '18446744073709551616' },
      { by: null },
      { by: '' },
      { initial: -1 },
      { initial: '99999999999999999999' },
      { ttl: '60' },
      { ttl: 0 },
      { ttl: -1 },
      { ttl: 1e12 },
      { buy: 1 },
      [],
      'nonsense',
      '{"__proto__":1}',
      'null',
    ])
      expect(await incr(path, body), JSON.stringify(body)).toMatchObject({ status: 400, code: 'cache-request-invalid' })
  })
})

describe('POST {key}:touch', () => {
  it('gives another life and makes no other value', async () => {
    const path = newKey()
    const touch = (body: object) => send('POST', `${path}:touch`, { body: JSON.stringify(body) })
    expect((await touch({ ttl: 60 })).status).toBe(404)
    const { headers } = await send('PUT', path, { body: 'x', headers: { 'x-tidegate-cache-ttl': '10' } })

    expect((await touch({ ttl: 600 })).status).toBe(204)

    const got = await far.send('GET', path)
    expect(got.headers.etag).toBe(headers.etag)
    expect(Number(got.headers['cache-control']?.replace('max-age=', ''))).toBeGreaterThan(500)
    expect((await touch({})).code).toBe('cache-request-invalid')
  })

  it('makes a value that would have gone stale last for the new time', async () => {
    const path = newKey()
    await send('PUT', path, { body: 'x', headers: { 'cache-control': 'max-age=5, stale-while-revalidate=60' } })

    expect((await send('POST', `${path}:touch`, { body: '{"ttl":600}' })).status).toBe(204)

    const { headers } = await send('GET', path)
    expect(headers['cache-control']).toMatch(/^max-age=(?:5\d\d|600)$/)
  })

  it('does not make a stale value fresh', async () => {
    const path = newKey()
    await send('PUT', path, { body: 'x' })
    await send('DELETE', `${path}?soft=60`)

    expect((await send('POST', `${path}:touch`, { body: '{"ttl":600}' })).status).toBe(204)

    expect((await send('GET', path)).headers['x-tidegate-cache-state']).toBe('stale')
  })
})

describe('POST {key}:append', () => {
  it('lengthens at the end, or at the beginning, whatever the type of the bytes', async () => {
    const path = newKey()
    const headers = { 'content-type': 'application/octet-stream' }
    expect((await send('POST', `${path}:append`, { body: 'x', headers })).status).toBe(404)
    await send('PUT', path, { body: 'b', headers: { 'content-type': 'text/plain' } })

    const appended = await send('POST', `${path}:append`, { body: 'c', headers })
    expect(appended.status).toBe(204)
    expect((await send('POST', `${path}:append?prepend=1`, { body: 'a' })).status).toBe(204)

    const got = await send('GET', path)
    expect([String(got.body), got.headers['content-type']]).toEqual(['abc', 'text/plain'])
    const large = Buffer.alloc(valueLimitBytes - 2)
    expect(await send('POST', `${path}:append`, { body: large })).toMatchObject({
      status: 413,
      code: 'cache-too-large',
    })
    expect(await get(path)).toBe('abc')
  })
})

describe('POST {key}:lease', () => {
  const lease = async (path: string, from = near, body = '{"ttl":10}') =>
    json(await from.send('POST', `${path}:lease`, { body }))
  const fill = (path: string, token: unknown, body = 'made') =>
    send('PUT', path, { body, headers: { 'x-tidegate-cache-lease': String(token), 'x-tidegate-cache-ttl': '60' } })

  it('lets one make the value, and the others wait until it is there', async () => {
    const path = newKey()
    const won = await lease(path)

    expect(won).toMatchObject({ state: 'win' })
    expect(await lease(path, far)).toEqual({ state: 'wait', retryAfterMs: 50 })
    const filled = await fill(path, won['token'])
    expect(filled.status).toBe(201)
    expect(await lease(path, far)).toEqual({ state: 'hit' })
    const got = await far.send('GET', path)
    expect([String(got.body), got.headers.etag]).toEqual(['made', filled.headers.etag])
  })

  it('loses to a delete, and to nobody with another token', async () => {
    const path = newKey()
    const { token } = await lease(path)

    for (const forged of [BigInt(String(token)) + 1n, 2n ** 64n - 1n, 7n]) {
      expect(await fill(path, forged)).toMatchObject({ status: 409, code: 'cache-superseded' })
    }
    expect((await fill(path, 'abc')).code).toBe('cache-request-invalid')
    await far.send('DELETE', path)
    expect(await fill(path, token, 'old')).toMatchObject({ status: 409, code: 'cache-superseded' })
    expect((await send('GET', path)).status).toBe(404)
  })

  it('lasts ten seconds where nobody says otherwise, and thirty at most', async () => {
    expect(await lease(newKey(), near, '')).toMatchObject({ state: 'win' })
    for (const body of ['{"ttl":31}', '{"ttl":0}', '{"ttl":"9"}', '{"tll":9}']) {
      expect((await lease(newKey(), near, body))['code'], body).toBe('cache-request-invalid')
    }
  })
})

describe('idempotency-key', () => {
  const once =
    (name: string, from = near) =>
    (path: string, body = '{"by":1,"initial":1}') =>
      from.send('POST', path, { body, headers: { 'idempotency-key': name } })

  it('makes one of an incr that is sent again, also by another process', async () => {
    const path = newKey()

    const first = await once('a-1')(`${path}:incr`)
    const again = [await once('a-1')(`${path}:incr`), await once('a-1', far)(`${path}:incr`)]

    expect(json(first)).toEqual({ value: '1' })
    for (const each of again)
      expect([each.status, json(each), each.headers.etag]).toEqual([200, { value: '1' }, first.headers.etag])
    expect(json(await once('a-2')(`${path}:incr`))).toEqual({ value: '2' })
  })

  it('makes one of an append', async () => {
    const path = newKey()
    await send('PUT', path, { body: '' })

    for (const from of [near, far, near]) expect((await once('b-1', from)(`${path}:append`, 'x')).status).toBe(204)

    expect(await get(path)).toBe('x')
  })

  it('keeps a refusal too, and tells a key that was used for something else', async () => {
    const path = newKey()
    expect((await once('c-1')(`${path}:incr`, '{}')).status).toBe(404)
    await send('PUT', path, { body: '1' })

    expect((await once('c-1')(`${path}:incr`, '{}')).status).toBe(404)
    for (const [target, body] of [
      [`${path}:incr`, '{"by":2}'],
      [`${newKey()}:incr`, '{}'],
      [`${path}:append`, '{}'],
    ] as const)
      expect(await once('c-1')(target, body)).toMatchObject({ status: 422, code: 'cache-idempotency-mismatch' })
    const elsewhere = await send('POST', `${path}:incr`, {
      body: '{}',
      headers: { authorization: 'greedy', 'idempotency-key': 'c-1' },
    })
    expect(json(elsewhere)).toEqual({ value: '2' })
  })

  it('counts once when the same request comes many times at once', async () => {
    const path = newKey()

    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, at) => once('d-1', at % 2 ? near : far)(`${path}:incr`)),
    )

    expect(await get(path)).toBe('1')
    for (const each of answers) {
      if (each.status === 200) expect(json(each)).toEqual({ value: '1' })
      else expect(each).toMatchObject({ status: 503, code: 'cache-write-unavailable', headers: { 'retry-after': '1' } })
    }
    expect(answers.some(({ status }) => status === 200)).toBe(true)
  })

  it('is 1 to 255 visible characters', async () => {
    for (const name of ['a b', 'x'.repeat(256), 'a, b']) {
      expect((await once(name)(`${newKey()}:incr`)).code, name).toBe('cache-request-invalid')
    }
  })
})
