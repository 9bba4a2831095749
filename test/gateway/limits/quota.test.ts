import { describe, expect, it } from 'vitest'
import { periodOf, spendOne } from '../../../gateway/limits/quota.ts'

const hour = 3_600_000

describe('a period', () => {
  it('is the calendar day in UTC', () => {
    expect(periodOf('day', Date.UTC(2026, 10, 21, 23))).toEqual({ name: '2026-11-21', leftMs: hour })
  })

  it('is the calendar month, over the end of a year and a short February', () => {
    expect(periodOf('month', Date.UTC(2026, 11, 31, 23))).toEqual({ name: '2026-12', leftMs: hour })
    expect(periodOf('month', Date.UTC(2027, 1, 28, 23))).toEqual({ name: '2027-02', leftMs: hour })
  })
})

describe('a quota', () => {
  it('is spent one by one', () => {
    expect(spendOne(2, 0, 9)).toEqual({ allowed: true, remaining: 1, resetMs: 9, retryMs: 0 })
    expect(spendOne(2, 1, 9)).toEqual({ allowed: true, remaining: 0, resetMs: 9, retryMs: 0 })
    expect(spendOne(2, 2, 9)).toEqual({ allowed: false, remaining: 0, resetMs: 9, retryMs: 9 })
  })
})
