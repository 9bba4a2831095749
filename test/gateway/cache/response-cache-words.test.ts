import { describe, expect, it } from 'vitest'
import { TrafficMetrics } from '../../../gateway/account/traffic-metrics.ts'
import { problems } from '../../../gateway/errors.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { policy, route } from '../../support/tables.ts'
import { cachedRoute } from './asked.ts'
import { type CachedService, failing, openCachedService } from './cached-service.ts'

const ask = (service: CachedService, ...headers: string[]) => service.ask('/v1/a', { headers })

describe('what a service says to caches', () => {
  const words = [
    'X-Tidegate-Cache-Control',
    'max-age=20',
    'Surrogate-Key',
    'a b',
    'Cache-Tag',
    'c',
    'CDN-Cache-Control',
    'x',
  ]

  it("Cache T4: in our own field governs, and is no client's to see, on a miss, a hit and by the cache", async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: words })

    const miss = await ask(service)
    const hit = await ask(service)
    const bypassed = await ask(service, 'If-Match', '*')

    expect([miss.cache, hit.cache]).toEqual([
      'tidegate-onprem; fwd=uri-miss; stored; ttl=20',
      'tidegate-onprem; hit; ttl=20',
    ])
    for (const { field } of [miss, hit, bypassed]) {
      expect(field('x-tidegate-cache-control')).toBeUndefined()
      expect(field('cdn-cache-control')).toBe('x')
    }
  })

  it("Cache T4: in our own field is no client's to see where tags go on to clients, too", async () => {
    const service = await openCachedService({ cache: { forwardTags: true } })
    service.respond = () => ({ body: 'x', headers: words })

    for (const { field } of [await ask(service), await ask(service)])
      expect([field('x-tidegate-cache-control'), field('surrogate-key')]).toEqual([undefined, 'a b'])
  })

  it('Cache N4: as tags stays here, unless the route says that clients get it', async () => {
    for (const forwardTags of [undefined, true] as const) {
      const service = await openCachedService({ cache: forwardTags ? { forwardTags } : {} })
      service.respond = () => ({ body: 'x', headers: words })
      for (const { field } of [await ask(service), await ask(service), await ask(service, 'If-Match', '*')])
        expect([field('surrogate-key'), field('cache-tag')]).toEqual(
          forwardTags ? ['a b', 'c'] : [undefined, undefined],
        )
    }
  })

  it('Cache S6: of single fields is kept from everybody but the first, or until it was asked again', async () => {
    const service = await openCachedService()
    const said = ['Cache-Control', 'max-age=60, private="x-own", no-cache="x-asked"', 'X-Own', '1', 'X-Asked', '1']
    service.respond = () => ({ body: 'x', headers: said })

    const miss = await ask(service)
    const hit = await ask(service)

    expect([miss.field('x-own'), miss.field('x-asked')]).toEqual(['1', '1'])
    expect([hit.field('x-own'), hit.field('x-asked')]).toEqual([undefined, undefined])
  })
})

describe('what the cache says of itself', () => {
  it('Cache CS1: goes behind what caches nearer to the service said', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: ['Cache-Status', 'inner; hit'] })

    const { headers } = await ask(service)

    const members = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === 'cache-status')
    expect(members).toEqual(['inner; hit', 'tidegate-onprem; fwd=uri-miss; stored; ttl=60'])
  })

  it('Cache CS1: is said of methods that it does not answer, too', async () => {
    const service = await openCachedService()

    const { cache } = await service.ask('/v1/a', { method: 'POST' })

    expect(cache).toBe('tidegate-onprem; fwd=method')
  })

  it('Cache CS2: has the key for those who may ask for explanations, who are told all that it rests on', async () => {
    const service = await openCachedService({ cache: { tags: ['order:{query.id}'] } })
    service.respond = () => ({ status: 304, headers: [] })
    const { x, answer } = service.send('/v1/a?id=1')
    x.explained = {}
    service.respond = () => ({
      body: 'x',
      headers: ['Cache-Control', 's-maxage=0, stale-while-revalidate=9', 'ETag', '"1"'],
    })
    await answer

    expect(x.cacheStatus).toContain('key="G|')
    expect(x.explained['response-cache']).toMatchObject({
      decision: 'uri-miss',
      key: expect.stringContaining('|path 5:/v1/a'),
      tags: expect.arrayContaining(['t:order:1']),
    })
  })

  it('Cache R7: hints at the s-maxage that takes a window away', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: ['Cache-Control', 's-maxage=10, stale-while-revalidate=9'] })
    await ask(service)
    const { x, answer } = service.send('/v1/a')
    x.explained = {}
    await answer

    expect(x.explained['response-cache']).toMatchObject({ hint: expect.stringContaining('s-maxage') })
  })

  it('counts each request once, by what it got and why', async () => {
    const service = await openCachedService()
    await ask(service)
    await ask(service)
    await ask(service, 'If-Match', '*')
    const id = cachedRoute('/v1/**').id

    expect(await service.count(`tidegate_cache_requests_total{route="${id}",result="fetched",reason="uri-miss"}`)).toBe(
      1,
    )
    expect(await service.count(`tidegate_cache_requests_total{route="${id}",result="hit",reason="fresh"}`)).toBe(1)
    expect(
      await service.count(`tidegate_cache_requests_total{route="${id}",result="bypass",reason="precondition"}`),
    ).toBe(1)
  })
})

