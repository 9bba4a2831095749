import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketCount, bucketOf } from '#routes/bucket.ts'

describe('buckets', () => {
  it('are shared out evenly, also over keys that count up', () => {
    const perTenth = new Array<number>(10).fill(0)
    for (let id = 0; id < 100_000; id++) {
      const tenth = Math.floor(bucketOf('wave-7', String(id)) / (bucketCount / 10))
      perTenth[tenth] = (perTenth[tenth] ?? 0) + 1
    }

    for (const count of perTenth) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  it('never bring a key back when the share is raised', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), bp, bp, (cohort, key, one, other) => {
        const bucket = bucketOf(cohort, key)
        const moved = (share: number) => bucket < share

        expect(bucket).toBeGreaterThanOrEqual(0)
        expect(bucket).toBeLessThan(bucketCount)
        if (moved(Math.min(one, other))) expect(moved(Math.max(one, other))).toBe(true)
      }),
    )
  })

  it('are drawn anew by each cohort', () => {
    let both = 0
    for (let id = 0; id < 100_000; id++) {
      if (bucketOf('wave-1', String(id)) < 1000 && bucketOf('wave-2', String(id)) < 1000) both++
    }

    expect(both).toBeGreaterThan(900)
    expect(both).toBeLessThan(1100)
  })
})

const bp = fc.integer({ min: 0, max: bucketCount })
