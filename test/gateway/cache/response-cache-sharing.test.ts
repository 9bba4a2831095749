import { describe, expect, it } from 'vitest'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { eventually } from '../../support/eventually.ts'
import { type CachedService, type Given, type Line, openCachedService } from './cached-service.ts'

/** Requests that are under way at once: the service answers the first, whom all others wait for, when they are all there. */
async function together(service: CachedService, target: string, lines: readonly Line[], given: Given) {
  const gate = Promise.withResolvers<void>()
  service.respond = async () => {
    await gate.promise
    return given
  }
  const before = service.asked.length
  const [first, ...others] = lines
  const sent = [service.send(target, first)]
  await eventually(() => service.asked.length > before)
  for (const line of others) sent.push(service.send(target, line))
  let waited = 0
  await eventually(async () => {
    waited = await service.count('tidegate_cache_waiting')
    return waited + service.asked.length - before === lines.length
  })
  gate.resolve()
  const seen = await Promise.all(sent.map((one) => one.seen))
  return { seen, asks: service.asked.length - before, waited }
}

describe('what one client gets of another one’s answer', () => {
  const asks = (cookie: string): Line => ({ headers: ['cookie', cookie, 'if-none-match', '"1"'] })

  it('Cache W2: is no 304 that its asker alone may have', async () => {
    const service = await openCachedService({ cache: { ignoreCookies: true } })
    const own = ['ETag', '"1"', 'Set-Cookie', 'session=of-alice']

    for (const more of [[], ['Cache-Control', 'private'], ['Cache-Control', 'no-store'], ['Vary', '*']]) {
      const given = { status: 304, headers: [...own, ...more] }
      const { seen, asks: times } = await together(service, `/v1/${more.join('-')}`, [asks('a=1'), asks('a=2')], given)
      expect([seen[1]?.status, times]).toEqual([304, 2])
    }
  })

  it('Cache W2: is the 304 of one whose request selects alike, and of its fields those of any 304', async () => {
    const service = await openCachedService({ cache: { ignoreCookies: true } })
    const headers = ['ETag', '"1"', 'Vary', 'Cookie', 'X-Account', 'alice']

    const apart = await together(service, '/v1/a', [asks('a=1'), asks('a=2')], { status: 304, headers })
    const alike = await together(service, '/v1/b', [asks('a=1'), asks('a=1')], { status: 304, headers })

    expect([apart.asks, alike.asks]).toEqual([2, 1])
    expect(alike.seen.map((one) => [one.status, one.field('etag'), one.field('x-account')])).toEqual([
      [304, '"1"', 'alice'],
      [304, '"1"', undefined],
    ])
  })

  it('Cache S6: has no field that `no-cache="a"` guards: the service was asked for somebody else', async () => {
    const service = await openCachedService()
    const headers = ['Cache-Control', 'max-age=60, no-cache="x-account"', 'X-Account', 'alice']

    const { seen, asks: times } = await together(service, '/v1/a', [{}, {}], { body: 'x', headers })

    expect(times).toBe(1)
    expect(seen.map((one) => [one.text, one.field('x-account')])).toEqual([
      ['x', 'alice'],
      ['x', undefined],
    ])
  })
})

describe('what one client can do to another one’s answers', () => {
  it('Cache W3: a client that forbids to store its answer does not make others go alone', async () => {
    const service = await openCachedService()
    const forbids = { headers: ['cache-control', 'no-store'] }
    for (let at = 0; at < 8; at++) await service.ask(`/v1/a?${at}`, forbids)
    await service.ask('/v1/a', forbids)

    expect((await together(service, '/v1/a', [{}, {}, {}], { body: 'x' })).asks).toBe(1)
  })

  it('Cache K1: a path in another spelling is answered from the store, and what it brings is nobody else’s', async () => {
    const service = await openCachedService()
    service.respond = ({ target }) =>
      target === '/v1/orders' ? { body: 'orders' } : { status: 404, headers: ['Cache-Control', 'max-age=60'] }

    expect((await service.ask('/v1/%6frders')).cache).toBe('tidegate-onprem; fwd=uri-miss; detail=unsafe-target')
    expect((await service.ask('/v1/orders')).text).toBe('orders')
    expect((await service.ask('/v1/%6frders')).cache).toContain('hit')
  })
})

describe('a client with a credential that the key does not account for', () => {
  const plain = Array.from({ length: 5 }, (): Line => ({}))
  const given = { body: 'x' }

  it.each([
    ['a cookie', ['cookie', 'a=1']],
    ['an authorization', ['authorization', 'Bearer a']],
  ])('Cache W1: with %s neither leads those without, nor makes them go alone', async (_, headers) => {
    const service = await openCachedService()
    const { asks: atOnce } = await together(service, '/v1/a', [{ headers }, ...plain], given)
    expect(atOnce).toBe(2)

    for (let at = 0; at < 8; at++) await service.ask(`/v1/b?${at}`, { headers })
    await service.ask('/v1/c', { headers })

    expect((await together(service, '/v1/c', plain, given)).asks).toBe(1)
  })
})

