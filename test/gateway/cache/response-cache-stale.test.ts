import { describe, expect, it } from 'vitest'
import { problems } from '../../../gateway/errors.ts'
import { placement, placementSet, structure, tableOf } from '../../support/tables.ts'
import { cachedRoute } from './asked.ts'
import { type CachedService, type Given, openCachedService } from './cached-service.ts'

const refused = problems['upstream-refused']()
const windows = (text: string) => ['Cache-Control', text, 'ETag', '"one"']

/** A first answer with these directives, and what comes after it. */
async function stale(directives: string, later: Awaited<ReturnType<Parameters<typeof script>[0]>>, cache = {}) {
  const service = await openCachedService({ cache: { ttlMs: 60_000, ...cache } })
  service.respond = script((count) => (count === 1 ? { body: 'old', headers: windows(directives) } : later))
  await service.ask('/v1/a')
  service.clock.advance(11_000)
  return service
}

const script =
  (given: (count: number) => Given | typeof refused) =>
  (_: unknown, count: number): Given | typeof refused =>
    given(count)

const ask = (service: CachedService, ...headers: string[]) => service.ask('/v1/a', { headers })

describe('a stale answer', () => {
  it('Cache R1: is validated by its own validators, and answers when it still holds, for its new time', async () => {
    const service = await stale('max-age=10', { status: 304, headers: ['Cache-Control', 'max-age=30', 'X-New', 'yes'] })

    const validated = await ask(service)
    const hit = await ask(service)

    expect([validated.status, validated.text]).toEqual([200, 'old'])
    expect(validated.cache).toBe('tidegate-onprem; fwd=stale; fwd-status=304; ttl=30')
    expect([hit.cache, hit.field('x-new')]).toEqual(['tidegate-onprem; hit; ttl=30', 'yes'])
    expect(service.asked).toHaveLength(2)
  })

  it('Cache R1: gives way to the new answer that comes instead', async () => {
    const service = await stale('max-age=10', { body: 'new', headers: ['Cache-Control', 'max-age=30'] })

    expect((await ask(service)).text).toBe('new')
    expect([(await ask(service)).text, service.asked.length]).toEqual(['new', 2])
  })

  it('Cache C6: that the service takes back with its 304 answers this once, and is gone', async () => {
    const service = await stale('max-age=10', { status: 304, headers: ['Cache-Control', 'no-store'] })

    expect([(await ask(service)).text, (await ask(service)).status]).toEqual(['old', 502])
    expect(service.asked[2]?.names).not.toContain('if-none-match')
  })

  it('Cache S3: that the service forbids to store from now on is gone, and stands in for nothing', async () => {
    const service = await stale('max-age=10, stale-if-error=600', {
      body: 'new',
      headers: ['Cache-Control', 'no-store'],
    })
    expect((await ask(service)).text).toBe('new')
    service.respond = () => refused

    expect((await ask(service)).status).toBe(502)
  })

  it('Cache C5: of which a 304 does not speak is dropped, and the whole is asked for', async () => {
    const service = await openCachedService({ cache: { ttlMs: 10_000 } })
    service.respond = (x, count) => {
      if (count === 1) return { body: 'old', headers: ['ETag', '"one"'] }
      return x.names.includes('if-none-match') ? { status: 304, headers: ['ETag', '"two"'] } : { body: 'new' }
    }
    await ask(service)
    service.clock.advance(11_000)

    const given = await ask(service)

    expect([given.status, given.text, service.asked.length]).toEqual([200, 'new', 3])
  })

  it('Cache R4: answers at once within its window, and is refreshed behind the back of its client', async () => {
    const fresh = { body: 'new', headers: ['Cache-Control', 'max-age=10'] }
    const service = await stale('max-age=10, stale-while-revalidate=30', fresh)

    const given = await ask(service, 'Range', 'bytes=0-0', 'If-None-Match', '"q"')

    expect([given.text, given.cache]).toEqual(['o', 'tidegate-onprem; hit; ttl=-1; detail=swr'])
    const { headers } = service.asked[1] as { headers: readonly string[] }
    expect(headers).toEqual(['if-none-match', '"one"'])
    expect(service.told).toEqual([200])
    expect(await ask(service)).toMatchObject({ text: 'new', cache: 'tidegate-onprem; hit; ttl=10' })
  })

  it('Cache R4: asks once, however many clients it answers meanwhile', async () => {
    const service = await stale('max-age=10, stale-while-revalidate=30', { body: 'new' })
    const gate = Promise.withResolvers<Given>()
    service.respond = () => gate.promise

    const given = await Promise.all(Array.from({ length: 20 }, () => service.send('/v1/a').seen))

    expect(new Set(given.map(({ text }) => text))).toEqual(new Set(['old']))
    expect(service.asked).toHaveLength(2)
    gate.resolve({ body: 'new' })
    await service.settled()
  })

  it('Cache R4: stays through a refresh that fails, which is tried again after a second', async () => {
    const service = await stale('max-age=10, stale-while-revalidate=30', refused)

    expect((await ask(service)).text).toBe('old')
    expect((await ask(service)).text).toBe('old')
    expect(service.asked).toHaveLength(2)
    service.clock.advance(1_000)
    expect((await ask(service)).text).toBe('old')
    expect(service.asked).toHaveLength(3)
    expect(await service.count('tidegate_cache_background_refresh_total{outcome="failed"}')).toBe(2)
  })

  it('Cache R4: stays through a refresh that brings an error, which takes no place in the store', async () => {
    const service = await stale(
      'max-age=10, stale-while-revalidate=30',
      { status: 503, body: 'broken' },
      { negative: { statuses: { '5xx': 5_000 } } },
    )
    await ask(service)

    expect((await ask(service)).text).toBe('old')
  })

  it('Cache R4: past its window is validated before anybody gets it', async () => {
    const service = await stale('max-age=10, stale-while-revalidate=5', { body: 'new' })
    service.clock.advance(10_000)

    expect((await ask(service)).text).toBe('new')
  })

  it('Cache R7: that may not be stale says why no window counts, also where the new answer is not stored', async () => {
    const service = await stale('s-maxage=10, stale-while-revalidate=600', {
      body: 'new',
      headers: ['Cache-Control', 'no-store'],
    })

    expect((await ask(service)).cache).toBe('tidegate-onprem; fwd=stale; detail=swr-off-s-maxage')
  })

  it('Cache W7: is not refreshed once its unit has moved away, though its client came before that', async () => {
    const service = await stale('max-age=10, stale-while-revalidate=30', { body: 'new' })
    const moved = placementSet([placement('orders', { owner: 'cloud', epoch: 2 })], { number: 2 })
    const elsewhere = await tableOf(structure([cachedRoute('/v1/**', { ttlMs: 60_000 })]), moved)

    const { seen } = service.send('/v1/a')
    service.holder.current = elsewhere

    expect((await seen).text).toBe('old')
    await service.settled()
    expect(service.asked).toHaveLength(1)
  })

  it.each([
    ['500', { status: 500 }],
    ['502', { status: 502 }],
    ['503', { status: 503 }],
    ['504', { status: 504 }],
    ['a refused connection', refused],
    ['a time-out', problems['first-byte-timeout']()],
    ['an open breaker', problems['breaker-open']({ service: 'orders', retryAfterS: 1 })],
  ])('Cache R5: stands in for %s within its window', async (_, failure) => {
    const service = await stale('max-age=10, stale-if-error=30', failure)

    const { text, status, cache, x } = await ask(service)

    expect([status, text]).toEqual([200, 'old'])
    expect(cache).toMatch(/^tidegate-onprem; fwd=stale; (?:fwd-status=50\d; )?ttl=-1; detail=stale-if-error$/)
    expect([x.storedBy, x.serviceStatus]).toEqual([
      'onprem',
      failure instanceof Error ? failure.status : failure.status,
    ])
  })

  it('Cache R5: does not wait for the same failure again within a second', async () => {
    const service = await stale('max-age=10, stale-if-error=30', refused)
    await ask(service)

    expect((await ask(service)).cache).toBe('tidegate-onprem; hit; ttl=-1; detail=stale-if-error')
    expect(service.asked).toHaveLength(2)
    service.clock.advance(1_000)
    await ask(service)
    expect(service.asked).toHaveLength(3)
  })

  it('Cache R5: does not stand in for a 4xx, which is an answer', async () => {
    const service = await stale('max-age=10, stale-if-error=30', { status: 404, body: 'gone' })

    expect([(await ask(service)).status, (await ask(service)).status]).toEqual([404, 404])
  })

  it('Cache R6: without a window is never given, not even for a failure', async () => {
    const service = await stale('max-age=10', refused)

    expect((await ask(service)).status).toBe(502)
  })

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=10', 'no-cache'])(
    'Cache R2: with %s is never given stale: 504 where nobody can be asked',
    async (word) => {
      const service = await stale(`max-age=10, ${word}, stale-if-error=99, stale-while-revalidate=99`, refused, {
        staleIfErrorMs: 99_000,
        staleWhileRevalidateMs: 99_000,
      })

      const { status, text, cache } = await ask(service)

      expect([status, JSON.parse(text).code]).toEqual([504, 'stale-forbidden'])
      expect(cache).toContain('fwd=stale')
    },
  )

  it("Cache R2: gives way to an error of the service's own", async () => {
    const service = await stale('max-age=10, must-revalidate', { status: 503, body: 'broken' })

    expect([(await ask(service)).status, (await ask(service)).text]).toEqual([503, 'broken'])
  })

  it('Cache R7: whose window s-maxage forbids is validated, and says why', async () => {
    const service = await stale('s-maxage=10, stale-while-revalidate=600', { status: 304 })

    expect((await ask(service)).cache).toBe(
      'tidegate-onprem; fwd=stale; fwd-status=304; ttl=10; detail=swr-off-s-maxage',
    )
  })
})

