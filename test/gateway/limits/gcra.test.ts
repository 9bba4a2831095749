import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRate, takeOne } from '../../../gateway/limits/gcra.ts'

const rates = fc.record({
  count: fc.integer({ min: 1, max: 1_000 }),
  windowMs: fc.integer({ min: 1, max: 86_400_000 }),
  burst: fc.integer({ min: 1, max: 1_000 }),
})
const gaps = fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 200 })

describe('a rate', () => {
  it('never lets more through in any window than its burst and what was paid back', () => {
    fc.assert(
      fc.property(rates, gaps, (rate, steps) => {
        const compiled = compileRate(rate)
        const passed: number[] = []
        let now = 1_000
        let paidAt = 0
        for (const step of steps) {
          now += step
          const { verdict, paidAtMs } = takeOne(compiled, paidAt, now)
          paidAt = paidAtMs
          if (verdict.allowed) passed.push(now)
        }
        for (const [first, from] of passed.entries()) {
          for (let last = first; last < passed.length; last++) {
            const span = (passed[last] as number) - from
            expect(last - first + 1).toBeLessThanOrEqual(rate.burst + Math.ceil(span / compiled.everyMs + 1e-6))
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  it('lets through who waits as long as it was told', () => {
    fc.assert(
      fc.property(rates, (rate) => {
        const compiled = compileRate(rate)
        let paidAt = 0
        for (let at = 0; at < rate.burst; at++) paidAt = takeOne(compiled, paidAt, 0).paidAtMs
        const { verdict } = takeOne(compiled, paidAt, 0)

        expect(verdict.allowed).toBe(false)
        expect(takeOne(compiled, paidAt, verdict.retryMs).verdict.allowed).toBe(true)
        expect(takeOne(compiled, paidAt, verdict.retryMs * 0.9 - 0.01).verdict.allowed).toBe(false)
      }),
    )
  })

  it('is not charged for what it refused', () => {
    const compiled = compileRate({ count: 1, windowMs: 1_000 })
    const { paidAtMs } = takeOne(compiled, 0, 0)

    for (let at = 0; at < 100; at++) expect(takeOne(compiled, paidAtMs, 500).paidAtMs).toBe(paidAtMs)
  })
})
