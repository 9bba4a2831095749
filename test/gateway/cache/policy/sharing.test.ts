import { describe, expect, it } from 'vitest'
import type { CacheRules, CallerFacts } from '../../../../gateway/cache/policy/entry.ts'
import { toEntry } from '../../../../gateway/cache/policy/storable.ts'
import { anybody, date, get, response, rules, times } from './made.ts'

const strict: CacheRules = { ...rules, strict: true, targeted: ['cdn-cache-control'] }
const timed: CacheRules = { ...rules, targeted: ['cdn-cache-control'], ttlS: 60 }
const stranger: CallerFacts = { ...anybody, authenticated: true }
const own: CallerFacts = { ...stranger, ownKey: true }

const outcome = (control: string, ruled: CacheRules, caller: CallerFacts, ...asked: string[]): string => {
  const fields = control.startsWith('cdn:')
    ? ['CDN-Cache-Control', control.slice(4), 'Cache-Control', 'public']
    : ['Cache-Control', control]
  const judged = toEntry(get(...asked), response(200, 'Date', date, 'ETag', '"a"', ...fields), ruled, caller, times)
  return judged.kind === 'entry' ? 'stored' : judged.because
}

const permitted = [
  'public, max-age=60',
  's-maxage=60',
  's-maxage="60"',
  's-maxage=0',
  'must-revalidate, max-age=60',
  'PUBLIC=1, max-age=9',
  'cdn:max-age=60, public',
  'cdn:s-maxage=60',
  'cdn:must-revalidate, max-age=9',
]
const notPermitted = [
  'max-age=60',
  '',
  'proxy-revalidate, max-age=60',
  's-maxage=x',
  's-maxage',
  's-maxage=5, s-maxage=6',
  'immutable, max-age=60',
  'no-cache',
  'public; max-age=60',
  'foo="public", max-age=60',
  'must-understand, max-age=60',
  'no-transform, stale-while-revalidate=9, max-age=1',
  'cdn:max-age=60',
  'cdn:public=?0, max-age=60',
  'cdn:s-maxage="60"',
]

describe('whose an answer is', () => {
  it.each(permitted)('Cache AU1: the answer to somebody with a credential is shared with "%s"', (control) => {
    for (const ruled of [strict, timed]) {
      expect(outcome(control, ruled, stranger)).toBe('stored')
      expect(outcome(control, ruled, anybody, 'authorization', 'Bearer x')).toBe('stored')
    }
  })

  it.each(notPermitted)('Cache AU1: the answer to somebody with a credential is not shared with "%s"', (control) => {
    for (const ruled of [strict, timed]) {
      expect(outcome(control, ruled, stranger)).toBe('authorization')
      expect(outcome(control, ruled, anybody, 'AUTHORIZATION', '')).toBe('authorization')
    }
  })

  it("Cache AU2: with the identity in the key, the operator's ttl is the permission", () => {
    for (const control of ['', 'max-age=60', 'proxy-revalidate, max-age=60']) {
      expect(outcome(control, timed, own)).toBe('stored')
      expect(outcome(control, timed, { ...own, ownKey: false })).toBe('authorization')
      expect(outcome(control, { ...timed, ttlS: undefined }, own)).toBe('authorization')
      expect(outcome(control, { ...timed, strict: true }, own)).toBe('authorization')
    }
    expect(outcome('private, max-age=60', timed, own)).toBe('private')
    expect(outcome('no-store', timed, own)).toBe('no-store')
  })

  it('Cache AU3: no option of a route turns AU1 off', () => {
    const flags = [false, true]
    for (const strictly of flags)
      for (const override of flags)
        for (const lax of flags) {
          const ruled: CacheRules = {
            ...timed,
            strict: strictly,
            override,
            dropSetCookie: lax,
            ignoreCookies: lax,
            keyedCookies: lax ? ['a'] : [],
            staleIfErrorS: 60,
            negative: new Map([[404, 60]]),
          }
          expect(outcome('max-age=60', ruled, stranger)).toBe('authorization')
        }
  })

  it('Cache AU1: in api a cookie is a credential, unless the route accounts for it', () => {
    const asked = (ruled: CacheRules, caller = anybody, control = 'max-age=60') =>
      outcome(control, ruled, caller, 'Cookie', 'a=1')

    expect(asked(timed)).toBe('cookie')
    expect(asked(timed, anybody, 'public, max-age=60')).toBe('stored')
    expect(asked({ ...timed, ignoreCookies: true })).toBe('stored')
    expect(asked({ ...timed, keyedCookies: ['a'] })).toBe('stored')
    expect(asked(strict)).toBe('stored')
  })

  it('Cache AU1: in api a cookie in the key does not account for another one beside it', () => {
    const asked = (field: string, more: Partial<CacheRules> = {}) =>
      outcome('max-age=60', { ...timed, keyedCookies: ['currency', 'theme'], ...more }, anybody, 'Cookie', field)

    for (const field of ['currency=EUR', 'theme=a; currency=EUR;', ' currency =EUR', 'currency=EUR; currency=USD', ''])
      expect(asked(field)).toBe('stored')
    for (const field of ['currency=EUR; session=alice', 'session=alice', 'currency', 'Currency=EUR', '=alice'])
      expect(asked(field)).toBe('cookie')
    expect(asked('currency=EUR; session=alice', { ignoreCookies: true })).toBe('stored')
  })

  it('Cache AU2: an identity in the key does not account for a cookie beside it', () => {
    expect(outcome('max-age=60', timed, own, 'Cookie', 'a=1')).toBe('cookie')
    expect(outcome('max-age=60', { ...timed, ignoreCookies: true }, own, 'Cookie', 'a=1')).toBe('stored')
  })
})