describe('what a request says of the answers that it takes', () => {
  it('Cache Q1: counts from everybody under strict, and from nobody without the scope else', async () => {
    for (const [profile, scopes, asks] of [
      ['strict', [], 2],
      ['api', [], 1],
      ['api', ['cache:control'], 2],
    ] as const) {
      const service = await openCachedService({ cache: { profile } })
      service.respond = () => ({ body: 'x', headers: ['Cache-Control', 'public, max-age=60'] })
      await ask(service)
      const { x, seen } = service.send('/v1/a', { headers: ['Cache-Control', 'no-cache'], consumer: 'anna', scopes })
      expect((await seen).cache).toContain(asks === 2 ? 'fwd=request' : 'hit')
      expect([service.asked.length, x.storedBy]).toEqual([asks, asks === 2 ? undefined : 'onprem'])
    }
  })

  it('Cache Q1: only-if-cached gets what is stored, or 504 and no fetch', async () => {
    const service = await openCachedService({ cache: { profile: 'strict' } })
    service.respond = () => ({ body: 'x', headers: ['Cache-Control', 'max-age=60'] })
    const only = ['Cache-Control', 'only-if-cached']

    const none = await ask(service, ...only)
    await ask(service)

    expect([none.status, JSON.parse(none.text).code]).toEqual([504, 'only-if-cached'])
    expect(((await ask(service, ...only)).cache ?? '').startsWith('tidegate-onprem; hit')).toBe(true)
    expect(service.asked).toHaveLength(1)
  })

  it('Cache Q1: no-store is not stored under api, too, and a fresh entry may answer it', async () => {
    const service = await openCachedService()
    const noStore = ['Cache-Control', 'no-store']

    expect((await ask(service, ...noStore)).cache).toBe('tidegate-onprem; fwd=uri-miss; detail=request-no-store')
    await ask(service)
    expect((await ask(service, ...noStore)).cache).toContain('hit')
  })

  it('Cache Q1: max-stale takes what is stale, but not against the word of the service', async () => {
    for (const [word, status] of [
      ['', 200],
      [', must-revalidate', 502],
    ] as const) {
      const service = await stale(`max-age=10${word}`, refused, { profile: 'strict' })
      const given = await ask(service, 'Cache-Control', 'max-stale=60')
      expect(given.status === 200 ? 200 : 502).toBe(status)
    }
  })
})

