import { expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import { backoffMs } from '../../../control-plane/edge/backoff.ts'

it('waits about twice as long after each failure, at most five minutes, never twice the same', () => {
  const random = seededRandom(1)
  const waits = Array.from({ length: 12 }, (_, at) => backoffMs(at + 1, undefined, random))

  for (const [at, ms] of waits.entries()) {
    const whole = Math.min(1_000 * 2 ** at, 300_000)
    expect(ms).toBeGreaterThanOrEqual(whole / 2)
    expect(ms).toBeLessThanOrEqual(whole)
  }
  expect(new Set(waits).size).toBe(waits.length)
})

it('waits no less than it was asked to', () => {
  expect(backoffMs(1, 90_000, seededRandom(1))).toBe(90_000)
})
