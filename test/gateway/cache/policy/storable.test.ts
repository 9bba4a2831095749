import { describe, expect, it } from 'vitest'
import type { CacheRequest, CacheRules, CallerFacts, Entry } from '../../../../gateway/cache/policy/entry.ts'
import { type Judged, toEntry } from '../../../../gateway/cache/policy/storable.ts'
import { anybody, date, get, nowMs, request, response, rules, times } from './made.ts'

const strict: CacheRules = { ...rules, strict: true, targeted: ['x-tidegate-cache-control', 'cdn-cache-control'] }
const api: CacheRules = { ...rules, targeted: strict.targeted }

interface Case {
  readonly asked?: CacheRequest
  readonly status?: number
  readonly rules?: CacheRules
  readonly caller?: CallerFacts
}

const judge = (headers: readonly string[], facts: Case = {}): Judged =>
  toEntry(
    facts.asked ?? get(),
    response(facts.status ?? 200, 'Date', date, ...headers),
    facts.rules ?? strict,
    facts.caller ?? anybody,
    times,
  )
const outcome = (headers: readonly string[], facts: Case = {}): string => {
  const judged = judge(headers, facts)
  return judged.kind === 'entry' ? 'stored' : judged.because
}
const stored = (headers: readonly string[], facts: Case = {}): Entry => {
  const judged = judge(headers, facts)
  if (judged.kind === 'refused') throw new Error(`refused: ${judged.because}`)
  return judged.entry
}

const lasting = ['Cache-Control', 'max-age=60']