describe('what counts as the word of a service', () => {
  it('Cache M1: is no hit, which is labelled by the site that fetched it', async () => {
    const service = await openCachedService()
    const miss = await ask(service)
    const hit = await ask(service)

    expect([miss.x.storedBy, hit.x.storedBy]).toEqual([undefined, 'onprem'])
    expect(await service.count('tidegate_cache_hits_total{site="onprem"}')).toBe(1)
  })

  it('Cache M1: is told of a validation, whatever its client gets', async () => {
    const service = await openCachedService()
    service.respond = (_, count) => (count === 1 ? { body: 'x', headers: ['ETag', '"1"'] } : { status: 304 })
    await ask(service)
    service.clock.advance(61_000)

    const { x, status } = await ask(service)

    expect([status, x.serviceStatus, x.storedBy]).toEqual([200, 304, undefined])
  })

  it('Cache M1: is not the time in which the store answers', async () => {
    const service = await openCachedService()
    await ask(service)
    const { x, answer } = service.send('/v1/a')
    const seen: unknown[] = []
    const counting = { inc: (labels: unknown) => void seen.push(labels), forget: async () => {} }
    const metrics = { counter: () => counting, histogram: () => ({ observe: counting.inc }) }
    new TrafficMetrics(metrics as never, service.clock, []).closed(x, await answer, 'done')

    expect(seen).toEqual([
      { route: expect.anything(), class: '2xx', from: 'store' },
      { class: '2xx', from: 'store' },
    ])
  })

  it('tells which instance answered, and when, in the account of its client', async () => {
    const service = await openCachedService()
    service.respond = (x) => {
      x.endpoint = '10.0.0.7:80'
      x.firstByteMs = 7
      return { body: 'x' }
    }

    const { x } = await ask(service)

    expect([x.endpoint, x.firstByteMs, service.endings]).toEqual(['10.0.0.7:80', 7, ['done']])
  })
})

describe('an informational answer', () => {
  it('Cache I1: goes to the client whose request caused the fetch, and is never given again', async () => {
    const service = await openCachedService()
    const heard: number[] = []
    service.respond = (x) => {
      x.inform?.(103, ['link', '</a>'])
      return { body: 'x', headers: ['Cache-Control', 'max-age=10, stale-while-revalidate=60'] }
    }
    const send = () => {
      const { x, seen } = service.send('/v1/a')
      Object.assign(x, { inform: (status: number) => heard.push(status) })
      return seen
    }

    await Promise.all([send(), send()])
    await send()
    service.clock.advance(11_000)
    await send()
    await service.settled()

    expect(service.asked).toHaveLength(2)
    expect(heard).toEqual([103])
  })
})

