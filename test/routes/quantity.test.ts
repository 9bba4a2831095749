import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  burstText,
  durationText,
  parseBurst,
  parseDuration,
  parseQuota,
  parseRate,
  parseSize,
  printDuration,
  printRate,
  printSize,
  quotaText,
  rateText,
  sizeText,
  waitText,
} from '#routes/quantity.ts'

describe('a duration is a whole number and its unit', () => {
  it.each([
    ['250ms', 250],
    ['5s', 5000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['5', 's', '5 s', '1.5s', '05s', '-1s', '5S', '5min', '5s ', '5s\n', '999999999d', ''])(
    '%j is none',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  )

  it.each([
    [0, '0ms'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [120_000, '2m'],
    [172_800_000, '2d'],
  ])('%d ms is printed as %s', (ms, text) => expect(printDuration(ms)).toBe(text))
})

describe('how often is a count in a time, and how many of these at once', () => {
  it.each([
    ['100/1m', { count: 100, windowMs: 60_000 }],
    ['100/1m burst 20', { count: 100, windowMs: 60_000, burst: 20 }],
    ['5/250ms', { count: 5, windowMs: 250 }],
  ])('%s', (text, rate) => {
    expect(parseBurst(text)).toEqual(rate)
    expect(new RegExp(burstText.pattern).test(text)).toBe(true)
  })

  it.each(['100', '0/1m', '100/0s', '100/m', '100/1m burst', '100/1m burst 0', '100 / 1m', '1/1d', ''])(
    '%j is none',
    (text) => expect(parseBurst(text)).toBeUndefined(),
  )

  it('a quota is one in a calendar day or month', () => {
    expect(parseQuota('10000/day')).toEqual({ count: 10_000, per: 'day' })
    expect(parseQuota('5/month')).toEqual({ count: 5, per: 'month' })
    expect(['5/week', '0/day', '5/1d', 'day'].map(parseQuota)).toEqual([undefined, undefined, undefined, undefined])
    expect(new RegExp(quotaText.pattern).test('10000/day')).toBe(true)
  })
})

describe('a size is a whole number and its unit, binary or decimal', () => {
  it.each([
    ['512B', 512],
    ['10kB', 10_000],
    ['64KiB', 65_536],
    ['10MB', 10_000_000],
    ['8MiB', 8_388_608],
    ['1GiB', 1_073_741_824],
    ['0B', 0],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  it.each(['5', '10KB', '8mb', '1.5MiB', '8 MiB', '8MiB/s', '9999999GiB'])('%j is none', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  )

  it.each([
    [0, '0B'],
    [1000, '1kB'],
    [1024, '1KiB'],
    [262_144, '256KiB'],
    [1_234_567, '1234567B'],
  ])('%d bytes are printed as %s', (bytes, text) => expect(printSize(bytes)).toBe(text))
})

describe('a rate is requests a second', () => {
  it('400rps is 400', () => expect(parseRate('400rps')).toBe(400))

  it.each(['400', '0rps', '400 rps', '400/s', '4.5rps'])('%j is none', (text) =>
    expect(parseRate(text)).toBeUndefined(),
  )

  it('is printed as it is read', () => expect(parseRate(printRate(7))).toBe(7))
})

it('what is printed is read as the same amount', () => {
  fc.assert(
    fc.property(fc.nat(), (amount) => {
      expect(parseDuration(printDuration(amount % 100_000_000))).toBe(amount % 100_000_000)
      expect(parseSize(printSize(amount % 1_000_000_000))).toBe(amount % 1_000_000_000)
    }),
  )
})

it('an amount that the pattern admits is exact', () => {
  const text = (pattern: string) => fc.stringMatching(new RegExp(pattern))
  fc.assert(
    fc.property(text(durationText.pattern), text(sizeText.pattern), text(rateText.pattern), (duration, size, rate) => {
      expect(Number.isSafeInteger(parseDuration(duration))).toBe(true)
      expect(Number.isSafeInteger(parseSize(size))).toBe(true)
      expect(Number.isSafeInteger(parseRate(rate))).toBe(true)
    }),
  )
})

it('a wait is a duration above 0', () => {
  const wait = new RegExp(waitText.pattern)
  fc.assert(fc.property(fc.stringMatching(wait), (text) => (parseDuration(text) ?? 0) > 0))
  expect(wait.test('0s')).toBe(false)
})
