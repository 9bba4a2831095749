import { describe, expect, it } from 'vitest'
import { policy, route } from '../../support/tables.ts'
import { cachedRoute } from './asked.ts'
import { type CachedService, openCachedService } from './cached-service.ts'
import { PlantedSource } from './planted-body.ts'

const tagged = ['ETag', '"one"', 'Last-Modified', 'Mon, 01 Dec 2025 00:00:00 GMT']

/** How often the service was asked. */
const asks = (service: CachedService) => service.asked.length

describe('an answer of a cached route', () => {
  it('Cache CS1: is told with what is stored of it, and the hit after it with the time that is left', async () => {
    const service = await openCachedService()

    expect((await service.ask('/v1/a')).cache).toBe('tidegate-onprem; fwd=uri-miss; stored; ttl=60')
    service.clock.advance(20_000)
    const hit = await service.ask('/v1/a')

    expect([hit.text, hit.cache, hit.field('age')]).toEqual(['hello', 'tidegate-onprem; hit; ttl=40', '20'])
    expect(asks(service)).toBe(1)
  })

  it('Cache A3: has one Age from the store, computed, in place of what the service said', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: ['Age', '10', 'Age', '3'] })

    const first = await service.ask('/v1/a')
    service.clock.advance(5_000)
    const hit = await service.ask('/v1/a')

    expect(first.headers.filter((text) => text === 'Age')).toHaveLength(2)
    expect(hit.headers.filter((text) => text.toLowerCase() === 'age')).toHaveLength(1)
    expect(hit.field('age')).toBe('15')
  })

  it('Cache S8: is replayed byte for byte: unknown fields, empty ones, lines of one name apart and in order', async () => {
    const service = await openCachedService()
    const odd = ['X-One', 'b', 'x-one', 'a', 'X-Empty', '', 'Content-Encoding', 'gzip', 'Date', 'yesterday']
    service.respond = () => ({ body: 'x', headers: odd })
    await service.ask('/v1/a')

    expect((await service.ask('/v1/a')).headers.slice(0, odd.length)).toEqual(odd)
  })

  it('Cache S8: without a Date is given with the time of its receipt', async () => {
    const service = await openCachedService()
    const received = new Date(service.clock.now()).toUTCString()
    await service.ask('/v1/a')
    service.clock.advance(9_000)

    expect((await service.ask('/v1/a')).field('date')).toBe(received)
  })

  it('Cache S2: is not stored when it breaks off, or is not as long as it says', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'short', headers: ['Content-Length', '10'] })

    expect((await service.ask('/v1/a')).broken).toBe(true)
    expect((await service.ask('/v1/a')).cache).toContain('fwd=uri-miss')
    expect(await service.count('tidegate_cache_not_stored_total{because="incomplete"}')).toBe(2)
  })

  it('Cache S3: is not stored with trailers, also where they do not pass to the client', async () => {
    const service = await openCachedService()
    service.respond = () => ({
      headers: ['Transfer-Encoding', 'chunked'],
      body: { flow: (sink) => sink.end(Buffer.from('x'), []), resume: () => {}, cancel: () => {} },
    })
    await service.ask('/v1/a')

    expect((await service.ask('/v1/a')).cache).toContain('fwd=uri-miss')
    expect(await service.count('tidegate_cache_not_stored_total{because="trailers"}')).toBe(2)
  })

  it('Cache S3: beyond maxBody passes whole and is not stored, its length told or not', async () => {
    const service = await openCachedService({ cache: { maxBodyBytes: 4 } })
    expect([(await service.ask('/v1/a')).text, (await service.ask('/v1/a')).text]).toEqual(['hello', 'hello'])
    service.respond = () => ({ headers: ['Transfer-Encoding', 'chunked'], body: 'hello' })

    expect([(await service.ask('/v1/b')).text, (await service.ask('/v1/b')).text]).toEqual(['hello', 'hello'])
    expect(asks(service)).toBe(4)
    expect(await service.count('tidegate_cache_not_stored_total{because="too-large"}')).toBe(4)
  })

  it('Cache S7: is not stored when its Connection names what the decision rests on, though that never comes this far', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', connection: 'Cache-Control, close' })
    await service.ask('/v1/a')

    expect((await service.ask('/v1/a')).cache).toBe('tidegate-onprem; fwd=uri-miss; detail=connection-names')
  })

  it('Cache K1: is that of its own query', async () => {
    const service = await openCachedService()
    await service.ask('/v1/a?x=1')

    expect((await service.ask('/v1/a?x=2')).cache).toContain('fwd=uri-miss')
    expect((await service.ask('/v1/a')).cache).toContain('fwd=uri-miss')
  })

  it('is left as soon as its client is gone, where nobody else wants it', async () => {
    const service = await openCachedService()
    const held = Promise.withResolvers<{ body: string }>()
    service.respond = () => held.promise
    const { x, answer } = service.send('/v1/a')
    await service.eventually(() => asks(service) === 1)

    x.leave()

    expect(service.asked[0]?.gone).toBe(true)
    held.resolve({ body: 'late' })
    await answer
  })

  it('with Set-Cookie is stored without it where the route says so, and the first client gets none either', async () => {
    const service = await openCachedService({ cache: { dropSetCookie: true } })
    service.respond = () => ({ body: 'x', headers: ['Set-Cookie', 'a=1', 'X-Kept', 'yes'] })
    const first = await service.ask('/v1/a')
    const hit = await service.ask('/v1/a')

    expect([first.field('set-cookie'), hit.field('set-cookie')]).toEqual([undefined, undefined])
    expect([hit.field('x-kept'), hit.cache]).toEqual(['yes', 'tidegate-onprem; hit; ttl=60'])
  })

  it('with Set-Cookie passes and is not stored elsewhere', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: ['Set-Cookie', 'a=1'] })

    const first = await service.ask('/v1/a')

    expect([first.field('set-cookie'), first.cache]).toEqual([
      'a=1',
      'tidegate-onprem; fwd=uri-miss; detail=set-cookie',
    ])
  })
})

