import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Breaker, passed, refused, type Verdict } from '../../../gateway/upstream/breaker.ts'

function feed(breaker: Breaker, verdict: Verdict, times: number, nowMs: number): void {
  for (let at = 0; at < times; at++) breaker.record(passed, verdict, nowMs)
}

function opened(): Breaker {
  const breaker = new Breaker()
  feed(breaker, 'bad', 20, 0)
  return breaker
}

describe('a circuit breaker', () => {
  it('stays closed below 20 sends, and below half of them failing', () => {
    const few = new Breaker()
    feed(few, 'bad', 19, 0)
    const half = new Breaker()
    feed(half, 'good', 100, 0)
    feed(half, 'bad', 99, 0)

    expect([few.admit(0), half.admit(0)]).toEqual([passed, passed])
  })

  it('opens at half of 20 within 10 s, and not when they are spread over longer', () => {
    const quick = new Breaker()
    feed(quick, 'good', 10, 0)
    feed(quick, 'bad', 10, 5_000)
    const slow = new Breaker()
    for (let at = 0; at < 100; at++) slow.record(passed, 'bad', at * 1_000)

    expect(quick.admit(5_000)).toBe(refused)
    expect(slow.admit(100_000)).toBe(passed)
  })

  it('lets 3 probes through after 5 s, and closes when all are good', () => {
    const breaker = opened()

    expect(breaker.admit(4_999)).toBe(refused)
    const probes = [breaker.admit(5_000), breaker.admit(5_000), breaker.admit(5_000)]
    expect(breaker.admit(5_000)).toBe(refused)
    for (const probe of probes) {
      expect(breaker.state(5_001)).toBe('half-open')
      breaker.record(probe, 'good', 5_001)
    }

    expect(breaker.state(5_001)).toBe('closed')
    expect(breaker.admit(5_001)).toBe(passed)
  })

  it('waits twice as long after each failed probe, 60 s at most, and says when to come again', () => {
    const breaker = opened()
    let now = 0
    const waits: number[] = []
    for (let round = 0; round < 6; round++) {
      const before = now
      while (breaker.admit(now) === refused) now += 1_000
      waits.push(now - before)
      breaker.record(round + 1, 'bad', now)
    }

    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
    expect(breaker.retryAfterS(now)).toBe(60)
  })

  it('gives the place of a probe that told nothing to another request', () => {
    const breaker = opened()
    const probes = [breaker.admit(5_000), breaker.admit(5_000), breaker.admit(5_000)]

    breaker.record(probes[0] as number, 'neither', 5_001)

    expect(breaker.admit(5_002)).toBe(probes[0])
  })

  it('never opens by what is no failure of the service', () => {
    const breaker = new Breaker()
    feed(breaker, 'neither', 1_000, 0)
    feed(breaker, 'good', 1, 0)

    expect(breaker.state(0)).toBe('closed')
  })

  it('admits at most 3 probes a half-open period, and always lets somebody through again, whatever happens', () => {
    const step = fc.record({
      afterMs: fc.nat(3_000),
      verdict: fc.constantFrom<Verdict>('good', 'bad', 'neither'),
      late: fc.boolean(),
    })

    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const breaker = new Breaker()
        const late: number[] = []
        const open = new Map<number, number>()
        let now = 0
        for (const { afterMs, verdict, late: isLate } of steps) {
          now += afterMs
          const admission = breaker.admit(now)
          if (admission === refused) continue
          if (admission > 0) {
            open.set(admission, (open.get(admission) ?? 0) + 1)
            expect(open.get(admission)).toBeLessThanOrEqual(3)
          }
          if (isLate) {
            late.push(admission)
            continue
          }
          breaker.record(admission, verdict, now)
          if (verdict === 'neither' && admission > 0) open.set(admission, (open.get(admission) ?? 1) - 1)
        }
        for (const admission of late) breaker.record(admission, 'neither', now)
        expect(breaker.admit(now + 60_000)).not.toBe(refused)
      }),
    )
  })
})
