import fc from 'fast-check'
import type { CacheRequest, CacheRules, CallerFacts } from '../../../gateway/cache/policy/entry.ts'
import { lowerNames } from '../../../gateway/header-pairs.ts'

/** Requests and answers as only the worst of peers write them. */

const fragments = [
  ...[
    '"',
    ',',
    ', ',
    '=',
    ';',
    '-',
    '\\',
    ' ',
    '\t',
    'W/',
    '*',
    '/',
    ':',
    '?',
    '(',
    ')',
    '[',
    '\x80',
    '\xff',
    '\0',
    '%',
  ],
  ...['0', '1', '5', '10', '60', '99999999999999999999', '1.5', '-1', 'a', '"a"', 'W/"a"', 'x-one'],
  ...['no-store', 'no-cache', 'private', 'public', 'max-age', 's-maxage', 'must-revalidate', 'proxy-revalidate'],
  ...['stale-while-revalidate', 'stale-if-error', 'max-stale', 'min-fresh', 'only-if-cached', 'must-understand'],
  ...['max-age=60', 'stale-while-revalidate=60', 'max-stale=9', 'bytes=', 'bytes 0-4/10', 'https://', '//', 'tidegate'],
  ...['Sun, 22 Nov 2026 10:00:00 GMT', 'Sunday, 22-Nov-26 10:00:00 GMT', 'Sun Nov 22 10:00:00 2026'],
]
const names = [
  ...['Cache-Control', 'cdn-cache-control', 'Pragma', 'Expires', 'Date', 'AGE', 'Vary', 'ETag', 'Last-Modified'],
  ...['If-None-Match', 'If-Modified-Since', 'If-Range', 'Range', 'Content-Range', 'Content-Length', 'Content-Encoding'],
  ...['Connection', 'Location', 'Content-Location', 'Cache-Groups', 'Cache-Group-Invalidation', 'Surrogate-Key'],
  ...['Cache-Tag', 'Cache-Status', 'Set-Cookie', 'Cookie', 'Authorization', 'Retry-After', 'X-One', '', '\xe9'],
]

const anyValue = fc.array(fc.constantFrom(...fragments), { maxLength: 6 }).map((pieces) => pieces.join(''))

/** Raw pairs, flat. */
export const anyHeaders = fc
  .array(fc.tuple(fc.constantFrom(...names), anyValue), { maxLength: 8 })
  .map((lines) => lines.flat())

export const anyRequest: fc.Arbitrary<CacheRequest> = fc
  .tuple(fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'PURGE'), anyHeaders)
  .map(([method, headers]) => ({ method, headers, names: lowerNames(headers) }))

const anySeconds = fc.option(fc.nat({ max: 100 }), { nil: undefined })

export const anyRules: fc.Arbitrary<CacheRules> = fc.record({
  strict: fc.boolean(),
  ttlS: anySeconds,
  override: fc.boolean(),
  staleWhileRevalidateS: anySeconds,
  staleIfErrorS: anySeconds,
  negative: fc.constantFrom(new Map(), new Map<number | 'connect', number>([[404, 5]])),
  targeted: fc.constantFrom([], ['cdn-cache-control']),
  dropSetCookie: fc.boolean(),
  ignoreCookies: fc.boolean(),
  keyedCookies: fc.constantFrom([], ['a']),
})

export const anyCaller: fc.Arbitrary<CallerFacts> = fc.record({
  authenticated: fc.boolean(),
  ownKey: fc.boolean(),
  directs: fc.boolean(),
})
