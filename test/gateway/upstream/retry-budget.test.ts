import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RetryBudget } from '../../../gateway/upstream/retry-budget.ts'

it('lets a quiet deployment try 3 times a second', () => {
  const budget = new RetryBudget()

  expect([1, 2, 3, 4].map(() => budget.take(0))).toEqual([true, true, true, false])
  expect(budget.take(1_000)).toBe(true)
})

it('adds at most a tenth to a load of 30 requests a second and more, if each single one fails', () => {
  fc.assert(
    fc.property(fc.integer({ min: 30, max: 500 }), fc.integer({ min: 11, max: 40 }), (perSecond, seconds) => {
      const budget = new RetryBudget()
      let retries = 0
      for (let at = 0; at < perSecond * seconds; at++) {
        const now = (at * 1_000) / perSecond
        budget.request(now)
        if (budget.take(now)) retries++
      }
      // The floor of the first second comes before there is anything to take a tenth of.
      expect(retries).toBeLessThanOrEqual(perSecond * seconds * 0.1 + 3 * 11)
      expect((perSecond * seconds + retries) / (perSecond * seconds)).toBeLessThanOrEqual(1.2)
      expect(budget.left(seconds * 1_000)).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: 30 },
  )
})