describe('an API key that goes to the service', () => {
  const keyed = { headers: ['x-api-key', 'of-alice'] }

  it('Cache AU1: is a credential on a public route, too: what it brings is nobody else’s', async () => {
    const service = await openCachedService({ keyHeaders: ['x-api-key'] })
    service.respond = (x) => ({ body: `for ${x.header('x-api-key')}` })

    expect((await service.ask('/v1/a', keyed)).cache).toContain('detail=authorization')
    expect((await service.ask('/v1/a')).text).toBe('for undefined')
    expect(service.asked).toHaveLength(2)
  })

  it('Cache AU1: is none where nothing takes it for one', async () => {
    const service = await openCachedService()

    expect((await service.ask('/v1/a', keyed)).cache).toContain('stored')
  })
})

describe('a request whose answer could be nobody else’s', () => {
  it.each([
    ['Range', ['range', 'bytes=0-1']],
    ['no-store', ['cache-control', 'no-store']],
  ])('Cache W1: for %s joins nobody', async (_, headers) => {
    const service = await openCachedService()

    expect(await together(service, '/v1/a', [{ headers }, { headers }, {}], { body: 'x' })).toMatchObject({
      asks: 3,
      waited: 0,
    })
  })

  it('Cache W5: ends with its client', async () => {
    const service = await openCachedService()
    const gate = Promise.withResolvers<Given>()
    service.respond = () => gate.promise
    const { x, answer } = service.send('/v1/a', { headers: ['range', 'bytes=0-1'] })
    await eventually(() => service.asked.length === 1)

    x.leave()

    expect(service.asked[0]?.gone).toBe(true)
    gate.resolve({ body: 'late' })
    await answer
  })
})

describe('another spelling of a path', () => {
  it('Cache K1: is none where only the letters of an escape are in another case: it is stored, and joined', async () => {
    const service = await openCachedService()
    const { asks, seen } = await together(service, '/v1/caf%c3%a9', [{}, {}], { body: 'x' })

    expect([asks, seen[0]?.cache]).toEqual([1, 'tidegate-onprem; fwd=uri-miss; stored; ttl=60'])
    expect((await service.ask('/v1/caf%C3%A9')).cache).toContain('hit')
  })

  it('Cache K1: says nothing of what is stored: not when it is stale, not by HEAD, not behind the back of a client', async () => {
    const service = await openCachedService({ cache: { ttlMs: 10_000, staleWhileRevalidateMs: 10_000 } })
    service.respond = () => ({ body: 'right', headers: ['ETag', '"1"'] })
    await service.ask('/v1/a')
    service.respond = ({ target }) =>
      target === '/v1/a' ? { status: 304 } : { status: 404, headers: ['ETag', '"2"', 'Cache-Control', 'max-age=60'] }
    service.clock.advance(11_000)
    await service.ask('/v1/%61')
    service.clock.advance(10_000)

    const respelled = await service.ask('/v1/%61')
    await service.ask('/v1/%61', { method: 'HEAD' })

    expect([respelled.status, service.asked.map(({ target }) => target)]).toEqual([
      404,
      ['/v1/a', '/v1/%61', '/v1/%61'],
    ])
    expect(service.asked[2]?.names).not.toContain('if-none-match')
    expect((await service.ask('/v1/a')).text).toBe('right')
  })
})

describe('a client that goes while its process waits for the turn of its site', () => {
  /** A zone in which a lease is given only when the test says so. */
  async function open() {
    const gate = Promise.withResolvers<void>()
    const leases = { taken: 0, released: 0 }
    const zone = (inner: CacheStore): CacheStore => {
      const put = inner.put.bind(inner)
      const remove = inner.delete.bind(inner)
      inner.put = async (namespace, key, value, options) => {
        if (!key.startsWith('lease:')) return put(namespace, key, value, options)
        leases.taken++
        await gate.promise
        return put(namespace, key, value, options)
      }
      inner.delete = async (namespace, key, options) => {
        if (key.startsWith('lease:')) leases.released++
        return remove(namespace, key, options)
      }
      return inner
    }
    const service = await openCachedService({ cache: { coalesce: 'site' }, zone })
    const { x, seen } = service.send('/v1/a')
    await eventually(() => leases.taken === 1)
    return { service, x, seen, gate, leases }
  }

  it('Cache W6: fetches for nobody, and gives the turn back', async () => {
    const { service, x, seen, gate, leases } = await open()

    x.leave()
    gate.resolve()

    expect((await seen).status).toBe(499)
    await service.settled()
    expect([service.asked.length, leases.released]).toEqual([0, 1])
    expect((await service.ask('/v1/a')).text).toBe('hello')
  })

  it('Cache W6: fetches for those who wait with it', async () => {
    const { service, x, seen, gate } = await open()
    const other = service.send('/v1/a').seen
    await eventually(async () => (await service.count('tidegate_cache_waiting')) === 1)

    x.leave()
    gate.resolve()

    expect((await other).text).toBe('hello')
    await seen
    expect(service.asked).toHaveLength(1)
  })
})
