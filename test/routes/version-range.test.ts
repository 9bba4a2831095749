import { describe, expect, it } from 'vitest'
import { isVersionIn, readRange, readVersion } from '#routes/version-range.ts'

const isIn = (version: string, range: string) => isVersionIn(readRange(range) ?? [], readVersion(version))

describe('a version', () => {
  it.each([
    ['4.2', '>=4.2 <5', true],
    ['4.10', '>=4.2 <5', true],
    ['4.2.0.1', '>4.2', true],
    ['4.2.0', '>4.2', false],
    ['5', '>=4.2 <5', false],
    ['4.1.99', '>=4.2 <5', false],
    ['4', '4.0.0', true],
    ['4.0.1', '=4', false],
    ['3', '<=3.0', true],
    ['007', '7', true],
  ])('%s in %s: %s', (version, range, expected) => {
    expect(isIn(version, range)).toBe(expected)
  })

  it.each(['', 'v4', '4.', '.4', '4.2-beta', '4.2 ', '-1', '1.2.3.4.5.6.7.8.9', '9999999999'])(
    '%j is none, and is in no range',
    (text) => {
      expect(readVersion(text)).toBeUndefined()
      expect(isIn(text, '>=0')).toBe(false)
    },
  )

  it.each(['', ' ', '>=', '>=4  <5', '=>4', '~4', '>=4.x', '4,5'])('%j is no range', (text) => {
    expect(readRange(text)).toBeUndefined()
  })
})