describe("a client's own conditions", () => {
  it('Cache C1: are judged by the entry, If-None-Match before the date', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: tagged })
    await service.ask('/v1/a')
    const later = 'Tue, 02 Dec 2025 00:00:00 GMT'

    const same = await service.ask('/v1/a', { headers: ['If-None-Match', 'W/"one"'] })
    const other = await service.ask('/v1/a', { headers: ['If-None-Match', '"two"', 'If-Modified-Since', later] })
    const date = await service.ask('/v1/a', { headers: ['If-Modified-Since', later] })

    expect([same.status, other.status, date.status, asks(service)]).toEqual([304, 200, 304, 1])
  })

  it('Cache C2: get a 304 with what a cache needs, and nothing of a body', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: [...tagged, 'Cache-Control', 'max-age=9', 'Content-Type', 'a/b'] })
    await service.ask('/v1/a')

    const { field, text } = await service.ask('/v1/a', { headers: ['If-None-Match', '"one"'] })

    expect([field('etag'), field('cache-control'), field('age'), field('cache-status')]).toEqual([
      '"one"',
      'max-age=9',
      '0',
      'tidegate-onprem; hit; ttl=9',
    ])
    expect([field('content-length'), field('content-type'), field('last-modified'), text]).toEqual([
      undefined,
      undefined,
      undefined,
      '',
    ])
  })

  it('Cache C1: on the state that the service has are not for the cache', async () => {
    const service = await openCachedService()
    await service.ask('/v1/a')

    const { cache } = await service.ask('/v1/a', { headers: ['If-Match', '"one"'] })

    expect([cache, asks(service)]).toEqual(['tidegate-onprem; fwd=bypass; detail=precondition', 2])
  })

  it('Cache C3: do not go to the service when a stale entry is validated, and are judged by what comes of it', async () => {
    const service = await openCachedService()
    service.respond = (_, count) =>
      count === 1 ? { body: 'x', headers: tagged } : { status: 304, headers: ['ETag', '"one"'] }
    await service.ask('/v1/a')
    service.clock.advance(61_000)

    const { status, cache } = await service.ask('/v1/a', { headers: ['If-None-Match', '"other", "one"'] })

    expect([status, cache]).toEqual([304, 'tidegate-onprem; fwd=stale; ttl=60'])
    expect(service.asked[1]?.header('if-none-match')).toBe('"one"')
    expect(service.asked[1]?.header('if-modified-since')).toBe('Mon, 01 Dec 2025 00:00:00 GMT')
  })

  it('Cache C3: are judged by a new answer, too, which is stored whole', async () => {
    const service = await openCachedService()
    service.respond = (_, count) => ({ body: `body ${count}`, headers: ['ETag', `"${count}"`] })
    await service.ask('/v1/a')
    service.clock.advance(61_000)

    const known = await service.ask('/v1/a', { headers: ['If-None-Match', '"2"'] })
    const hit = await service.ask('/v1/a')

    expect([known.status, known.text, hit.text]).toEqual([304, '', 'body 2'])
    expect(hit.cache).toBe('tidegate-onprem; hit; ttl=60')
  })

  it('Cache C3: that hold for a new answer end nothing: what is still on its way is stored for the next one', async () => {
    const service = await openCachedService()
    const source = new PlantedSource()
    service.respond = (_, count) =>
      count === 1
        ? { body: 'x', headers: ['ETag', '"1"'] }
        : { headers: ['ETag', '"2"', 'Transfer-Encoding', 'chunked'], body: source }
    await service.ask('/v1/a')
    service.clock.advance(61_000)

    expect((await service.send('/v1/a', { headers: ['If-None-Match', '"2"'] }).seen).status).toBe(304)
    source.write('new')
    source.end()
    await service.settled()

    expect((await service.ask('/v1/a')).text).toBe('new')
  })

  it('Cache C4: go on unchanged when nothing is stored, and the 304 passes and is not stored', async () => {
    const service = await openCachedService()
    service.respond = ({ names }) =>
      names.includes('if-none-match') ? { status: 304, headers: ['ETag', '"q"'] } : { body: 'whole' }

    const first = await service.ask('/v1/a', { headers: ['If-None-Match', '"q"'] })
    const second = await service.ask('/v1/a')

    expect([first.status, first.cache]).toEqual([304, 'tidegate-onprem; fwd=uri-miss'])
    expect([second.text, second.cache]).toEqual(['whole', 'tidegate-onprem; fwd=uri-miss; stored; ttl=60'])
  })
})

