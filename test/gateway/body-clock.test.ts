import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { BodyClock, patience } from '../../gateway/body-clock.ts'

const pace = { idleMs: 15_000, windowMs: 30_000, bytesPerSecond: 500 }

describe('the patience with an upload', () => {
  it.each([
    ['ends after 15 s without a byte', { silentMs: 15_000, windowMs: 15_000, windowBytes: 1e6 }, 0],
    ['lasts until then', { silentMs: 5_000, windowMs: 5_000, windowBytes: 0 }, 10_000],
    ['ends after 30 s below 500 B/s', { silentMs: 1_000, windowMs: 30_000, windowBytes: 14_999 }, 0],
    ['begins anew after 30 s at 500 B/s', { silentMs: 0, windowMs: 30_000, windowBytes: 15_000 }, 15_000],
    ['looks again when the window is over', { silentMs: 100, windowMs: 29_000, windowBytes: 0 }, 1_000],
  ])('%s', (_, progress, ms) => {
    expect(patience(pace, progress)).toBe(ms)
  })

  it('of years fits into a timer', () => {
    const years = { idleMs: 1e13, windowMs: 1e13, bytesPerSecond: 1 }

    expect(patience(years, { silentMs: 0, windowMs: 0, windowBytes: 0 })).toBeLessThan(2 ** 31)
  })
})

describe('C6: the clock of an upload', () => {
  let clock: HeldClock
  let late: number
  let upload: BodyClock

  beforeEach(() => {
    vi.useFakeTimers()
    clock = new HeldClock()
    late = 0
    upload = new BodyClock(pace, clock, () => late++)
    upload.run()
  })
  afterEach(() => {
    upload.stop()
    vi.useRealTimers()
  })

  const pass = (seconds: number, each: () => void = () => {}) => {
    for (let second = 0; second < seconds; second++) {
      each()
      clock.advance(1_000)
      vi.advanceTimersByTime(1_000)
    }
  }

  it('is late once for a client that says nothing', () => {
    pass(14)
    expect(late).toBe(0)

    pass(10)

    expect(late).toBe(1)
  })

  it('is late for a client that sends a byte a second', () => {
    pass(31, () => upload.heard(1))

    expect(late).toBe(1)
  })

  it('is late for one that was quick before', () => {
    pass(60, () => upload.heard(10_000))
    expect(late).toBe(0)

    pass(61, () => upload.heard(1))

    expect(late).toBe(1)
  })

  it('does not run while the service is not ready to read', () => {
    pass(10, () => upload.heard(1_000))
    upload.hold()
    pass(600)
    upload.run()
    pass(14)

    expect(late).toBe(0)
  })

  it('is never late for 600 B/s, however long it takes', () => {
    pass(600, () => upload.heard(600))

    expect(late).toBe(0)
  })
})
