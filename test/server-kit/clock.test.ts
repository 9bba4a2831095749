import { describe, expect, it } from 'vitest'
import { HeldClock, systemClock } from '#server-kit/clock.ts'

describe('clocks', () => {
  it('a held clock moves only when it is told to, both ways of reading it together', () => {
    const clock = new HeldClock(1_000)

    const before = [clock.now(), clock.monotonic()]
    clock.advance(250)

    expect(before).toEqual([1_000, 0])
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250])
  })

  it('the system clock tells the time of day and never goes back', () => {
    const first = systemClock.monotonic()

    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000)
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first)
  })
})
