import { describe, expect, it } from 'vitest'
import { isShed, type ShedLevel, shedLevel } from '../../../gateway/limits/shed-level.ts'

const at = (delayMs: number, former: ShedLevel = 0, inFlight = 100) =>
  shedLevel({ delayMs, inFlight, limit: 1_000 }, former, 100)

describe('load', () => {
  it('is shed from the least important on: copies, then tier 3, then tier 2, never tier 1', () => {
    expect([20, 60, 101, 201, 5_000].map((delay) => at(delay))).toEqual([0, 1, 2, 3, 3])
    expect(isShed(3, 1, false)).toBe(false)
    expect([1, 2, 3].map((level) => isShed(level as ShedLevel, 3, false))).toEqual([false, true, true])
    expect([1, 2, 3].map((level) => isShed(level as ShedLevel, 2, false))).toEqual([false, false, true])
    expect(isShed(1, 1, true)).toBe(true)
  })

  it('is shed when the process is full, too', () => {
    expect([500, 750, 850, 950].map((inFlight) => at(0, 0, inFlight))).toEqual([0, 1, 2, 3])
  })

  it('comes back only when it is well below where the shedding began', () => {
    expect(at(95, 2)).toBe(2)
    expect(at(95, 0)).toBe(1)
    expect(at(60, 2)).toBe(1)
  })

  it('is not what makes an idle process late: its neighbours are', () => {
    expect(at(5_000, 0, 3)).toBe(0)
  })
})
