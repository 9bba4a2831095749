import { expect, it } from 'vitest'
import { PullBudget } from '../../../gateway/warm-up/pull-budget.ts'

it('lets through what is in hand, and then the share of the misses', () => {
  const budget = new PullBudget({ share: 0.05, most: 10 })
  const taken = Array.from({ length: 1_010 }, () => budget.take())

  expect(taken.slice(0, 10)).not.toContain(false)
  const later = taken.slice(10).filter(Boolean).length
  expect(later).toBeGreaterThanOrEqual(49)
  expect(later).toBeLessThanOrEqual(51)
})
