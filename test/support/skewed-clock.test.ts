import { expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { SkewedClock } from './skewed-clock.ts'

it('is wrong by its offset, jumps back when that is lowered, and measures rightly all the time', () => {
  const right = new HeldClock(1_000_000)
  const clock = new SkewedClock(2_000, right)
  const first = { now: clock.now(), monotonic: clock.monotonic() }

  clock.offsetMs = -2_000
  right.advance(500)

  expect(first).toEqual({ now: 1_002_000, monotonic: 0 })
  expect([clock.now(), clock.monotonic()]).toEqual([998_500, 500])
})
