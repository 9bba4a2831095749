/**
 * What the cache policy promises of an entry that it serves, whatever services and clients write. The promise of R2 has its
 * control: where nothing forbids it, the same run finds a stale answer.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { appendMember, memberText } from '../../gateway/cache/policy/cache-status.ts'
import { evaluate, notModified } from '../../gateway/cache/policy/conditional.ts'
import { decide, onError, type Soft } from '../../gateway/cache/policy/decide.ts'
import type { CacheRequest, CacheResponse, CacheRules, Entry } from '../../gateway/cache/policy/entry.ts'
import { freshen } from '../../gateway/cache/policy/freshen.ts'
import { ageS, ttlS } from '../../gateway/cache/policy/freshness.ts'
import { headSays } from '../../gateway/cache/policy/head-says.ts'
import { invalidated } from '../../gateway/cache/policy/invalidates.ts'
import { slice } from '../../gateway/cache/policy/range.ts'
import { readRequest } from '../../gateway/cache/policy/request-directives.ts'
import { toEntry } from '../../gateway/cache/policy/storable.ts'
import { conditionsOf, validatorsOf, withoutConditions } from '../../gateway/cache/policy/validate.ts'
import { whichFreshened } from '../../gateway/cache/policy/which-freshened.ts'
import { withoutField } from '../../gateway/header-pairs.ts'
import { anybody, entry, freshness, get, nowMs, times } from '../gateway/cache/policy/made.ts'
import { anyCaller, anyHeaders, anyRequest, anyRules } from './generators/cache-messages.ts'

const plain = get()

const anySoft: fc.Arbitrary<Soft | undefined> = fc.option(
  fc.record({ sinceMs: fc.integer({ min: nowMs - 50_000, max: nowMs + 50_000 }), forMs: fc.nat({ max: 100_000 }) }),
  { nil: undefined },
)
const anyDelayMs = fc.nat({ max: 150_000 })

describe('a stale answer', () => {
  const serviceSays = fc.subarray([
    ...['max-age=10', 'stale-while-revalidate=60', 'stale-if-error=60', 'public', 'immutable', 'x="must-revalidate"'],
  ])
  const requestSays = fc.subarray([
    ...['max-stale', 'max-stale=60', 'stale-if-error=60', 'only-if-cached', 'max-age=99', 'min-fresh=1', 'no-store'],
  ])
  const forbidding = fc.constantFrom('must-revalidate', 'proxy-revalidate', 's-maxage=20', 'no-cache', 'S-MaxAge=x')

  /** Fails when a stale entry is given to somebody whose service wrote `prohibition` into its answer. */
  const neverStale = (prohibition: fc.Arbitrary<string>) =>
    fc.property(
      fc.tuple(serviceSays, prohibition, fc.boolean()),
      requestSays,
      anyRules,
      anySoft,
      anyDelayMs,
      ([words, forbids, isFirst], wishes, rules, soft, delayMs) => {
        const line = (isFirst ? [forbids, ...words] : [...words, forbids]).join(', ')
        const headers = ['Cache-Control', line, 'ETag', '"a"']
        const judged = toEntry(plain, { status: 200, reason: '', headers }, rules, anybody, times)
        if (judged.kind === 'refused') return
        const { entry } = judged
        const directives = readRequest(get('Cache-Control', wishes.join(', ')), true)
        const isStale = ttlS(entry, nowMs + delayMs) <= 0 || soft !== undefined

        if (!isStale && !entry.freshness.validateAlways) return
        expect(['fresh', 'stale-swr']).not.toContain(decide(entry, directives, nowMs + delayMs, soft).kind)
        expect(onError(entry, directives, nowMs + delayMs, soft)).not.toBe('serve-stale')
      },
    )

  it('Cache R2: is never given where the service forbids it, whatever request, route and purges say', () => {
    fc.assert(neverStale(forbidding), { numRuns: 2_000 })
  })

  it('Cache R2: is given by the same run where it does not', () => {
    const { errorInstance } = fc.check(neverStale(fc.constant('immutable')), { numRuns: 500 })

    expect(errorInstance).toMatchObject({ name: 'AssertionError' })
  })
})

/** What is not stored is made an entry all the same: what serves must stand whatever it is given. */
function entryOf(request: CacheRequest, response: CacheResponse, rules: CacheRules): Entry {
  const judged = toEntry(request, response, rules, anybody, times)
  if (judged.kind === 'entry') return judged.entry
  const windows = freshness({ staleWhileRevalidateS: 5, staleIfErrorS: 5 })
  const headers = withoutField(response.headers, 'age')
  return { ...response, headers, ...times, freshness: windows, vary: [], guarded: [], tags: [] }
}

const anyEntry = fc
  .tuple(anyHeaders, anyRules, fc.constantFrom(200, 200, 206, 404, 503))
  .map(([headers, rules, status]) => entryOf(plain, { status, reason: '', headers }, rules))

