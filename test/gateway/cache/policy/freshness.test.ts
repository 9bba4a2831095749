import { describe, expect, it } from 'vitest'
import type { CacheRules, Freshness } from '../../../../gateway/cache/policy/entry.ts'
import { fieldsOf } from '../../../../gateway/cache/policy/fields.ts'
import { ageS, freshnessOf, ttlS } from '../../../../gateway/cache/policy/freshness.ts'
import { formatHttpDate } from '../../../../gateway/cache/policy/http-date.ts'
import { governing } from '../../../../gateway/cache/policy/targeted.ts'
import { date, lasting, later, nowMs, rules, times } from './made.ts'

const strict: CacheRules = { ...rules, strict: true, targeted: ['cdn-cache-control'] }
const api: CacheRules = { ...rules, targeted: strict.targeted }

const judge = (headers: readonly string[], ruled: CacheRules = strict, status = 200, at = times) =>
  freshnessOf(status, fieldsOf(headers), governing(headers, ruled.targeted), ruled, at)
const lifetime = (...headers: string[]): number => judge(['Date', date, ...headers]).freshness.lifetimeS
const of = (control: string, ruled = strict): Freshness =>
  judge(['Date', date, 'Cache-Control', control], ruled).freshness
const at = (seconds: number): string => formatHttpDate(later(seconds))

