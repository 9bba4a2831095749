/**
 * What the cache policy promises of answers that it stores, whatever services and clients write. Promises that rest on a guard
 * have their control: without what the guard looks at, the same run finds a case that breaks it. Long form:
 * `PROPERTY_RUNS=1000000 npx vitest run test/properties/cache-policy-storing.test.ts`.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentTags } from '../../gateway/cache/policy/content-tags.ts'
import { longestS } from '../../gateway/cache/policy/delta-seconds.ts'
import { cacheControl } from '../../gateway/cache/policy/directives.ts'
import { parseEntityTag, parseEntityTags, strongMatch, weakMatch } from '../../gateway/cache/policy/entity-tag.ts'
import type { CacheRequest, CacheRules, CallerFacts } from '../../gateway/cache/policy/entry.ts'
import { ageS, ttlS } from '../../gateway/cache/policy/freshness.ts'
import { formatHttpDate, parseHttpDate } from '../../gateway/cache/policy/http-date.ts'
import { negativeS } from '../../gateway/cache/policy/negative.ts'
import { type Judged, toEntry } from '../../gateway/cache/policy/storable.ts'
import { readDictionary } from '../../gateway/cache/policy/structured-field.ts'
import { governing } from '../../gateway/cache/policy/targeted.ts'
import { choose, selecting, selectingText, varyNames } from '../../gateway/cache/policy/vary.ts'
import { lowerNames } from '../../gateway/header-pairs.ts'
import { anyCaller, anyHeaders, anyRequest, anyRules } from './generators/cache-messages.ts'

const nowMs = Date.UTC(2026, 10, 22, 10)
const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 20_000)
const timeoutMs = 30_000 + numRuns

const latin1 = fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 })
const anyStatus = fc.oneof(
  fc.constantFrom(200, 200, 200, 206, 301, 304, 401, 404, 412, 429, 451, 503),
  fc.nat({ max: 1000 }),
)
const anyTimes = fc
  .tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: -5_000, max: 60_000 }))
  .map(([fromNow, tookMs]) => ({ requestMs: nowMs + fromNow - tookMs, responseMs: nowMs + fromNow }))
/** Words with a meaning, and bytes with none. */
const anyBlock = fc.oneof(
  { weight: 4, arbitrary: anyHeaders },
  { weight: 1, arbitrary: fc.array(fc.tuple(latin1, latin1), { maxLength: 6 }).map((lines) => lines.flat()) },
)

const asking = (method: string, headers: readonly string[]): CacheRequest => ({
  method,
  headers,
  names: lowerNames(headers),
})
const get = asking('GET', [])
const anybody: CallerFacts = { authenticated: false, ownKey: false, directs: false }
const values = (headers: readonly string[], name: string): string[] =>
  headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name)

