import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { EdgeEvidence, type EdgeSums, verdictOf } from '../../../control-plane/edge/edge-evidence.ts'

const sums = (requests: number, failed: number, marked = 0, skewed = 0): EdgeSums => ({
  requests,
  failed,
  marked,
  skewed,
})
const row = (reads: number, writes: number, failed: number) => ({
  unit: 'orders',
  epoch: 1,
  reads,
  writes,
  forwarded: 0,
  failed,
})

describe('what traffic shows of a new version', () => {
  it.each([
    [
      'a twentieth of the requests fails, as when 5 % of them meet a broken version',
      sums(2_000, 4),
      sums(2_000, 104),
      'worse',
    ],
    ['as many fail as before', sums(20_000, 200), sums(2_000, 21), 'equal'],
    ['a few more fail, as they do by chance', sums(20_000, 200), sums(2_000, 30), 'equal'],
    ['nothing fails', sums(20_000, 0), sums(2_000, 0), 'equal'],
    ['everything failed before, too', sums(2_000, 2_000), sums(2_000, 2_000), 'equal'],
    ['fewer fail', sums(2_000, 100), sums(2_000, 1), 'equal'],
    ['nobody came before', sums(0, 0), sums(2_000, 2_000), 'not-enough'],
    ['hardly anybody comes', sums(2_000, 2), sums(199, 100), 'not-enough'],
    ['edges choose other routes than gateways', sums(2_000, 4, 2_000, 0), sums(2_000, 4, 2_000, 90), 'worse'],
    ['edges are skewed as before', sums(2_000, 4, 2_000, 90), sums(2_000, 4, 2_000, 90), 'equal'],
  ] as const)('is judged rightly when %s', (_, before, since, verdict) => {
    expect(verdictOf(before, since)).toBe(verdict)
  })

  it('is summed over all gateways, by whole spans of ten seconds', () => {
    const clock = new HeldClock(0)
    const evidence = new EdgeEvidence(clock)
    evidence.note([row(3, 1, 1), row(2, 0, 0)], { requests: 5, skewed: 1, mismatched: 1 })
    evidence.note([row(4, 0, 0)], undefined)
    clock.advance(10_000)
    evidence.note([row(100, 0, 100)], undefined)

    expect(evidence.between(0, 10_000)).toEqual(sums(10, 1, 5, 2))
    expect(evidence.between(0, 20_000)).toEqual(sums(110, 101, 5, 2))
    expect(evidence.between(1, 19_999)).toEqual(sums(0, 0))
  })

  it('is kept for an hour', () => {
    const clock = new HeldClock(0)
    const evidence = new EdgeEvidence(clock)
    for (let at = 0; at < 400; at++) {
      evidence.note([row(1, 0, 0)], undefined)
      clock.advance(10_000)
    }

    expect(evidence.between(0, clock.now()).requests).toBe(360)
    expect(evidence.between(clock.now() - 3_600_000, clock.now()).requests).toBe(360)
  })
})
