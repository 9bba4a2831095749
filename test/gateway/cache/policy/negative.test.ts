import { describe, expect, it } from 'vitest'
import type { CacheRules } from '../../../../gateway/cache/policy/entry.ts'
import { formatHttpDate } from '../../../../gateway/cache/policy/http-date.ts'
import { negativeS } from '../../../../gateway/cache/policy/negative.ts'
import { date, later, nowMs, response, rules } from './made.ts'

const all: CacheRules['negative'] = new Map<number | 'connect', number>([
  ...[200, 302, 400, 401, 403, 404, 405, 410, 414, 429, 500, 501, 502, 503, 504].map((status) => [status, 5] as const),
  ['connect', 3],
])
const ruled: CacheRules = { ...rules, targeted: ['cdn-cache-control'], negative: all }
const kept = (status: number, ...headers: string[]) =>
  negativeS(status, response(status, 'Date', date, ...headers), ruled, nowMs)

describe('how long a failure is kept', () => {
  it.each([404, 405, 410, 414, 500, 502, 503, 504])('Cache E1: %i as the route says', (status) => {
    expect(kept(status)).toBe(5)
    expect(negativeS(status, response(status), { ...ruled, negative: new Map() }, nowMs)).toBe(0)
    expect(negativeS(status, response(status), { ...ruled, strict: true }, nowMs)).toBe(0)
    expect(negativeS(status, response(status), { ...ruled, negative: new Map([[status, 600]]) }, nowMs)).toBe(60)
  })

  it.each([200, 302, 400, 401, 403, 429, 501])('Cache E1: %i never, whatever the route says', (status) => {
    expect(kept(status)).toBe(0)
  })

  it.each([
    ['Cache-Control', 'max-age=10'],
    ['Cache-Control', 'max-age=x'],
    ['Cache-Control', 's-maxage=10'],
    ['Cache-Control', 'no-store'],
    ['Cache-Control', 'no-cache'],
    ['Cache-Control', 'no-cache="a"'],
    ['Cache-Control', 'private'],
    ['Cache-Control', 'foo="'],
    ['Expires', '0'],
    ['CDN-Cache-Control', 'max-age=10'],
  ])('Cache E1: not where the service itself said %s: %s', (name, value) => {
    expect(kept(404, name, value)).toBe(0)
  })

  it('Cache E1: a targeted field is the only one that says something', () => {
    expect(kept(404, 'CDN-Cache-Control', 'public', 'Expires', '0', 'Cache-Control', 'max-age=10')).toBe(5)
  })

  it.each([
    ['2', 2],
    ['0', 0],
    ['600', 5],
    [formatHttpDate(later(3)), 3],
    [formatHttpDate(later(-3)), 0],
    ['soon', 5],
    ['-1', 5],
    ['1.5', 5],
  ])('Cache E1: with Retry-After "%s" for %d s', (line, seconds) => {
    expect(kept(503, 'Retry-After', line)).toBe(seconds)
  })

  it('Cache E1: that the service could not be reached, too', () => {
    expect(negativeS('connect', undefined, ruled, nowMs)).toBe(3)
    expect(negativeS('connect', undefined, { ...ruled, strict: true }, nowMs)).toBe(0)
    expect(negativeS('connect', undefined, rules, nowMs)).toBe(0)
    expect(negativeS('connect', undefined, { ...ruled, negative: new Map([['connect', 90]]) }, nowMs)).toBe(60)
    expect(negativeS(404, undefined, ruled, nowMs)).toBe(0)
  })
})