describe('an entry', () => {
  it('Cache A2: never gets younger between two hits', () => {
    fc.assert(
      fc.property(anyEntry, anyDelayMs, anyDelayMs, (entry, one, two) => {
        const [first, second] = [ageS(entry, nowMs + one), ageS(entry, nowMs + one + two)]

        expect(second).toBeGreaterThanOrEqual(first)
        expect(Math.floor(second)).toBeGreaterThanOrEqual(Math.floor(first))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is decided on alike whenever the same is known of it, and never changed', () => {
    fc.assert(
      fc.property(anyEntry, anyRequest, fc.boolean(), anySoft, anyDelayMs, (entry, request, directs, soft, delayMs) => {
        const run = (own: Entry) => {
          const directives = readRequest(request, directs)
          return [
            decide(own, directives, nowMs + delayMs, soft),
            onError(own, directives, nowMs + delayMs, soft),
            evaluate(own, request),
            slice(own, 10, request),
          ]
        }
        const before = structuredClone(entry)

        expect(run(entry)).toEqual(run(before))
        expect(entry).toEqual(before)
      }),
      { numRuns: 1_000 },
    )
  })

  it('Cache C6: freshened twice is freshened once', () => {
    fc.assert(
      fc.property(anyEntry, anyHeaders, anyRules, anyDelayMs, (entry, headers, rules, delayMs) => {
        const answer = { status: 304, reason: '', headers }
        const then = { requestMs: nowMs + delayMs, responseMs: nowMs + delayMs }
        const once = freshen(entry, plain, answer, rules, anybody, then)

        expect(freshen(once.entry, plain, answer, rules, anybody, then).entry).toEqual(once.entry)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a part of an answer', () => {
  /** The rules of RFC 9110 section 14.1.2 once more, written without a regular expression; undefined = the whole. */
  function expected(body: Buffer, from: number | undefined, to: number | undefined): Buffer | undefined | 'none' {
    if (from === undefined) {
      if (to === undefined || (to > 0 && body.length === 0)) return undefined
      return to === 0 ? 'none' : body.subarray(Math.max(0, body.length - to))
    }
    if (to !== undefined && to < from) return undefined
    return from >= body.length ? 'none' : body.subarray(from, to === undefined ? undefined : to + 1)
  }
  const anyPosition = fc.option(fc.nat({ max: 40 }), { nil: undefined })
  const whole = entry(['ETag', '"a"'])

  it('Cache G1: has those bytes of the whole, for any range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 32 }), anyPosition, anyPosition, (bytes, from, to) => {
        const body = Buffer.from(bytes)
        const cut = slice(whole, body.length, get('Range', `bytes=${from ?? ''}-${to ?? ''}`))
        const is =
          cut.kind === 'part' ? body.subarray(cut.first, cut.last + 1) : cut.kind === 'whole' ? undefined : 'none'

        expect(is).toEqual(expected(body, from, to))
        if (cut.kind === 'part') expect(cut.last - cut.first + 1).toBe((is as Buffer).length)
      }),
      { numRuns: 3_000 },
    )
  })

  it('Cache G3: has them of a stored part too, and no byte that this lacks', () => {
    const anyPart = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 32 }), fc.nat(), fc.nat())
      .map(([bytes, one, two]) => {
        const [first, last] = [one % bytes.length, two % bytes.length].toSorted((a, b) => a - b) as [number, number]
        return { body: Buffer.from(bytes), first, last }
      })
    fc.assert(
      fc.property(anyPart, anyPosition, anyPosition, ({ body, first, last }, from, to) => {
        const part: Entry = { ...whole, status: 206, part: { first, last, total: body.length } }
        const held = body.subarray(first, last + 1)
        const cut = slice(part, held.length, get('Range', `bytes=${from ?? ''}-${to ?? ''}`))

        expect(cut.kind).not.toBe('whole')
        if (cut.kind === 'part')
          expect(held.subarray(cut.first - first, cut.last - first + 1)).toEqual(expected(body, from, to))
        if (cut.kind === 'unsatisfiable') expect(expected(body, from, to)).toBe('none')
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('header blocks of all kinds', () => {
  it('make nothing here throw', () => {
    fc.assert(
      fc.property(anyRequest, anyHeaders, anyRules, anyCaller, anySoft, (request, headers, rules, caller, soft) => {
        const response = { status: 200, reason: '', headers }
        const entry = entryOf(request, response, rules)
        const directives = readRequest(request, caller.directs)
        decide(entry, directives, nowMs + 20_000, soft)
        onError(entry, directives, nowMs + 20_000, soft)
        const stored = [entry, { ...entry, headers: request.headers }].map(validatorsOf)
        const sent = conditionsOf(stored)
        withoutConditions(request.headers)
        freshen(entry, request, { ...response, headers: request.headers }, rules, caller, times)
        whichFreshened(stored, { ...response, headers: request.headers }, sent)
        headSays(entry, { ...response, headers: request.headers })
        evaluate(entry, request)
        notModified(entry, ['age', '1'])
        slice(entry, 10, request)
        invalidated(request.method, `https://api.example.com/${request.headers[1]}`, response)
        appendMember([...headers], memberText({ site: headers[1] ?? '', kind: 'hit', detail: headers[3] ?? '' }))
      }),
      { numRuns: 20_000 },
    )
  })
})
