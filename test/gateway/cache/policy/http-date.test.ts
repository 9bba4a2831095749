import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from '../../../../gateway/cache/policy/http-date.ts'

const nowMs = Date.UTC(2026, 10, 22, 10)
const read = (text: string) => parseHttpDate(text, nowMs)
const moment = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('a date in a field', () => {
  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', moment],
    ['Sunday, 06-Nov-94 08:49:37 GMT', moment],
    ['Sun Nov  6 08:49:37 1994', moment],
    ['Sun Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    ['Mon, 06 Nov 1994 08:49:37 GMT', moment],
    ['Wednesday, 06-Nov-94 08:49:37 GMT', moment],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Tue, 29 Feb 2000 00:00:00 GMT', Date.UTC(2000, 1, 29)],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['Mon, 01 Jan 0050 00:00:00 GMT', -60_589_296_000_000],
    // More than 50 years ahead is past; up to 50 years is to come.
    ['Sunday, 22-Nov-76 10:00:00 GMT', Date.UTC(2076, 10, 22, 10)],
    ['Sunday, 22-Nov-76 10:00:01 GMT', Date.UTC(1976, 10, 22, 10, 0, 1)],
    ['Sunday, 22-Nov-77 10:00:00 GMT', Date.UTC(1977, 10, 22, 10)],
    ['Sunday, 22-Nov-00 10:00:00 GMT', Date.UTC(2000, 10, 22, 10)],
  ])('Cache P5: %s is a moment', (text, ms) => {
    expect(read(text)).toBe(ms)
  })

  it('Cache P5: two digits of a year mean the one nearest to now, in each century', () => {
    const late = Date.UTC(2095, 0, 1)

    expect(parseHttpDate('Sunday, 06-Nov-10 08:49:37 GMT', late)).toBe(Date.UTC(2110, 10, 6, 8, 49, 37))
    expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', late)).toBe(Date.UTC(2094, 10, 6, 8, 49, 37))
  })

  it.each([
    '',
    '0',
    '-1',
    'never',
    '1994-11-06T08:49:37Z',
    '784111777',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 08:49:37 +00',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37',
    'SUN, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 NOV 1994 08:49:37 GMT',
    'Son, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Non 1994 08:49:37 GMT',
    'Sun,  6 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun  06 Nov 1994 08:49:37 GMT',
    'Sun,06  Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov-1994 08:49:37 GMT',
    'Sun, 06 Nov 1994T08:49:37 GMT',
    'Sun, 06 Nov 1994 08-49:37 GMT',
    'Sun, 06 Nov 1994 08:49 37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    'Sun, 06 Nov  1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:7 GMT ',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 29 Feb 2023 08:49:37 GMT',
    'Sun, 29 Feb 1900 08:49:37 GMT',
    'Sun, -6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov +994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:4\0:37 GMT',
    'Sun, \u0660\u0666 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sunday, 06 Nov 94 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 UTC',
    'Sunday, 06-Nov-94  8:49:37 GMT',
    'Sunday  06-Nov-94 08:49:37 GMT',
    'Someday, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-9x 08:49:37 GMT',
    'Sunday, 31-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-94-08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov  6 08:49:37 1994 ',
    'Sun Nov  6 08:49:37 GMT ',
    'Sun Nov  6 08:49:37  994',
    'Sun nov  6 08:49:37 1994',
    'Sun Nov  0 08:49:37 1994',
    'Sun Nov 31 08:49:37 1994',
    'Sun Nov   6 8:49:37 1994',
    'Sun-Nov  6 08:49:37 1994',
    'Sun Nov- 6 08:49:37 1994',
    'Sun Nov  6-08:49:37 1994',
    'Sun Nov  6 08:49:37-1994',
    'Xyz Nov  6 08:49:37 1994',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ])('Cache P5: %j is no date', (text) => {
    expect(read(text)).toBeUndefined()
  })

  it('is written in the form that all read', () => {
    expect(formatHttpDate(moment)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
  })
})