describe('a part of an answer', () => {
  it('Cache G1: is cut from the stored whole, and so is the 416 for what is not in it', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: '0123456789' })
    await service.ask('/v1/a')
    const part = (range: string) => service.ask('/v1/a', { headers: ['Range', range] })

    const [middle, open, last, outside, two] = await Promise.all(
      ['bytes=2-4', 'bytes=7-', 'bytes=-2', 'bytes=10-', 'bytes=0-1,3-4'].map(part),
    )

    expect([middle?.status, middle?.text, middle?.field('content-range')]).toEqual([206, '234', 'bytes 2-4/10'])
    expect([middle?.field('content-length'), open?.text, last?.text]).toEqual(['3', '789', '89'])
    expect([outside?.status, outside?.field('content-range')]).toEqual([416, 'bytes */10'])
    expect([two?.status, two?.text, asks(service)]).toEqual([200, '0123456789', 1])
  })

  it('Cache G2: is judged after the condition, and If-Range by the strong tag', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: '0123456789', headers: ['ETag', '"one"'] })
    await service.ask('/v1/a')
    const part = (...more: string[]) => service.ask('/v1/a', { headers: ['Range', 'bytes=0-1', ...more] })

    expect((await part('If-None-Match', '"one"')).status).toBe(304)
    expect((await part('If-Range', '"one"')).status).toBe(206)
    expect((await part('If-Range', '"old"')).status).toBe(200)
  })

  it('Cache G2: of a stale answer is cut after the answer was validated', async () => {
    const service = await openCachedService()
    service.respond = (_, count) => (count === 1 ? { body: '0123456789', headers: tagged } : { status: 304 })
    await service.ask('/v1/a')
    service.clock.advance(61_000)

    const { status, text } = await service.ask('/v1/a', { headers: ['Range', 'bytes=1-2'] })

    expect([status, text, service.asked[1]?.header('range')]).toEqual([206, '12', undefined])
  })

  it('Cache G3: that is not stored is asked for as it came, and the whole that comes instead is stored', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: '0123456789' })

    const first = await service.ask('/v1/a', { headers: ['Range', 'bytes=0-1'] })
    const second = await service.ask('/v1/a', { headers: ['Range', 'bytes=0-1'] })

    expect([first.text, service.asked[0]?.header('range')]).toEqual(['0123456789', 'bytes=0-1'])
    expect([second.status, second.text, asks(service)]).toEqual([206, '01', 1])
  })

  it('Cache G3: that was stored answers what is inside it, never the whole, and gives way to it', async () => {
    const service = await openCachedService()
    const partial = ['Content-Range', 'bytes 2-6/10', 'ETag', '"one"', 'Cache-Control', 'max-age=60']
    service.respond = ({ names }) =>
      names.includes('range') ? { status: 206, body: '23456', headers: partial } : { body: '0123456789' }
    const part = (range: string) => service.ask('/v1/a', { headers: ['Range', range] })
    await part('bytes=2-6')

    const inside = await part('bytes=3-4')
    const outside = await part('bytes=0-1')
    const whole = await service.ask('/v1/a')

    expect([inside.status, inside.text, inside.field('content-range')]).toEqual([206, '34', 'bytes 3-4/10'])
    expect(outside.cache).toContain('fwd=partial')
    expect([whole.status, whole.text]).toEqual([200, '0123456789'])
    expect(asks(service)).toBe(3)
    expect((await part('bytes=0-1')).text).toBe('01')
  })
})