describe('any block of headers', () => {
  it(
    'is judged without a throw, and what is stored has times that are numbers and no field of the connection',
    () => {
      fc.assert(
        fc.property(
          fc.tuple(anyRequest, anyBlock, anyStatus),
          anyRules,
          anyCaller,
          anyTimes,
          ([request, headers, status], rules, caller, times) => {
            const judged = toEntry(request, { status, reason: '', headers }, rules, caller, times)
            negativeS(status, { status, reason: '', headers }, rules, nowMs)
            for (const value of headers) {
              parseHttpDate(value, nowMs)
              parseEntityTags([value, value])
            }
            if (judged.kind === 'refused') return

            const { entry } = judged
            const { lifetimeS, initialAgeS, staleWhileRevalidateS, staleIfErrorS } = entry.freshness
            for (const seconds of [lifetimeS, staleWhileRevalidateS, staleIfErrorS])
              if (!(seconds >= 0 && seconds <= longestS)) throw new Error(`${seconds} s`)
            if (!(initialAgeS >= 0 && Number.isFinite(ageS(entry, nowMs)))) throw new Error(`age ${initialAgeS}`)
            if (!(ttlS(entry, nowMs) <= lifetimeS)) throw new Error('younger than it came')
            for (const name of ['age', 'connection', 'te', 'proxy-authenticate', 'transfer-encoding'])
              if (values(entry.headers, name).length > 0) throw new Error(`${name} was stored`)
            if (values(entry.headers, 'date').length === 0) throw new Error('no Date')
            if (entry.vary.length > 16 || entry.tags.length > 50) throw new Error('beyond a limit')
          },
        ),
        { numRuns },
      )
    },
    timeoutMs,
  )

  it('is never stored once a prohibition stands in a line of its own, wherever', () => {
    const prohibition = fc.constantFrom(
      ...[
        ['Cache-Control', 'no-store'],
        ['CACHE-CONTROL', 'x=1, Private'],
        ['vary', 'a, *'],
        ['Connection', 'vary'],
      ],
    )
    fc.assert(
      fc.property(anyHeaders, fc.nat(), prohibition, anyRules, anyStatus, (others, place, line, rules, status) => {
        const at = 2 * (place % (others.length / 2 + 1))
        const headers = [...others.slice(0, at), ...line, ...others.slice(at)]
        const said = cacheControl(headers)
        // Where the service itself takes it back, S4 has its own tests.
        if (said.has('must-understand')) return

        const judged = toEntry(get, { status, reason: '', headers }, { ...rules, targeted: [] }, anybody, {
          requestMs: nowMs,
          responseMs: nowMs,
        })

        expect(judged.kind).toBe('refused')
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('the answer to somebody with a credential', () => {
  /** With what each word says on sharing, written down and not read. */
  const word = fc.constantFrom<readonly [text: string, permits: boolean, shadows: string]>(
    ...([
      ['public', true, 'public'],
      ['PUBLIC=1', true, 'public'],
      ['s-maxage=60', true, 's-maxage'],
      ['s-maxage="60"', true, 's-maxage'],
      ['must-revalidate', true, 'must-revalidate'],
      ['s-maxage=soon', false, 's-maxage'],
      ['max-age=60', false, ''],
      ['proxy-revalidate', false, ''],
      ['immutable', false, ''],
      ['x="public, must-revalidate"', false, ''],
      ['publicly', false, ''],
      ['"public"', false, ''],
      ['stale-if-error=60', false, ''],
    ] as const),
  )
  const anyWords = fc.uniqueArray(word, { maxLength: 5, selector: ([text, , shadows]) => shadows || text })
  const credential = fc.constantFrom<readonly string[]>(
    ['Authorization', 'Bearer x'],
    ['AUTHORIZATION', ''],
    ['authorization', 'Basic eA=='],
  )

  const stored = (
    words: readonly (readonly [string, boolean, string])[],
    asked: readonly string[],
    rules: CacheRules,
    caller: CallerFacts,
  ): Judged =>
    toEntry(
      asking('GET', asked),
      { status: 200, reason: '', headers: ['Cache-Control', words.map(([text]) => text).join(', '), 'ETag', '"a"'] },
      { ...rules, targeted: [] },
      caller,
      { requestMs: nowMs, responseMs: nowMs },
    )

  const neverShared = (authorization: fc.Arbitrary<readonly string[]>, caller: fc.Arbitrary<CallerFacts>) =>
    fc.property(anyWords, authorization, anyRules, caller, (words, asked, rules, facts) => {
      const permitted = words.some(([, permits]) => permits)
      const own = !rules.strict && facts.ownKey && rules.ttlS !== undefined
      if (permitted || own) return
      expect(stored(words, asked, rules, facts).kind).toBe('refused')
    })

  it('Cache AU1: is never stored without a permission, whatever the route says', () => {
    fc.assert(neverShared(credential, anyCaller), { numRuns: 5_000 })
    fc.assert(
      neverShared(
        fc.constant([]),
        anyCaller.map((facts) => ({ ...facts, authenticated: true })),
      ),
      { numRuns: 5_000 },
    )
  })

  it('Cache AU1: is what the same run finds stored without the credential', () => {
    expect(fc.check(neverShared(fc.constant([]), fc.constant(anybody)), { numRuns: 500 }).failed).toBe(true)
  })

  it('Cache AU1: is stored with a permission, if nothing else forbids it', () => {
    fc.assert(
      fc.property(anyWords, credential, anyCaller, (words, asked, facts) => {
        if (!words.some(([, permits]) => permits)) return
        const strict: CacheRules = {
          ...{
            strict: true,
            ttlS: undefined,
            override: false,
            staleWhileRevalidateS: undefined,
            staleIfErrorS: undefined,
          },
          ...{ negative: new Map(), targeted: [], dropSetCookie: false, ignoreCookies: false, keyedCookies: [] },
        }
        expect(stored(words, asked, strict, facts).kind).toBe('entry')
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('whether two requests match', () => {
  const anyMember = fc.constantFrom(
    'gzip',
    'br',
    'GZIP',
    'de',
    'en;q=0.5',
    'a b',
    '',
    '"x',
    'x"',
    '"a"',
    '\xe9',
    '1:a',
    '-',
    '\0',
  )
  const anyLines = fc.option(
    fc.array(
      fc.tuple(anyMember, fc.constantFrom(',', ', ', ' ,\t', ' ')).map((parts) => parts.join('')),
      { maxLength: 3 },
    ),
    { nil: undefined },
  )
  const names = ['accept-encoding', 'accept-language', 'foo']
  const anyAsked = fc.tuple(anyLines, anyLines, anyLines)
  const textOf = (vary: readonly string[], asked: readonly (readonly string[] | undefined)[]) =>
    selectingText(vary, (name) => asked[names.indexOf(name)])

  it('Cache V2: is the same asked either way, true of the same request, and never a throw', () => {
    fc.assert(
      fc.property(fc.subarray(names), anyAsked, anyAsked, (vary, one, other) => {
        const matches = (of: typeof one, by: typeof one) => {
          const row = { vary, selecting: textOf(vary, of), dateMs: 0, storedMs: 0 }
          return choose([row], (asked) => textOf(asked, by)) !== undefined
        }

        expect(matches(one, other)).toBe(matches(other, one))
        expect(matches(one, one)).toBe(true)
        const each = vary.every((name) => {
          const at = names.indexOf(name)
          return selecting(name, one[at]) === selecting(name, other[at])
        })
        expect(matches(one, other)).toBe(each)
      }),
      { numRuns: 5_000 },
    )
  })

  it('Cache V2: tells values apart by all that is not white space', () => {
    const bare = (lines: readonly string[]) => lines.join(',').replace(/[ \t]/g, '')
    fc.assert(
      fc.property(
        fc.array(latin1, { minLength: 1, maxLength: 3 }),
        fc.array(latin1, { minLength: 1, maxLength: 3 }),
        (one, other) => {
          if (selecting('foo', one) === selecting('foo', other)) expect(bare(one)).toBe(bare(other))
          expect(selecting('foo', one)).not.toBe(selecting('foo', undefined))
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('Cache V3: does not depend on the order of codings and languages, nor on how lines part them', () => {
    const anyCodings = fc.array(fc.constantFrom('gzip', 'br', 'zstd;q=0.5', 'identity;q=0', '*'), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(anyCodings, fc.nat(), fc.infiniteStream(fc.nat()), (codings, split, keys) => {
        const shuffled = codings
          .map((coding) => ({ coding, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ coding }, at) => (at % 2 === 0 ? coding.toUpperCase() : coding))
        const at = split % shuffled.length
        const lines = [shuffled.slice(0, at).join(' , '), shuffled.slice(at).join(',\t')]

        expect(selecting('accept-encoding', lines)).toBe(selecting('accept-encoding', [codings.join(', ')]))
      }),
      { numRuns: 2_000 },
    )
  })

  it('Cache V1: the names of a Vary are names, each once, however they are written', () => {
    fc.assert(
      fc.property(fc.array(latin1, { maxLength: 4 }), (lines) => {
        const read = varyNames(lines.flatMap((line) => ['Vary', line]))
        if (typeof read === 'string') return
        expect(read.every((name) => /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) && name !== '*')).toBe(true)
        expect(read).toEqual([...new Set(read)].sort())
        expect(varyNames(['vary', read.join()])).toEqual(read)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what is printed and read again', () => {
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
  const anyCase = (text: string, upper: boolean) => (upper ? text.toUpperCase() : text)

  it('Cache P1: is the same, of directives in lines, quotes and letters of all kinds', () => {
    const name = fc.constantFrom('max-age', 's-maxage', 'private', 'no-cache', 'no-store', 'public', 'stale-if-error')
    const argument = fc.option(latin1, { nil: undefined })
    const directive = fc.tuple(name, argument, fc.boolean(), fc.boolean())
    fc.assert(
      fc.property(fc.uniqueArray(directive, { maxLength: 5, selector: ([key]) => key }), (directives) => {
        const headers: string[] = []
        let line = ''
        for (const [key, value, upper, breaks] of directives) {
          line += `${line === '' ? '' : ' ,\t'}${anyCase(key, upper)}${value === undefined ? '' : `=${quoted(value)}`}, x-other=${quoted(`, ${key}`)}`
          if (!breaks) continue
          headers.push('Cache-Control', line)
          line = ''
        }
        const said = cacheControl([...headers, 'cache-control', line])

        for (const [key, value] of directives) expect(said.get(key)).toBe(value ?? true)
        expect(said.unclosed).toBe(false)
        for (const key of ['must-revalidate', 'x-other', 'immutable']) expect(said.has(key)).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })

  it('Cache P5: is the same, of dates in all three forms', () => {
    const anySecond = fc.integer({ min: -2_000_000_000, max: 4_000_000_000 })
    fc.assert(
      fc.property(anySecond, (second) => {
        const ms = second * 1000
        const date = formatHttpDate(ms)
        const [day = '', month = '', year = '', time = ''] = date.slice(5).split(' ')
        const old = `Saturday, ${day}-${month}-${year.slice(2)} ${time} GMT`

        expect(parseHttpDate(date, nowMs)).toBe(ms)
        expect(parseHttpDate(`Sat ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`, nowMs)).toBe(ms)
        if (Math.abs(ms - nowMs) < 49 * 365 * 86_400_000) expect(parseHttpDate(old, nowMs)).toBe(ms)
        expect(parseHttpDate(date.toLowerCase(), nowMs)).toBeUndefined()
      }),
      { numRuns: 5_000 },
    )
  })

  it('Cache P6: is the same, of entity-tags and lists of them', () => {
    const opaque = latin1.map((text) => text.replace(/[\0-\x20"\x7f]/g, ''))
    const anyTag = fc.tuple(fc.constantFrom('', 'W/'), opaque).map(([weak, text]) => `${weak}"${text}"`)
    fc.assert(
      fc.property(fc.array(anyTag, { maxLength: 6 }), (tags) => {
        const read = parseEntityTags([tags.join(' ,\t'), ...tags])

        expect(read === '*' ? read : read.map(({ text }) => text)).toEqual([...tags, ...tags])
      }),
      { numRuns: 2_000 },
    )
  })

  it('Cache P6: a strong match is a weak one, and both are the same asked either way', () => {
    const anyText = fc.oneof(latin1, fc.constantFrom('"a"', 'W/"a"', 'a', 'W/a', '"b"', 'W/"b"', '"a'))
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const [a, b] = [parseEntityTag(one), parseEntityTag(other)]
        if (a === undefined || b === undefined) return
        expect(strongMatch(a, b)).toBe(strongMatch(b, a))
        expect(weakMatch(a, b)).toBe(weakMatch(b, a))
        if (strongMatch(a, b)) expect([weakMatch(a, b), one]).toEqual([true, other])
      }),
      { numRuns: 2_000 },
    )
  })

  it('Cache T1: is the same, of a targeted field', () => {
    const name = fc.constantFrom('max-age', 's-maxage', 'no-store', 'private', 'stale-if-error', 'public')
    const value = fc.option(fc.nat(), { nil: undefined })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, value), { minLength: 1, maxLength: 5, selector: ([key]) => key }),
        (members) => {
          const line = members.map(([key, number]) => (number === undefined ? key : `${key}=${number}`)).join(', ')
          const { directives, field } = governing(['CDN-Cache-Control', line], ['cdn-cache-control'])

          expect(field).toBe('cdn-cache-control')
          expect(readDictionary([line])?.size).toBe(members.length)
          for (const [key, number] of members) {
            expect(directives.has(key)).toBe(true)
            if (number !== undefined && key !== 'private' && key !== 'no-store' && key !== 'public')
              expect(directives.seconds(key)).toBe(Math.min(number, longestS))
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('Cache N4: is the same, of tags: all of them, or the answer is not stored', () => {
    fc.assert(
      fc.property(fc.array(latin1, { maxLength: 60 }), (texts) => {
        const read = contentTags(['Surrogate-Key', texts.join(' ')])
        if (read === 'too-many') return
        const said = new Set(
          texts
            .join(' ')
            .split(/[ \t]/)
            .filter((tag) => tag !== ''),
        )
        expect(read).toEqual([...said].map((tag) => `t:${tag}`))
      }),
      { numRuns: 2_000 },
    )
  })
})