describe('a failure', () => {
  const negative = { statuses: { '404': 5_000, '5xx': 2_000 }, connectMs: 3_000 }

  it('Cache E1: is kept for as long as the route says', async () => {
    const service = await openCachedService({ cache: { negative } })
    service.respond = () => ({ status: 404, body: 'nothing' })
    await ask(service)

    expect((await ask(service)).cache).toBe('tidegate-onprem; hit; ttl=5; detail=negative')
    service.clock.advance(5_000)
    await ask(service)
    expect(service.asked).toHaveLength(2)
  })

  it('Cache E1: of a service that cannot be reached is kept, with the request id of each client', async () => {
    const service = await openCachedService({ cache: { negative } })
    service.respond = () => refused
    await ask(service)

    const again = await ask(service)

    expect([again.status, JSON.parse(again.text).code]).toEqual([502, 'upstream-refused'])
    expect(service.asked).toHaveLength(1)
    service.clock.advance(3_000)
    await ask(service)
    expect(service.asked).toHaveLength(2)
  })

  it('Cache E1: is not kept where the route does not say so', async () => {
    const service = await openCachedService()
    service.respond = () => ({ status: 503 })

    await ask(service)
    await ask(service)

    expect(service.asked).toHaveLength(2)
  })

  it('Cache E1: does not take the place of a stale answer that may stand in for it', async () => {
    const service = await stale('max-age=10, stale-if-error=30', { status: 503 }, { negative })

    expect([(await ask(service)).text, (await ask(service)).text]).toEqual(['old', 'old'])
  })

  it('Cache E2: that was kept under another placement is a miss', async () => {
    const routes = [cachedRoute('/v1/**', { negative })]
    const placed = (epoch: number) => placementSet([placement('orders', { epoch })], { number: epoch })
    const service = await openCachedService({ routes, placements: placed(1) })
    service.respond = () => ({ status: 404, body: 'not yet' })
    await ask(service)

    service.holder.current = await tableOf(structure(routes), placed(2))

    expect((await ask(service)).cache).toContain('fwd=uri-miss')
  })
})
