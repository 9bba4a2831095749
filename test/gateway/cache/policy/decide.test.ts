import { describe, expect, it } from 'vitest'
import { decide, onError } from '../../../../gateway/cache/policy/decide.ts'
import type { Entry } from '../../../../gateway/cache/policy/entry.ts'
import { readRequest } from '../../../../gateway/cache/policy/request-directives.ts'
import { get, lasting, later, nowMs } from './made.ts'

const saying = (line?: string) => readRequest(line === undefined ? get() : get('Cache-Control', line), true)
/** What is decided `seconds` after the entry came, for a request that says `line`. */
const decided = (entry: Entry, seconds: number, line?: string, soft?: { sinceMs: number; forMs: number }) => {
  const { kind, because } = decide(entry, saying(line), later(seconds), soft)
  return kind === because ? kind : `${kind} ${because}`
}
const failed = (entry: Entry, seconds: number, line?: string, soft?: { sinceMs: number; forMs: number }) =>
  onError(entry, saying(line), later(seconds), soft)

const plain = lasting({})
const never = lasting({ neverStale: true })
const always = lasting({ neverStale: true, validateAlways: true })
const swr = lasting({ staleWhileRevalidateS: 60 })
const sie = lasting({ staleIfErrorS: 60 })

describe('a stored answer', () => {
  it('Cache R1: answers while its lifetime is longer than its age, then the service is asked', () => {
    expect(decided(plain, 0)).toBe('fresh')
    expect(decided(plain, 9.999)).toBe('fresh')
    expect(decided(plain, 10)).toBe('revalidate stale')
    expect(decide(plain, saying(), later(10))).toMatchObject({ forwarded: 'stale' })
  })

  it('Cache R1: counts the age with which it came', () => {
    expect(decided(lasting({ initialAgeS: 8 }), 1)).toBe('fresh')
    expect(decided(lasting({ initialAgeS: 8 }), 2)).toBe('revalidate stale')
  })

  it('Cache R2: that may never be stale is validated, whatever window or request would permit', () => {
    const windows = { staleWhileRevalidateS: 60, staleIfErrorS: 60 }
    const guarded = lasting({ neverStale: true, ...windows })

    expect(decided(guarded, 11)).toBe('revalidate never-stale')
    expect(decided(guarded, 11, 'max-stale')).toBe('revalidate never-stale')
    expect(decided(guarded, 1, undefined, { sinceMs: nowMs, forMs: 60_000 })).toBe('revalidate never-stale')
    expect(failed(guarded, 11)).toBe('stale-forbidden')
    expect(failed(guarded, 11, 'stale-if-error=600')).toBe('stale-forbidden')
    expect(failed(guarded, 1, undefined, { sinceMs: nowMs, forMs: 60_000 })).toBe('stale-forbidden')
  })

  it('Cache R2: with no-cache is validated each time, and never stands in for an error', () => {
    expect(decided(always, 0)).toBe('revalidate no-cache')
    expect(decided(always, 0, 'max-stale')).toBe('revalidate no-cache')
    expect(failed(always, 0)).toBe('stale-forbidden')
  })

  it('Cache R3: that must be revalidated answers without it while it is fresh', () => {
    expect(decided(never, 9)).toBe('fresh')
  })

  it('Cache R3: that must be revalidated and is fresh is forbidden nothing by an error', () => {
    expect(failed(never, 9, 'max-age=5')).toBe('pass')
  })

  it('Cache R4: answers at once and is refreshed, within the window and not after it', () => {
    expect(decided(swr, 9)).toBe('fresh')
    expect(decided(swr, 10)).toBe('stale-swr swr')
    expect(decided(swr, 70)).toBe('stale-swr swr')
    expect(decided(swr, 70.001)).toBe('revalidate stale')
  })

  it('Cache R4: without a lifetime answers within its window', () => {
    expect(decided(lasting({ lifetimeS: 0, staleWhileRevalidateS: 60 }), 0)).toBe('stale-swr swr')
  })

  it('Cache R5: stands in for an error within the window and not after it', () => {
    expect(decided(sie, 10)).toBe('revalidate stale')
    expect(failed(sie, 10)).toBe('serve-stale')
    expect(failed(sie, 70)).toBe('serve-stale')
    expect(failed(sie, 70.001)).toBe('pass')
  })

  it('Cache R5: that a request wants fresher stands in for an error if it has a window', () => {
    expect(failed(sie, 5, 'max-age=3')).toBe('serve-stale')
    expect(failed(plain, 5, 'max-age=3')).toBe('pass')
  })

  it("Cache R5: gives way to the error where the service's own word was asked for", () => {
    expect(failed(sie, 20, 'no-cache')).toBe('pass')
    expect(failed(sie, 20, 'no-cache, stale-if-error=30')).toBe('serve-stale')
  })

  it('Cache R6: without a window is never given stale', () => {
    expect(decided(plain, 11)).toBe('revalidate stale')
    expect(failed(plain, 10)).toBe('pass')
    expect(failed(swr, 11)).toBe('pass')
    expect(decided(sie, 11)).toBe('revalidate stale')
  })

  it('Cache R7: whose window its own s-maxage forbids says so when it is stale', () => {
    const forbidden = lasting({ neverStale: true, windowForbidden: true })

    expect(decided(forbidden, 9)).toBe('fresh')
    expect(decided(forbidden, 10)).toBe('revalidate swr-off-s-maxage')
  })
})