describe('how long an answer is fresh', () => {
  const all = [
    ...['CDN-Cache-Control', 's-maxage=1, max-age=2'],
    ...['Cache-Control', 's-maxage=3, max-age=4'],
    ...['Expires', at(5), 'Last-Modified', at(-70)],
  ]
  const without = (count: number): string[] => {
    const steps = [
      all,
      ['CDN-Cache-Control', 'max-age=2', ...all.slice(2)],
      all.slice(2),
      ['Cache-Control', 'max-age=4', ...all.slice(4)],
      all.slice(4),
      all.slice(6),
    ]
    return ['Date', date, ...(steps[count] as string[])]
  }

  it.each([
    [0, 's-maxage', 1],
    [1, 'max-age', 2],
    [2, 's-maxage', 3],
    [3, 'max-age', 4],
    [4, 'expires', 5],
    [5, 'heuristic', 7],
  ])('Cache F1: without the first %i sources, the next is %s, with %d s', (count, source, lifetimeS) => {
    expect(judge(without(count))).toMatchObject({ source, freshness: { lifetimeS } })
  })

  it("Cache F1: the route's ttl is for answers that say nothing themselves", () => {
    const timed = { ...api, ttlS: 6 }

    expect(judge(without(4), timed)).toMatchObject({ source: 'expires', freshness: { lifetimeS: 5 } })
    expect(judge(without(5), timed)).toMatchObject({ source: 'ttl', freshness: { lifetimeS: 6 } })
    expect(judge(['CDN-Cache-Control', 'public', ...all.slice(2)], timed)).toMatchObject({ source: 'ttl' })
    expect(judge(without(5), { ...timed, strict: true })).toMatchObject({ source: 'heuristic' })
    expect(judge(without(5), api)).toMatchObject({ source: 'none', freshness: { lifetimeS: 0 } })
  })

  it.each([
    ['s-maxage=x, max-age=60'],
    ['s-maxage=1, s-maxage=2, max-age=60'],
    ['max-age=x'],
    ['max-age=10, max-age=20'],
    ['max-age="60'],
  ])('Cache P3: "%s" is stale at once, whatever stands behind it', (control) => {
    expect(
      judge(['Date', date, 'Cache-Control', control, 'Expires', at(60), 'Last-Modified', at(-600)], {
        ...api,
        ttlS: 60,
      }),
    ).toMatchObject({
      freshness: { lifetimeS: 0 },
    })
  })

  it('Cache P4: an unclosed quote means no-cache besides', () => {
    expect(of('max-age=60, foo="bar')).toMatchObject({ lifetimeS: 60, validateAlways: true, neverStale: true })
  })

  it('Cache F1: override replaces what the service says of time, and no prohibition', () => {
    const timed = { ...api, ttlS: 6, staleWhileRevalidateS: 7, staleIfErrorS: 8, override: true }

    for (const count of [0, 1, 2, 3, 4, 5])
      expect(judge(without(count), timed)).toMatchObject({ source: 'ttl', freshness: { lifetimeS: 6 } })
    expect(of('max-age=1, stale-while-revalidate=1, stale-if-error=1', timed)).toMatchObject({
      staleWhileRevalidateS: 7,
      staleIfErrorS: 8,
    })
    for (const forbidding of ['s-maxage=1', 'must-revalidate', 'proxy-revalidate', 'no-cache'])
      expect(of(forbidding, timed)).toMatchObject({
        lifetimeS: 6,
        neverStale: true,
        staleWhileRevalidateS: 0,
        staleIfErrorS: 0,
      })
    expect(of('no-cache', timed).validateAlways).toBe(true)
    expect(of('max-age=1', { ...timed, strict: true })).toMatchObject({ lifetimeS: 1, staleWhileRevalidateS: 0 })
    expect(of('max-age=1', { ...timed, ttlS: undefined })).toMatchObject({ lifetimeS: 1, staleWhileRevalidateS: 7 })
  })

  it("Cache F1: the route's times leave alone how long a failure is kept", () => {
    const timed = { ...api, ttlS: 6, override: true }

    expect(judge(['Date', date], timed, 404)).toMatchObject({ source: 'none', freshness: { lifetimeS: 0 } })
    expect(judge(['Date', date, 'Cache-Control', 'max-age=9'], timed, 503)).toMatchObject({
      source: 'max-age',
      freshness: { lifetimeS: 9 },
    })
  })

  it.each([
    ['Expires - Date', ['Date', date, 'Expires', at(60)], 60],
    ['the time of receipt without Date', ['Expires', at(60)], 60],
    ['the time of receipt with an unreadable Date', ['Date', 'x', 'Expires', at(60)], 60],
    ['Date, though the clocks differ', ['Date', at(1000), 'Expires', at(1060)], 60],
    ['another form', ['Date', date, 'Expires', 'Sunday, 22-Nov-26 10:01:00 GMT'], 60],
    ['nothing if it is past', ['Date', date, 'Expires', at(-60)], 0],
    ['nothing if it is Date', ['Date', date, 'Expires', date], 0],
    ['nothing if it is 0', ['Date', date, 'Expires', '0'], 0],
    ['nothing if it is -1', ['Date', date, 'Expires', '-1'], 0],
    ['nothing if it is empty', ['Date', date, 'Expires', ''], 0],
    ['nothing in another zone', ['Date', date, 'Expires', 'Sun, 22 Nov 2026 10:01:00 UTC'], 0],
    ['at most 2^31', ['Date', date, 'Expires', 'Fri, 31 Dec 9999 23:59:59 GMT'], 2 ** 31],
  ])('Cache F2: the lifetime by Expires is %s', (_, headers, lifetimeS) => {
    expect(judge(headers as string[])).toMatchObject({ source: 'expires', freshness: { lifetimeS } })
  })

  it('Cache F2: two Expires lines mean expired', () => {
    expect(lifetime('Expires', at(60), 'Expires', at(60))).toBe(0)
    expect(lifetime('Expires', at(60), 'expires', 'x')).toBe(0)
    expect(lifetime('Expires', `${at(60)}, ${at(60)}`)).toBe(0)
  })

  it('Cache F3: no-cache asks for validation each time, and Pragma means nothing in an answer', () => {
    expect(of('no-cache, max-age=60')).toMatchObject({ lifetimeS: 60, validateAlways: true, neverStale: true })
    expect(of('no-cache="a", max-age=60')).toMatchObject({ validateAlways: false, neverStale: false })
    expect(judge(['Pragma', 'no-cache', 'Cache-Control', 'max-age=60']).freshness).toMatchObject({
      lifetimeS: 60,
      validateAlways: false,
    })
  })

  it('Cache F4: an answer is fresh as long as its lifetime is above its age', () => {
    const entry = lasting({ lifetimeS: 10, initialAgeS: 4 })

    expect(ttlS(entry, nowMs)).toBe(6)
    expect(ttlS(entry, later(5.999))).toBeGreaterThan(0)
    expect(ttlS(entry, later(6))).toBe(0)
    expect(ttlS(entry, later(10))).toBe(-4)
  })

  it('Cache F5: immutable and no-transform change nothing', () => {
    expect(of('max-age=60, immutable, no-transform')).toEqual(of('max-age=60'))
    expect(judge(['Cache-Control', 'immutable'])).toMatchObject({ freshness: { lifetimeS: 0 } })
  })

  it.each([
    ['a tenth of the time unchanged', ['Date', date, 'Last-Modified', at(-100)], 10],
    ['a day at most', ['Date', date, 'Last-Modified', 'Sun, 22 Nov 2020 10:00:00 GMT'], 86_400],
    ['by the time of receipt without Date', ['Last-Modified', at(-100)], 10],
    ['nothing without Last-Modified', ['Date', date], 0],
    ['nothing with an unreadable one', ['Date', date, 'Last-Modified', '0'], 0],
    ['nothing with one of the future', ['Date', date, 'Last-Modified', at(100)], 0],
    ['nothing with one of that moment', ['Date', date, 'Last-Modified', date], 0],
    ['nothing beside max-age', ['Date', date, 'Last-Modified', at(-100), 'Cache-Control', 'max-age=0'], 0],
    ['nothing beside an invalid Expires', ['Date', date, 'Last-Modified', at(-100), 'Expires', '0'], 0],
    [
      'as if it were alone with a window',
      ['Date', date, 'Last-Modified', at(-100), 'Cache-Control', 'stale-if-error=1'],
      10,
    ],
  ])('Cache F6: guessed in strict is %s', (_, headers, lifetimeS) => {
    expect(judge(headers as string[]).freshness.lifetimeS).toBe(lifetimeS)
    expect(judge(headers as string[], api).freshness.lifetimeS).toBe(0)
  })

  it('Cache F6: a lifetime is guessed for known statuses, or if the answer is public', () => {
    const old = ['Date', date, 'Last-Modified', at(-100)]

    expect(judge(old, strict, 404).freshness.lifetimeS).toBe(10)
    expect(judge(old, strict, 302).freshness.lifetimeS).toBe(0)
    expect(judge([...old, 'Cache-Control', 'public'], strict, 302).freshness.lifetimeS).toBe(10)
    expect(judge([...old, 'Cache-Control', 'public; x'], strict, 302).freshness.lifetimeS).toBe(0)
  })
})