describe('a HEAD', () => {
  it('Cache HD1: is answered from a stored GET, with its length and without its body', async () => {
    const service = await openCachedService()
    await service.ask('/v1/a')

    const { text, field, cache } = await service.ask('/v1/a', { method: 'HEAD' })

    expect([text, field('content-length'), cache]).toEqual(['', '5', 'tidegate-onprem; hit; ttl=60'])
  })

  it('Cache S1: goes on as HEAD on a miss, and stores nothing', async () => {
    const service = await openCachedService()
    await service.ask('/v1/a', { method: 'HEAD' })

    expect(service.asked[0]?.method).toBe('HEAD')
    expect((await service.ask('/v1/a')).cache).toContain('fwd=uri-miss')
  })

  it('Cache HD1: whose answer says the same freshens the entry', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'hello', headers: ['ETag', '"one"', 'Cache-Control', 'max-age=60'] })
    await service.ask('/v1/a')
    service.clock.advance(61_000)
    await service.ask('/v1/a', { method: 'HEAD' })

    expect((await service.ask('/v1/a')).cache).toBe('tidegate-onprem; hit; ttl=60')
    expect(asks(service)).toBe(2)
  })

  it('Cache HD1: that finds the thing there says nothing of a stored answer that it is not', async () => {
    const service = await openCachedService()
    const headers = ['ETag', '"one"', 'Cache-Control', 'max-age=60']
    service.respond = () => ({ status: 404, body: 'hello', headers })
    await service.ask('/v1/a')
    service.clock.advance(61_000)
    service.respond = () => ({ body: 'hello', headers })
    await service.ask('/v1/a', { method: 'HEAD' })

    expect((await service.ask('/v1/a')).status).toBe(200)
  })

  it('Cache HD1: whose answer differs makes the entry stale at once', async () => {
    const service = await openCachedService()
    service.respond = (_, count) => ({
      body: 'hello',
      headers: ['ETag', `"${count}"`, 'Cache-Control', 'max-age=60, stale-if-error=600'],
    })
    await service.ask('/v1/a')
    service.clock.advance(61_000)
    await service.ask('/v1/a', { method: 'HEAD' })
    service.respond = () => ({ status: 503 })

    expect((await service.ask('/v1/a')).status).toBe(503)
  })

  it('Cache HD1: that fails leaves the entry as it was', async () => {
    const service = await openCachedService()
    const headers = ['ETag', '"one"', 'Cache-Control', 'max-age=60']
    service.respond = () => ({ body: 'hello', headers })
    await service.ask('/v1/a')
    service.clock.advance(61_000)
    service.respond = () => ({ status: 410, headers: ['ETag', '"two"'] })
    await service.ask('/v1/a', { method: 'HEAD' })
    service.respond = () => ({ status: 304, headers })

    expect((await service.ask('/v1/a')).text).toBe('hello')
    expect(service.asked.at(-1)?.header('if-none-match')).toBe('"one"')
  })
})

describe('what is not the business of the cache', () => {
  it.each([
    ['a GET with a body', { body: true }, 'body'],
    ['an expectation', { headers: ['Expect', '100-continue'] }, 'expect'],
  ])('Cache CS1: %s goes by it', async (_, line, detail) => {
    const service = await openCachedService()
    await service.ask('/v1/a')

    expect((await service.ask('/v1/a', line)).cache).toBe(`tidegate-onprem; fwd=bypass; detail=${detail}`)
  })

  it('Cache CS2: says nothing on routes without a cache, and takes nothing from their answers', async () => {
    const service = await openCachedService({ routes: [cachedRoute('/v1/**'), route('/plain/**', { policy })] })
    service.respond = () => ({ body: 'x', headers: ['Surrogate-Key', 'a', 'Cache-Status', 'other; hit'] })

    const { headers } = await service.ask('/plain/a')

    expect(headers).toEqual(['Surrogate-Key', 'a', 'Cache-Status', 'other; hit', 'Content-Length', '1'])
  })
})
