import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FailoverBudget } from '../../edge-worker/failover-budget.ts'

const base = 1_700_000_000_000

function spendAll(budget: FailoverBudget, now: number, tries = 10_000): number {
  let spent = 0
  for (let tried = 0; tried < tries; tried++) if (budget.spend(now)) spent++
  return spent
}

describe('the budget of failovers', () => {
  it('is 30 in 10 s where there is little traffic', () => {
    const budget = new FailoverBudget()

    expect(spendAll(budget, base)).toBe(30)
    expect(spendAll(budget, base + 9_000)).toBe(0)
    expect(spendAll(budget, base + 10_000)).toBe(30)
  })

  it('is a tenth of the requests of the last 10 s where there are many', () => {
    const budget = new FailoverBudget()
    for (let request = 0; request < 5_000; request++) budget.request(base + request)

    expect(spendAll(budget, base + 5_000)).toBe(500)
    // The first five seconds of traffic are gone again.
    expect(spendAll(budget, base + 20_000)).toBe(30)
  })

  it('is never above the larger of both, in any 10 s', () => {
    const moments = fc.array(
      fc.record({
        after: fc.integer({ min: 0, max: 3_000 }),
        requests: fc.nat({ max: 300 }),
        tries: fc.nat({ max: 60 }),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(moments, (steps) => {
        const budget = new FailoverBudget()
        const told: { second: number; requests: number; spent: number }[] = []
        let now = base
        for (const { after, requests, tries } of steps) {
          now += after
          for (let request = 0; request < requests; request++) budget.request(now)
          told.push({ second: Math.floor(now / 1_000), requests, spent: spendAll(budget, now, tries) })
          const recent = told.filter(({ second }) => second > Math.floor(now / 1_000) - 10)
          const sum = (of: 'requests' | 'spent') => recent.reduce((total, one) => total + one[of], 0)
          // What was allowed under more traffic a moment ago is not taken back.
          const most = Math.max(30, ...told.map((_, at) => tenth(told.slice(0, at + 1))))
          expect(sum('spent')).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})

function tenth(told: readonly { second: number; requests: number }[]): number {
  const last = told.at(-1)?.second ?? 0
  return told.filter(({ second }) => second > last - 10).reduce((total, { requests }) => total + requests, 0) / 10
}
