import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IdleLimit, timeoutSaid } from '../../../gateway/upstream/keep-alive.ts'

describe('the idle limit of connections to an endpoint', () => {
  it('C4: is 4 s when nothing is known, and never more than configured', () => {
    expect(new IdleLimit(60_000).limitMs(0)).toBe(4_000)
    expect(new IdleLimit(1_500).limitMs(0)).toBe(1_500)
  })

  it("C4: is the service's own Keep-Alive less 1 s", () => {
    const limit = new IdleLimit(60_000)
    limit.said(timeoutSaid('max=100, timeout=20'), 0)
    expect(limit.limitMs(0)).toBe(19_000)

    limit.said(timeoutSaid('timeout=1'), 0)
    expect(limit.limitMs(0)).toBe(0)

    limit.said(undefined, 0)
    expect(limit.limitMs(0)).toBe(4_000)
  })

  it('C4: is half the smallest age at which the endpoint closed one within 10 min, and half of that for what may not be sent twice', () => {
    const limit = new IdleLimit(60_000)
    limit.closed(1_000, 0)
    limit.closed(3_000, 1)

    expect(limit.limitMs(2)).toBe(500)
    expect(limit.youngMs(2)).toBe(250)
    expect(limit.limitMs(600_000 - 1)).toBe(500)
    expect(limit.limitMs(660_000)).toBe(4_000)
  })

  it('C4: uses nothing again where the endpoint closes at once', () => {
    const limit = new IdleLimit(60_000)
    limit.closed(0.5, 0)

    expect([limit.limitMs(1), limit.youngMs(1)]).toEqual([0, 0])
  })

  it('C4: keeps at most half of every age seen, whatever else is said', () => {
    const seen = fc.array(fc.record({ ageMs: fc.nat(10_000), atMs: fc.nat(599_000) }), { minLength: 1, maxLength: 50 })

    fc.assert(
      fc.property(seen, fc.nat(100_000), (all, saidMs) => {
        const limit = new IdleLimit(60_000)
        const inOrder = all.toSorted((a, b) => a.atMs - b.atMs)
        for (const { ageMs, atMs } of inOrder) limit.closed(ageMs, atMs)
        limit.said(saidMs, 599_000)
        const smallest = Math.min(...all.map(({ ageMs }) => ageMs))
        expect(limit.limitMs(599_000)).toBeLessThanOrEqual(smallest / 2)
        expect(limit.youngMs(599_000)).toBeLessThanOrEqual(smallest / 4)
      }),
    )
  })
})
