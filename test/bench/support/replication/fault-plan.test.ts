import { describe, expect, it } from 'vitest'
import { faultKinds, partOf, planFaults } from '../../../../bench/support/replication/fault-plan.ts'

const options = { faults: 200, everyMs: 1_000, shortestMs: 100, longestMs: 5_000 }

describe('a plan of faults', () => {
  it('is that of its seed', () => {
    expect(planFaults({ ...options, seed: 7 })).toEqual(planFaults({ ...options, seed: 7 }))
    expect(planFaults({ ...options, seed: 7 })).not.toEqual(planFaults({ ...options, seed: 8 }))
  })

  it('has every kind as often as any other, and lasts as long as it is told', () => {
    const planned = planFaults({ ...options, seed: 3 })

    const times = faultKinds.map((kind) => planned.filter((fault) => fault.kind === kind).length)
    expect(new Set(times)).toEqual(new Set([200 / faultKinds.length]))
    expect(planned.every(({ forMs }) => forMs >= 100 && forMs <= 5_000)).toBe(true)
  })

  it('lets faults of different parts overlap, and never two of one part', () => {
    const planned = planFaults({ ...options, seed: 3 })

    const overlaps = planned.flatMap((one, at) =>
      planned.slice(at + 1).filter((other) => other.atMs < one.atMs + one.forMs),
    )
    const parts = Map.groupBy(planned, ({ kind, side, zone }) => partOf(kind, side, zone))
    expect(overlaps.length).toBeGreaterThan(50)
    for (const faults of parts.values())
      faults.forEach((fault, at) => {
        const before = faults[at - 1]
        if (before !== undefined) expect(fault.atMs).toBeGreaterThan(before.atMs + before.forMs)
      })
  })
})