describe('what a request wants of a stored answer', () => {
  it('Cache Q1: no-cache asks the service, however fresh the answer', () => {
    expect(decided(plain, 0, 'no-cache')).toBe('revalidate request-no-cache')
    expect(decided(swr, 11, 'no-cache, max-stale')).toBe('revalidate request-no-cache')
    expect(decide(plain, saying('no-cache'), nowMs)).toMatchObject({ forwarded: 'request' })
  })

  it('Cache Q1: max-age is the greatest age', () => {
    expect(decided(plain, 5, 'max-age=5')).toBe('fresh')
    expect(decided(plain, 5.001, 'max-age=5')).toBe('revalidate request-max-age')
    expect(decided(plain, 0, 'max-age=0')).toBe('revalidate request-no-cache')
    expect(decided(swr, 30, 'max-age=20, max-stale')).toBe('revalidate request-max-age')
  })

  it('Cache Q1: min-fresh is the time that must be left', () => {
    expect(decided(plain, 7, 'min-fresh=3')).toBe('fresh')
    expect(decided(plain, 7.001, 'min-fresh=3')).toBe('revalidate request-min-fresh')
    expect(decided(plain, 1, 'min-fresh=3', { sinceMs: nowMs, forMs: 60_000 })).toBe('revalidate request-min-fresh')
  })

  it('Cache Q1: max-stale permits as much staleness, or any', () => {
    expect(decided(plain, 15, 'max-stale=5')).toBe('fresh max-stale')
    expect(decided(plain, 15.001, 'max-stale=5')).toBe('revalidate stale')
    expect(decided(plain, 10, 'max-stale=0')).toBe('fresh max-stale')
    expect(decided(plain, 9_999_999, 'max-stale')).toBe('fresh max-stale')
  })

  it('Cache Q1: who states an age or a freshness wants nothing stale, though the service permits it', () => {
    expect(decided(swr, 20, 'max-age=600')).toBe('revalidate stale')
    expect(decided(swr, 20, 'max-age=600, max-stale=15')).toBe('stale-swr swr')
  })

  it('Cache Q1: only-if-cached gets what is there or 504, and no request is made for it', () => {
    expect(decided(plain, 1, 'only-if-cached')).toBe('fresh')
    expect(decided(plain, 11, 'only-if-cached')).toBe('only-if-cached')
    expect(decided(always, 1, 'only-if-cached')).toBe('only-if-cached')
    expect(decided(swr, 11, 'only-if-cached')).toBe('fresh swr')
    expect(decided(plain, 11, 'only-if-cached, max-stale=5')).toBe('fresh max-stale')
    expect(decided(plain, 1, 'only-if-cached', { sinceMs: nowMs, forMs: 60_000 })).toBe('fresh soft')
  })

  it('Cache Q1: a request with no-store is answered by what is fresh, and causes no refresh', () => {
    expect(decided(plain, 1, 'no-store')).toBe('fresh')
    expect(decided(swr, 11, 'no-store')).toBe('revalidate request-no-store')
  })

  it('Cache Q1: stale-if-error permits a stale answer for an error, for so long', () => {
    expect(failed(plain, 15, 'stale-if-error=5')).toBe('serve-stale')
    expect(failed(plain, 15.001, 'stale-if-error=5')).toBe('pass')
    expect(failed(sie, 50, 'stale-if-error=5')).toBe('serve-stale')
  })
})

