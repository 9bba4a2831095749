import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../../gateway/cache/policy/entry.ts'
import { conditionsOf, validatorsOf } from '../../../../gateway/cache/policy/validate.ts'
import { whichFreshened } from '../../../../gateway/cache/policy/which-freshened.ts'
import { entry, later, response } from './made.ts'

const one = 'Sun, 22 Nov 2026 09:00:01 GMT'
const two = 'Sun, 22 Nov 2026 09:00:02 GMT'
const tagged = (tag: string, seconds = 0) => entry(['ETag', tag], { responseMs: later(seconds) })
const dated = (date: string, seconds = 0) => entry(['Last-Modified', date], { responseMs: later(seconds) })
/** Which of them the 304 with these fields is about, asked as we ask. */
const which = (entries: readonly Entry[], ...headers: string[]) => {
  const stored = entries.map(validatorsOf)
  return whichFreshened(stored, response(304, ...headers), conditionsOf(stored))
}

describe('the entry that a 304 is about', () => {
  it('Cache C5: has its strong tag, and is the newest that has', () => {
    expect(which([tagged('"a"'), tagged('"b"'), tagged('"b"', 1), tagged('"b"')], 'ETag', '"b"')).toBe(2)
  })

  it('Cache C5: is not one that is only as good as its strong tag', () => {
    expect(which([tagged('W/"a"')], 'ETag', '"a"')).toBeUndefined()
  })

  it('Cache C5: is the newest that is as good as its weak tag', () => {
    expect(which([tagged('"a"'), tagged('W/"a"', 1), tagged('"a"', 2), tagged('"b"', 3)], 'ETag', 'W/"a"')).toBe(2)
  })

  it('Cache C5: has its tag byte for byte where that is odd', () => {
    expect(which([tagged('b'), tagged('a')], 'ETag', 'a')).toBe(1)
    expect(which([tagged('"a"')], 'ETag', 'a')).toBeUndefined()
  })

  it('Cache C5: is none, though there is only one, if the tag is another', () => {
    expect(which([tagged('"a"')], 'ETag', '"b"')).toBeUndefined()
    expect(which([dated(one)], 'ETag', '"b"', 'Last-Modified', one)).toBeUndefined()
  })

  it('Cache C5: has the same Last-Modified where that is all', () => {
    expect(which([dated(one), dated(two), dated(two, 1)], 'Last-Modified', two)).toBe(2)
    expect(which([dated(one)], 'Last-Modified', two)).toBeUndefined()
    expect(which([tagged('"a"')], 'Last-Modified', two)).toBeUndefined()
  })

  it('Cache C5: is the one that was asked about where the 304 names none', () => {
    expect(which([tagged('"a"')])).toBe(0)
    expect(which([dated(one)])).toBe(0)
    expect(which([entry(['ETag', '"a"', 'Last-Modified', one])])).toBe(0)
    expect(which([entry(), tagged('"a"')])).toBe(1)
    expect(which([tagged('v1,5')])).toBe(0)
  })

  it('Cache C5: is none where the 304 names none and several were asked about, or none', () => {
    expect(which([tagged('"a"'), tagged('"b"')])).toBeUndefined()
    expect(which([tagged('"a"'), tagged('"a"')])).toBeUndefined()
    expect(which([dated(one), dated(two)])).toBeUndefined()
    expect(which([entry()])).toBeUndefined()
    expect(which([])).toBeUndefined()
  })
})