describe('a fault of the cache', () => {
  it('Cache X1: of the store is a miss with its reason, and no failed request', async () => {
    const get: CacheStore['get'] = async () => ({ kind: 'miss', because: 'timeout' })
    const service = await openCachedService({ zone: (zone) => failing(zone, { get, put: async () => 'failed' }) })

    const { status, text, cache } = await ask(service)

    expect([status, text, cache]).toEqual(
      ['200', 'hello', 'tidegate-onprem; fwd=miss; stored; ttl=60; detail=timeout'].map((one, at) =>
        at === 0 ? 200 : one,
      ),
    )
    expect(await service.count('tidegate_cache_stored_total{outcome="failed"}')).toBe(1)
  })

  it('Cache X1: that waits for a write keeps nobody waiting for an answer', async () => {
    const put: CacheStore['put'] = () => new Promise(() => {})
    const service = await openCachedService({ zone: (zone) => failing(zone, { put }) })

    expect((await service.send('/v1/a').seen).text).toBe('hello')
  })

  it('Cache X1: that nobody foresaw costs the request its cache, and nothing else', async () => {
    const get: CacheStore['get'] = async () => {
      throw new Error('out of its mind')
    }
    const service = await openCachedService({ zone: (zone) => failing(zone, { get }) })

    const { status, text, cache } = await ask(service)

    expect([status, text, cache]).toEqual([200, 'hello', 'tidegate-onprem; fwd=bypass; detail=fault'])
  })

  it('is none of the problem that a service is away, which passes', async () => {
    const service = await openCachedService()
    service.respond = () => problems['upstream-reset']()

    const { status, cache } = await ask(service)

    expect([status, cache]).toEqual([502, 'tidegate-onprem; fwd=uri-miss; detail=upstream-reset'])
  })
})

describe('a write', () => {
  const routes = [cachedRoute('/v1/orders/{id}'), route('/v1/orders', { policy }), cachedRoute('/v1/orders/{id}/lines')]

  it('Cache N1: makes what is stored of its target untrue before it is answered', async () => {
    const service = await openCachedService({ routes })
    await service.ask('/v1/orders/1')

    expect((await service.ask('/v1/orders/1', { method: 'PUT' })).status).toBe(200)
    expect((await service.ask('/v1/orders/1')).cache).toContain('fwd=uri-miss')
  })

  it('Cache N1: is not answered before that is done', async () => {
    const gate = Promise.withResolvers<void>()
    const invalidate: CacheStore['invalidate'] = async () => {
      await gate.promise
      return 'applied'
    }
    const service = await openCachedService({ routes, zone: (zone) => failing(zone, { invalidate }) })
    let answered = false
    const { answer } = service.send('/v1/orders/1', { method: 'PUT' })
    const told = answer.then(() => {
      answered = true
    })
    await service.eventually(() => service.asked.length === 1)
    await new Promise((resolve) => setImmediate(resolve))

    expect(answered).toBe(false)
    gate.resolve()
    await told
  })

  it('Cache N1: does so by its Location, also from a route that has no cache', async () => {
    const service = await openCachedService({ routes })
    await service.ask('/v1/orders/1')
    service.respond = () => ({ status: 201, headers: ['Location', '/v1/orders/1'] })

    await service.ask('/v1/orders', { method: 'POST' })

    expect((await service.ask('/v1/orders/1')).cache).toContain('fwd=uri-miss')
  })

  it('Cache N1: that was refused makes nothing untrue', async () => {
    const service = await openCachedService({ routes })
    await service.ask('/v1/orders/1')
    service.respond = () => ({ status: 409 })

    await service.ask('/v1/orders/1', { method: 'PUT' })

    expect((await service.ask('/v1/orders/1')).cache).toContain('hit')
  })

  it('Cache U6: wins over a fetch that began before it and ends after it', async () => {
    const service = await openCachedService({ routes })
    const gate = Promise.withResolvers<void>()
    service.respond = async (x) => {
      if (x.method !== 'GET') return { body: 'done' }
      await gate.promise
      return { body: 'before the write' }
    }
    const reading = service.send('/v1/orders/1').seen
    await service.eventually(() => service.asked.length === 1)
    await service.ask('/v1/orders/1', { method: 'PUT' })
    gate.resolve()
    await reading
    await service.settled()

    expect((await service.ask('/v1/orders/1')).cache).toContain('fwd=uri-miss')
  })
})

describe('the memory of a process', () => {
  it('answers what is asked for often, without the store', async () => {
    let reads = 0
    const service = await openCachedService({
      memory: true,
      zone: (zone) =>
        new Proxy(zone, {
          get: (target, name) => {
            if (name === 'get') reads++
            const own = target[name as keyof CacheStore]
            return typeof own === 'function' ? own.bind(target) : own
          },
        }),
    })
    for (let time = 0; time < 3; time++) await ask(service)
    const before = reads

    const { text, cache, x } = await ask(service)

    expect([text, cache, x.storedBy, reads - before]).toEqual(['hello', 'tidegate-onprem; hit; ttl=60', 'onprem', 0])
    expect(await service.count('tidegate_cache_l1_total{outcome="hit"}')).toBe(1)
  })
})
