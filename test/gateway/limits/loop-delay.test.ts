import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { LoopDelay } from '../../../gateway/limits/loop-delay.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function delays(stalls: readonly number[]): number {
  const clock = new HeldClock()
  const delay = new LoopDelay(clock, () => {})
  delay.start()
  for (const stall of stalls) {
    clock.advance(20 + stall)
    vi.advanceTimersByTime(20)
  }
  delay.stop()
  return delay.p99Ms
}

describe('the delay of the event loop', () => {
  it('is nothing as long as timers come in time', () => {
    expect(delays(new Array<number>(200).fill(0))).toBe(0)
  })

  it('takes one stall for what it is, and two for overload', () => {
    expect(delays([0, 500, 0, 0])).toBe(0)
    expect(delays([0, 500, 0, 300])).toBe(300)
  })

  it('forgets what was longer ago than 2 s', () => {
    expect(delays([500, 500, ...new Array<number>(100).fill(0)])).toBe(0)
  })
})