describe('a soft invalidation', () => {
  const soft = { sinceMs: later(2), forMs: 5_000 }

  it('Cache U1: makes an answer stale at once, of use for so long and no longer', () => {
    expect(decided(plain, 3, undefined, soft)).toBe('stale-swr soft')
    expect(decided(plain, 6.999, undefined, soft)).toBe('stale-swr soft')
    expect(decided(plain, 7, undefined, soft)).toBe('revalidate stale')
    expect(failed(plain, 3, undefined, soft)).toBe('serve-stale')
    expect(failed(plain, 7, undefined, soft)).toBe('pass')
  })

  it('Cache U1: lets nothing live longer than it would have', () => {
    const long = { sinceMs: later(2), forMs: 600_000 }

    expect(decided(plain, 11, undefined, long)).toBe('revalidate stale')
    expect(failed(plain, 11, undefined, long)).toBe('pass')
    expect(decided(swr, 69, undefined, long)).toBe('stale-swr soft')
    expect(decided(swr, 71, undefined, long)).toBe('revalidate stale')
    expect(decided(swr, 11, undefined, soft)).toBe('revalidate stale')
    expect(failed(sie, 11, undefined, soft)).toBe('pass')
  })

  it('Cache U1: counts as staleness from its moment on', () => {
    const long = { sinceMs: later(2), forMs: 600_000 }

    expect(decided(plain, 11, 'max-stale=5')).toBe('fresh max-stale')
    expect(decided(plain, 11, 'max-stale=5', long)).toBe('revalidate stale')
    expect(decided(plain, 11, 'max-stale=9', long)).toBe('fresh max-stale')
  })

  it('Cache U1: made by a clock that is ahead holds all the same, and is no permission', () => {
    const ahead = { sinceMs: later(60), forMs: 5_000 }

    expect(decided(plain, 3, undefined, ahead)).toBe('stale-swr soft')
    expect(decided(plain, 3, 'max-age=9', ahead)).toBe('revalidate stale')
  })

  it('Cache U1: validates what may never be stale', () => {
    expect(decided(never, 3, undefined, soft)).toBe('revalidate never-stale')
  })
})

describe('a failure that is kept', () => {
  const negative = lasting({}, { status: 503, negative: true })

  it('Cache E1: answers for its time, and never stale', () => {
    expect(decided(negative, 9)).toBe('fresh')
    expect(decided(negative, 10, 'max-stale')).toBe('revalidate stale')
    expect(decided(negative, 3, undefined, { sinceMs: nowMs, forMs: 60_000 })).toBe('revalidate stale')
    expect(failed(negative, 11, 'stale-if-error=60')).toBe('pass')
  })

  it('Cache E1: is not made where an entry may stand in', () => {
    expect(failed(sie, 30)).toBe('serve-stale')
  })
})
