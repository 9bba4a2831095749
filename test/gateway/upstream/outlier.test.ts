import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mayEject, Reputation } from '../../../gateway/upstream/outlier.ts'

describe('an outlier', () => {
  it('stands out after 5 failures in a row, and not when a good answer is between', () => {
    const inARow = new Reputation()
    const mixed = new Reputation()
    const verdicts = [true, true, true, true, false, true, true, true, true]

    expect([1, 2, 3, 4, 5].map(() => inARow.record(true, 0))).toEqual([false, false, false, false, true])
    expect(verdicts.map((bad) => mixed.record(bad, 0)).some((out) => out)).toBe(false)
  })

  it('stands out at half of 20 sends within 10 s', () => {
    const reputation = new Reputation()
    const outs = Array.from({ length: 20 }, (_, at) => reputation.record(at % 2 === 1, 0))

    expect(outs.indexOf(true)).toBe(19)
  })

  it('is out for 30 s times its ejections, 300 s at most', () => {
    const reputation = new Reputation()
    let now = 0
    const times: number[] = []
    for (let round = 0; round < 12; round++) {
      reputation.eject(now)
      times.push(reputation.outForMs(now) / 1_000)
      now += reputation.outForMs(now)
      expect(reputation.state(now - 1)).toBe('out')
    }

    expect(times).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  })

  it('returns by one probe: good lets it in, bad leaves it out for longer, nothing is asked again', () => {
    const reputation = new Reputation()
    reputation.eject(0)

    expect(reputation.open(29_999)).toBe(false)
    expect(reputation.open(30_000)).toBe(true)
    expect(reputation.sent(30_000)).toBe(true)
    expect(reputation.open(30_000)).toBe(false)
    expect(reputation.probed('neither', 30_001)).toBe(false)
    expect(reputation.sent(30_002)).toBe(true)
    expect(reputation.probed('bad', 30_003)).toBe(false)
    expect(reputation.outForMs(30_003)).toBe(60_000)
    expect(reputation.sent(90_003)).toBe(true)
    expect(reputation.probed('good', 90_004)).toBe(true)
    expect(reputation.state(90_004)).toBe('in')
  })

  it('begins at 30 s again after 5 min without a fault', () => {
    const reputation = new Reputation()
    reputation.eject(0)
    reputation.sent(30_000)
    reputation.probed('good', 30_000)

    reputation.eject(30_000 + 300_001)

    expect(reputation.outForMs(330_001)).toBe(30_000)
  })

  it('is never one of more than half, nor the last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (endpoints) => {
        let out = 0
        while (mayEject(endpoints, out)) out++
        expect(out).toBe(Math.floor(endpoints / 2))
        expect(out).toBeLessThan(endpoints)
      }),
    )
  })
})
