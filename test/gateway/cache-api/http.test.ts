import { afterEach, describe, expect, it } from 'vitest'
import { type MissReason, valueLimitBytes } from '../../../gateway/store/cache-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { serveFromMemory } from './cache-api-bed.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]()
})

async function serve(over?: Parameters<typeof serveFromMemory>[0]) {
  const api = await serveFromMemory(over)
  open.push(api)
  return api
}

const path = '/cache/v1/shop/k'

describe('the cache API', () => {
  it('gives back what was put: bytes, content type, flags, age and what is left of its life', async () => {
    const { send, clock } = await serve()
    const body = Buffer.from([0, 1, 2, 255])

    const put = await send('PUT', path, {
      body,
      headers: { 'content-type': 'image/x; a=b', 'cache-control': 'public, max-age=60', 'x-tidegate-cache-flags': '7' },
    })
    clock.advance(10_500)
    const got = await send('GET', path)
    const head = await send('HEAD', path)

    expect(put.status).toBe(201)
    expect(got.status).toBe(200)
    expect(got.body.equals(body)).toBe(true)
    expect(got.headers).toMatchObject({
      etag: put.headers.etag,
      age: '10',
      'cache-control': 'max-age=49',
      'content-type': 'image/x; a=b',
      'x-tidegate-cache-zone': 'zone-a',
      'x-tidegate-cache-state': 'hit',
      'x-tidegate-cache-flags': '7',
    })
    expect(got.headers.etag).toMatch(/^"\d+"$/)
    expect(head.status).toBe(200)
    expect(head.headers['content-length']).toBe('4')
    expect((await send('GET', path, { headers: { 'if-none-match': got.headers.etag ?? '' } })).status).toBe(304)
  })

  it('serves a value as stale for a while after its time, if it was put so, and then no more', async () => {
    const { send, clock } = await serve()
    await send('PUT', path, { body: 'x', headers: { 'cache-control': 'max-age=10, stale-while-revalidate=20' } })
    const state = async () => {
      const { status, headers } = await send('GET', path)
      return [status, headers['x-tidegate-cache-state'], headers['cache-control']]
    }

    clock.advance(9_000)
    expect(await state()).toEqual([200, 'hit', 'max-age=1, stale-while-revalidate=20'])
    clock.advance(1_000)
    expect(await state()).toEqual([200, 'stale', 'max-age=0, stale-while-revalidate=20'])
    clock.advance(19_000)
    expect(await state()).toEqual([200, 'stale', 'max-age=0, stale-while-revalidate=1'])
    clock.advance(1_000)
    expect((await state())[0]).toBe(404)
  })

  it('deletes softly: the value is stale at once, and gone after the time that was asked for', async () => {
    const { send, clock } = await serve()
    await send('PUT', path, { body: 'x', headers: { 'x-tidegate-cache-ttl': '60' } })

    expect((await send('DELETE', `${path}?soft=30`)).status).toBe(204)

    const stale = await send('GET', path)
    expect([String(stale.body), stale.headers['x-tidegate-cache-state']]).toEqual(['x', 'stale'])
    clock.advance(30_000)
    expect((await send('GET', path)).status).toBe(404)
    expect((await send('DELETE', '/cache/v1/shop/nothing?soft=30')).code).toBe('cache-miss')
    expect((await send('DELETE', `${path}?sotf=30`)).code).toBe('cache-request-invalid')
  })

  it('tells a new value from a replaced one, and a present one from an absent one', async () => {
    const { send } = await serve()

    expect((await send('DELETE', path)).code).toBe('cache-miss')
    expect((await send('PUT', path, { body: 'x', headers: { 'x-tidegate-cache-ttl': '60' } })).status).toBe(201)
    expect((await send('PUT', path, { body: 'y' })).status).toBe(204)
    expect((await send('DELETE', path)).status).toBe(204)
    const miss = await send('GET', path)
    expect(miss).toMatchObject({ status: 404, code: 'cache-miss' })
    expect(miss.headers['x-tidegate-cache-reason']).toBe('absent')
    expect((await send('PUT', path)).status).toBe(201)
    expect((await send('GET', path)).body).toHaveLength(0)
  })

  it('keeps keys apart that a router or a URL parser would make one', async () => {
    const { send } = await serve()
    const keys = [
      'a/b',
      'a//b',
      'a/./b',
      'a/../b',
      'a%2Fb2',
      'a%252Fb',
      'a;b',
      'a+b',
      'a%20b',
      'A',
      'a/',
      'k'.repeat(1024),
    ]
    const encoded = '%F0%9F%94%91'.repeat(256)
    for (const key of [...keys, encoded]) {
      expect((await send('PUT', `/cache/v1/shop/${key}`, { body: key })).status, key).toBe(201)
    }

    for (const key of [...keys, encoded]) {
      expect((await send('GET', `/cache/v1/shop/${key}?x=y`)).body.toString()).toBe(key)
    }
    expect((await send('GET', '/cache/v1/shop/a%2Fb')).body.toString()).toBe('a/b')
  })

  it('refuses, and names, what it cannot take', async () => {
    const { send } = await serve()
    const bad = async (method: string, target: string, headers: Record<string, string> = {}) => {
      const { status, code, body } = await send(method, target, { headers, ...(method === 'PUT' ? { body: 'x' } : {}) })
      expect(status).toBe(400)
      return code === 'cache-request-invalid' ? (JSON.parse(body.toString()) as { detail: string }).detail : code
    }

    expect(await bad('GET', '/cache/v1/shop/')).toContain('the key')
    expect(await bad('GET', `/cache/v1/shop/${'k'.repeat(1025)}`)).toContain('the key')
    expect(await bad('GET', '/cache/v1/SHOP/k')).toContain('the namespace')
    // Refused by Fastify's router already; how that reads is the listener's own matter.
    expect((await send('GET', '/cache/v1/shop/%FF')).status).toBe(400)
    expect(await bad('PUT', path, { 'x-tidegate-cache-ttl': '0' })).toContain('x-tidegate-cache-ttl')
    expect(await bad('PUT', path, { 'x-tidegate-cache-ttl': '1.5' })).toContain('x-tidegate-cache-ttl')
    expect(await bad('PUT', path, { 'cache-control': 'max-age=-1' })).toContain('cache-control')
    expect(await bad('PUT', path, { 'x-tidegate-cache-flags': '4294967296' })).toContain('x-tidegate-cache-flags')
    expect(await bad('PUT', path, { 'content-encoding': 'gz ip' })).toContain('content-encoding')
    expect(await bad('PUT', path, { 'content-type': `a/${'b'.repeat(300)}` })).toContain('content-type')
    expect(await bad('PUT', path, { 'if-match': '"1", "2"' })).toContain('if-match')
    expect(await bad('PUT', path, { 'if-none-match': '"1"' })).toContain('if-none-match')
  })

  it('takes a value of the limit and refuses one byte more', async () => {
    const { send } = await serve()

    expect((await send('PUT', path, { body: Buffer.alloc(valueLimitBytes) })).status).toBe(201)
    const refused = await send('PUT', path, { body: Buffer.alloc(valueLimitBytes + 1) })
    expect(refused).toMatchObject({ status: 413, code: 'cache-too-large' })
  })

  it('changes a value only if it is the one that was read', async () => {
    const { send } = await serve()
    const ifMatch = (tag: string) => ({ body: 'z', headers: { 'if-match': tag } })

    expect(await send('PUT', path, ifMatch('*'))).toMatchObject({ status: 412, code: 'cache-precondition-failed' })
    const first = (await send('PUT', path, { body: 'x', headers: { 'if-none-match': '*' } })).headers.etag ?? ''
    expect((await send('PUT', path, { body: 'x', headers: { 'if-none-match': '*' } })).status).toBe(412)
    expect((await send('PUT', path, ifMatch(first))).status).toBe(204)
    for (const tag of [first, '"other"', `W/${first}`, '"99999999999999999999"']) {
      expect((await send('PUT', path, ifMatch(tag))).status, tag).toBe(412)
      expect((await send('DELETE', path, { headers: { 'if-match': tag } })).status, tag).toBe(412)
    }
    expect((await send('PUT', path, ifMatch('*'))).status).toBe(204)
    const { headers } = await send('GET', path)
    expect((await send('DELETE', path, { headers: { 'if-match': headers.etag ?? '' } })).status).toBe(204)
  })

  it('gives each client its own namespaces and verbs', async () => {
    const { send } = await serve()
    const as = (authorization: string) => ({ headers: { authorization } })

    expect(await send('GET', path, as('nobody'))).toMatchObject({ status: 401, code: 'cache-unauthenticated' })
    expect(await send('PUT', path, { ...as('reader'), body: 'x' })).toMatchObject({
      status: 403,
      code: 'cache-forbidden',
    })
    expect(await send('DELETE', path, as('reader'))).toMatchObject({ status: 403, code: 'cache-forbidden' })
    expect((await send('GET', '/cache/v1/other/k')).status).toBe(403)
    expect((await send('GET', '/cache/v1/session-eu/k')).status).toBe(404)
    expect((await send('GET', '/cache/v1/other/k', as('reader'))).status).toBe(404)
  })

  it('never fails a read: whatever happens to the zones is a miss with its reason', async () => {
    for (const because of ['timeout', 'closed', 'unreadable', 'refused', 'protocol', 'overload'] as MissReason[]) {
      const { send } = await serve({ get: async () => ({ kind: 'miss', because }) })

      const answer = await send('GET', path)

      expect(answer).toMatchObject({ status: 404, code: 'cache-miss' })
      expect(answer.headers['x-tidegate-cache-reason']).toBe(because)
    }
  })

  it('says when a write or a delete is not safe', async () => {
    const { send } = await serve({ put: async () => 'failed', delete: async () => 'failed' })

    expect(await send('PUT', path, { body: 'x' })).toMatchObject({ status: 503, code: 'cache-write-unavailable' })
    expect(await send('DELETE', path)).toMatchObject({ status: 503, code: 'cache-invalidation-not-durable' })
  })

  it('swaps and deletes by etag, also what came from a clock ahead of ours', async () => {
    const { send, store, clock } = await serve()
    const ahead = new StampClock({ now: () => clock.now() + 5_000, monotonic: () => 0 }, 2)
    const [first, second] = [ahead.next(), ahead.next()]
    await store.put('shop', 'k', Buffer.from('x'), { stamp: first, ttlMs: -1 })
    await store.put('shop', 'other', Buffer.from('x'), { stamp: second, ttlMs: -1 })

    expect((await send('DELETE', '/cache/v1/shop/other', { headers: { 'if-match': `"${second}"` } })).status).toBe(204)
    const again = await serve()
    await again.store.put('shop', 'k', Buffer.from('x'), { stamp: first, ttlMs: -1 })
    expect((await again.send('PUT', path, { body: 'y', headers: { 'if-match': `"${first}"` } })).status).toBe(204)
  })

  it('deletes what is there now, also when it came from a clock ahead of ours', async () => {
    const { send, store, clock } = await serve()
    const ahead = new StampClock({ ...clock, now: () => clock.now() + 5_000, monotonic: () => 0 }, 2).next()
    await store.put('shop', 'k', Buffer.from('x'), { stamp: ahead, ttlMs: -1 })

    expect((await send('DELETE', path)).status).toBe(204)
    expect((await send('GET', path)).status).toBe(404)
  })
})