describe('what may be stored', () => {
  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PURGE', 'get', 'QUERY', ''])(
    'Cache S1: an answer to %j makes no entry',
    (method) => {
      expect(outcome(lasting, { asked: request(method) })).toBe('method')
      expect(outcome(lasting, { asked: get() })).toBe('stored')
    },
  )

  it('Cache S1: an answer to POST makes no entry though it says that it is the resource', () => {
    expect(outcome([...lasting, 'Content-Location', '/v1/search?q=1'], { asked: request('POST') })).toBe('method')
  })

  it.each([304, 412, 416, 417, 428, 429, 431, 511, 100, 101, 103, 199, 0, 600, 999])(
    'Cache S3: an answer with status %i is never stored',
    (status) => {
      expect(outcome(['Cache-Control', 'public, max-age=60'], { status })).toBe('status')
    },
  )

  it.each([401, 407])('Cache S3: an answer with status %i is stored only if it says public', (status) => {
    expect(outcome(lasting, { status })).toBe('status')
    expect(outcome(['Cache-Control', 's-maxage=60, must-revalidate'], { status })).toBe('status')
    expect(outcome(['Cache-Control', 'public; max-age=60'], { status })).toBe('status')
    expect(outcome(['Cache-Control', 'public, max-age=60'], { status })).toBe('stored')
  })

  it.each<[string, readonly string[]]>([
    ['no-store', ['Cache-Control', 'public, max-age=60, no-store']],
    ['no-store', ['Cache-Control', 'max-age=60', 'Cache-Control', 'No-Store="x"']],
    ['no-store', ['CDN-Cache-Control', 'no-store, max-age=60']],
    ['private', ['Cache-Control', 'private, max-age=60']],
    ['private', ['CDN-Cache-Control', 'private, max-age=60']],
    ['vary-any', [...lasting, 'Vary', '*']],
    ['vary-any', [...lasting, 'Vary', 'Accept', 'Vary', 'Origin, *']],
    ['vary-too-many', [...lasting, 'Vary', Array.from({ length: 17 }, (_, at) => `x-${at}`).join()]],
    ['too-many-tags', [...lasting, 'Surrogate-Key', Array.from({ length: 51 }, (_, at) => `x-${at}`).join(' ')]],
  ])('Cache S3: nothing is stored, because of %s, with %j', (because, headers) => {
    expect(outcome(headers)).toBe(because)
    expect(outcome(headers, { rules: { ...api, ttlS: 60, override: true } })).toBe(because)
  })

  it.each<[string, readonly string[]]>([
    ['request-no-store', ['Cache-Control', 'no-store']],
    ['request-no-store', ['Cache-Control', 'max-age=0, No-Store']],
    ['precondition', ['If-Match', '"a"']],
    ['precondition', ['If-Unmodified-Since', date]],
    ['precondition', ['Expect', '100-continue']],
    ['precondition', ['Upgrade', 'websocket']],
    ['stored', ['If-None-Match', '"a"', 'If-Modified-Since', date, 'Range', 'bytes=0-1', 'Cache-Control', 'no-cache']],
    ['stored', ['Pragma', 'no-cache']],
  ])('Cache S3: an answer is %s if its request had %j', (expected, headers) => {
    for (const ruled of [strict, api]) {
      expect(outcome(lasting, { asked: get(...headers), rules: ruled })).toBe(expected)
      expect(outcome(lasting, { asked: get(...headers), rules: ruled, caller: { ...anybody, directs: false } })).toBe(
        expected,
      )
    }
  })

  it.each([
    [200, 'no-store, must-understand, max-age=60', 'stored'],
    [404, 'must-understand, no-store, max-age=60', 'stored'],
    [200, 'no-store; must-understand, max-age=60', 'no-store'],
    [200, 'no-store, must-understand; max-age=60', 'no-store'],
    [200, 'must-understand, max-age=60', 'stored'],
    [200, 'must-understand, no-store, private, max-age=60', 'private'],
    [299, 'must-understand, max-age=60', 'must-understand'],
    [299, 'must-understand; max-age=60', 'must-understand'],
    [451, 'public, must-understand, no-store, max-age=60', 'must-understand'],
    [206, 'must-understand, max-age=60', 'must-understand'],
    [599, 'max-age=60', 'stored'],
  ])('Cache S4: status %i with "%s" is %s', (status, control, expected) => {
    const part = ['ETag', '"a"', 'Content-Range', 'bytes 0-1/5']

    expect(outcome(['Cache-Control', control, ...part], { status })).toBe(expected)
  })

  it.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])(
    'Cache S5: status %i may be stored without a word of the service',
    (status) => {
      const old = ['Last-Modified', 'Sun, 22 Nov 2026 00:00:00 GMT']

      expect(stored(old, { status }).freshness.lifetimeS).toBe(3600)
      expect(outcome(old, { status, rules: api })).toBe('no-lifetime')
    },
  )

  it.each([
    201, 202, 205, 299, 302, 303, 307, 399, 400, 402, 403, 406, 408, 413, 418, 422, 451, 499, 500, 502, 503, 599,
  ])('Cache S5: status %i is stored with explicit freshness only, or if it is public', (status) => {
    const old = ['Last-Modified', 'Sun, 22 Nov 2026 00:00:00 GMT']

    expect(outcome(old, { status })).toBe('not-cacheable')
    expect(outcome([...old, 'Cache-Control', 'public'], { status })).toBe('stored')
    for (const explicit of [
      lasting,
      ['Cache-Control', 's-maxage=60'],
      ['Expires', 'Sun, 22 Nov 2026 10:01:00 GMT'],
      ['CDN-Cache-Control', 'max-age=60'],
    ]) {
      expect(stored(explicit, { status }).freshness.lifetimeS).toBe(60)
      expect(outcome(explicit, { status, rules: api })).toBe('stored')
    }
  })

  it.each([
    [200, 'stored'],
    [204, 'stored'],
    [302, 'stored'],
    [307, 'stored'],
    [206, 'status'],
    [400, 'not-cacheable'],
    [403, 'not-cacheable'],
    [404, 'no-lifetime'],
    [500, 'not-cacheable'],
    [503, 'not-cacheable'],
  ])("Cache S5: with the route's ttl alone, status %i is %s", (status, expected) => {
    expect(outcome([], { status, rules: { ...api, ttlS: 30 } })).toBe(expected)
    expect(outcome(['ETag', '"a"'], { status, rules: strict }) === 'stored').toBe(
      status === 200 || status === 204 || status === 404,
    )
  })

  it.each<[string, readonly string[], string, string]>([
    ['nothing else', ['Cache-Control', 'max-age=0'], 'no-lifetime', 'no-lifetime'],
    ['a tag', ['Cache-Control', 'max-age=0', 'ETag', '"a"'], 'stored', 'stored'],
    ['an empty tag', ['Cache-Control', 'max-age=0', 'ETag', ' '], 'no-lifetime', 'no-lifetime'],
    ['Last-Modified', ['Cache-Control', 'max-age=0', 'Last-Modified', date], 'stored', 'stored'],
    ['an unreadable Last-Modified', ['Cache-Control', 'max-age=0', 'Last-Modified', '0'], 'no-lifetime', 'no-lifetime'],
    ['a window', ['Cache-Control', 'max-age=0, stale-while-revalidate=5'], 'stored', 'stored'],
    ['a window for errors', ['Cache-Control', 'max-age=0, stale-if-error=5'], 'stored', 'stored'],
    ['a window that s-maxage forbids', ['Cache-Control', 's-maxage=0, stale-if-error=5'], 'no-lifetime', 'no-lifetime'],
    ['no-cache', ['Cache-Control', 'no-cache, max-age=60'], 'no-lifetime', 'no-lifetime'],
    ['no-cache and a tag', ['Cache-Control', 'no-cache', 'ETag', '"a"'], 'stored', 'stored'],
    ['a tag and nothing on freshness', ['ETag', '"a"'], 'stored', 'no-lifetime'],
    ['a window and nothing on freshness', ['Cache-Control', 'stale-if-error=5'], 'stored', 'no-lifetime'],
    ['public and nothing on freshness', ['Cache-Control', 'public'], 'no-lifetime', 'no-lifetime'],
  ])('Cache S5: without a lifetime but with %s, %j is %s in strict and %s in api', (_, headers, inStrict, inApi) => {
    expect(outcome(headers)).toBe(inStrict)
    expect(outcome(headers, { rules: api })).toBe(inApi)
  })

  it('Cache S6: private with names leaves those fields out and stores the rest', () => {
    const { headers } = stored([
      'Cache-Control',
      'private="X-User, x-b", max-age=60',
      'x-user',
      'anna',
      'X-B',
      '1',
      'X-C',
      '2',
    ])

    expect(headers).toEqual(['Date', date, 'Cache-Control', 'private="X-User, x-b", max-age=60', 'X-C', '2'])
  })

  it('Cache S6: no-cache with names stores all, and tells which fields need validation', () => {
    const entry = stored(['Cache-Control', 'no-cache="X-User", max-age=60', 'X-User', 'anna'])

    expect(entry.headers).toContain('anna')
    expect(entry.guarded).toEqual(['x-user'])
    expect(entry.freshness).toMatchObject({ validateAlways: false, neverStale: false })
  })

  it.each(['', ' ', 'a b', 'a;'])('Cache S6: with the names %j they hold for the whole answer', (names) => {
    const entry = stored(['Cache-Control', `no-cache="${names}", max-age=60`, 'ETag', '"a"'])

    expect(outcome(['Cache-Control', `private="${names}", max-age=60`])).toBe('private')
    expect(entry.freshness).toMatchObject({ validateAlways: true, neverStale: true })
    expect(entry.guarded).toEqual([])
  })

  it('Cache S8: all other fields are stored byte for byte, in order, line by line', () => {
    const headers = [
      'x-EMPTY',
      '',
      'X-Twice',
      'a',
      'Link',
      '<a>, <b>',
      'X-Twice',
      'b, "c',
      'X-\xe9',
      '\xff\0',
      '__proto__',
      'x',
      'Content-Encoding',
      'gzip',
      'Content-Length',
      '5',
    ]

    expect(stored([...lasting, ...headers]).headers).toEqual(['Date', date, ...lasting, ...headers])
  })

  it('Cache S8: Date is the time of receipt where there is none, and else as it came', () => {
    const judged = (...headers: string[]) =>
      toEntry(get(), response(200, ...lasting, ...headers), strict, anybody, times)

    expect(judged()).toMatchObject({ entry: { headers: [...lasting, 'Date', date] } })
    expect(judged('date', 'unreadable')).toMatchObject({ entry: { headers: [...lasting, 'date', 'unreadable'] } })
  })

  it('an answer with Set-Cookie is stored in strict, in api only without it', () => {
    const headers = [...lasting, 'Set-Cookie', 'a=1', 'set-cookie', 'b=2']

    expect(stored(headers).headers).toEqual(['Date', date, ...headers])
    expect(outcome(headers, { rules: api })).toBe('set-cookie')
    expect(stored(headers, { rules: { ...api, dropSetCookie: true } }).headers).toEqual(['Date', date, ...lasting])
    expect(stored(headers, { rules: { ...strict, dropSetCookie: true } }).headers).toContain('b=2')
  })

  it('Cache T2: a targeted field decides on storing, too', () => {
    expect(outcome(['Cache-Control', 'no-store', 'CDN-Cache-Control', 'max-age=60'])).toBe('stored')
    expect(outcome(['Cache-Control', 'max-age=60', 'CDN-Cache-Control', 'no-store'])).toBe('no-store')
    expect(outcome(['Cache-Control', 'no-store', 'CDN-Cache-Control', 'MAX-AGE=60'])).toBe('no-store')
  })

  it('Cache T4: a targeted field is kept in the entry', () => {
    expect(stored(['X-Tidegate-Cache-Control', 'max-age=60']).headers).toEqual([
      'Date',
      date,
      'X-Tidegate-Cache-Control',
      'max-age=60',
    ])
  })

  it('Cache A3: no Age is stored: each answer from the store has one of its own', () => {
    const entry = stored([...lasting, 'Age', '5', 'age', '7'])

    expect(entry.headers).toEqual(['Date', date, ...lasting])
    expect(entry.freshness.initialAgeS).toBe(5)
  })

  it.each<[string, number, readonly string[], object]>([
    ['for as long as the route says', 404, [], { lifetimeS: 5 }],
    ['no longer than Retry-After', 503, ['Retry-After', '1'], { lifetimeS: 1 }],
    ['without the windows of the route', 500, [], { lifetimeS: 2, staleWhileRevalidateS: 0, staleIfErrorS: 0 }],
  ])('Cache E1: a failure is kept %s', (_, status, headers, freshness) => {
    const entry = stored(headers, {
      status,
      rules: {
        ...api,
        ttlS: 60,
        staleWhileRevalidateS: 9,
        staleIfErrorS: 9,
        negative: new Map([
          [404, 5],
          [500, 2],
          [503, 5],
        ]),
      },
    })

    expect(entry).toMatchObject({ negative: true, freshness })
  })

  it('Cache E1: a failure on which the service said something is an answer as others are', () => {
    const ruled = { ...api, negative: new Map([[404, 5]]) }

    expect(stored(lasting, { status: 404, rules: ruled })).toMatchObject({ freshness: { lifetimeS: 60 } })
    expect(stored(lasting, { status: 404, rules: ruled }).negative).toBeUndefined()
    expect(outcome(['Cache-Control', 'no-store'], { status: 404, rules: ruled })).toBe('no-store')
    expect(outcome(['Cache-Control', 'no-cache'], { status: 404, rules: ruled })).toBe('no-lifetime')
    expect(outcome([], { status: 404, rules: ruled, caller: { ...anybody, authenticated: true } })).toBe(
      'authorization',
    )
    expect(outcome([], { status: 404, rules: { ...ruled, strict: true } })).toBe('no-lifetime')
  })

  it('keeps what is known of the answer', () => {
    const judged = toEntry(
      get(),
      response(203, ...lasting, 'Vary', 'Origin, accept', 'Cache-Tag', 'a', 'Cache-Groups', '"b"'),
      strict,
      anybody,
      { requestMs: nowMs - 5, responseMs: nowMs },
    )

    expect(judged).toMatchObject({
      entry: {
        status: 203,
        reason: 'OK',
        requestMs: nowMs - 5,
        responseMs: nowMs,
        vary: ['accept', 'origin'],
        guarded: [],
        tags: ['t:a', 'g:b'],
      },
    })
  })
})