describe('windows past the lifetime', () => {
  const windowed = { ...api, staleWhileRevalidateS: 7, staleIfErrorS: 8 }

  it.each([
    ['max-age=1, stale-while-revalidate=5, stale-if-error=6', 5, 6],
    ['max-age=1, stale-while-revalidate=0, stale-if-error=0', 0, 0],
    ['max-age=1', 7, 8],
    ['max-age=1, stale-while-revalidate=x, stale-if-error', 0, 0],
    ['max-age=1, stale-while-revalidate=1, stale-while-revalidate=2', 0, 8],
    ['max-age=1, must-revalidate, stale-while-revalidate=5', 0, 0],
    ['max-age=1, proxy-revalidate', 0, 0],
    ['s-maxage=1', 0, 0],
    ['s-maxage=x', 0, 0],
    ['no-cache', 0, 0],
    ['max-age=1, foo="', 0, 0],
  ])(
    'Cache R2: "%s" has %d s while it is refreshed and %d s for errors, with the route\'s where it says none',
    (control, whileRevalidate, ifError) => {
      expect(of(control, windowed)).toMatchObject({ staleWhileRevalidateS: whileRevalidate, staleIfErrorS: ifError })
    },
  )

  it('Cache R7: a window that its own s-maxage forbids is told', () => {
    expect(of('s-maxage=60, stale-while-revalidate=600').windowForbidden).toBe(true)
    expect(of('s-maxage=60, stale-if-error=600').windowForbidden).toBe(true)
    expect(of('s-maxage=60, stale-while-revalidate=0').windowForbidden).toBe(false)
    expect(of('s-maxage=60, stale-while-revalidate=x').windowForbidden).toBe(false)
    expect(of('s-maxage=60', windowed).windowForbidden).toBe(false)
    expect(of('max-age=60, stale-while-revalidate=600').windowForbidden).toBe(false)
  })
})

describe('how old an answer is', () => {
  it.each([
    ['0', 0],
    ['10', 10],
    ['0010', 10],
    [' 10\t', 10],
    ['10, 20', 10],
    ['10,x', 10],
    ['2147483649', 2 ** 31],
    ['99999999999999999999', 2 ** 31],
    ['', 0],
    ['1.5', 0],
    ['-10', 0],
    ['+10', 0],
    ['abc', 0],
    ['"10"', 0],
    ['10;a=b', 0],
    [', 10', 0],
    ['x, 10', 0],
    ['1 0', 0],
    ['\xa010', 0],
  ])('Cache A1: Age "%s" is %d s', (line, initialAgeS) => {
    expect(judge(['Date', date, 'Age', line]).freshness.initialAgeS).toBe(initialAgeS)
  })

  it('Cache A1: the first line of several counts', () => {
    expect(judge(['Age', '10', 'age', '20']).freshness.initialAgeS).toBe(10)
    expect(judge(['Age', 'x', 'age', '20']).freshness.initialAgeS).toBe(0)
  })

  it.each([
    ['Date is past', ['Date', at(-5)], 0, 5],
    ['Date is to come', ['Date', at(5)], 0, 0],
    ['there is no Date', [], 0, 0],
    ['Date is unreadable', ['Date', 'x'], 0, 0],
    ['it took its time', ['Date', date], 2500, 2.5],
    ['Age and the way count together', ['Date', date, 'Age', '3'], 2500, 5.5],
    ['Date tells more than Age', ['Date', at(-60), 'Age', '3'], 2500, 60],
    ['Age tells more than Date', ['Date', at(-2), 'Age', '30'], 0, 30],
    ['the clock was set back meanwhile', ['Date', date, 'Age', '3'], -5000, 3],
  ])('Cache A2: its age when it came, if %s', (_, headers, tookMs, initialAgeS) => {
    const came = { requestMs: nowMs - (tookMs as number), responseMs: nowMs }

    expect(judge(headers as string[], strict, 200, came).freshness.initialAgeS).toBe(initialAgeS)
  })

  it('Cache A2: what Date cuts off is no age', () => {
    const came = { requestMs: nowMs + 900, responseMs: nowMs + 900 }

    expect(judge(['Date', date], strict, 200, came).freshness.initialAgeS).toBe(0)
    expect(judge(['Date', at(-1)], strict, 200, came).freshness.initialAgeS).toBe(1)
  })

  it('Cache A2: it grows with the time that it is stored, and never falls', () => {
    const entry = lasting({ initialAgeS: 2.5 })

    expect(ageS(entry, nowMs)).toBe(2.5)
    expect(ageS(entry, later(1.25))).toBe(3.75)
    expect(ageS(entry, later(-100))).toBe(2.5)
  })
})
