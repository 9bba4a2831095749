import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { AppliedMark } from '../../../gateway/journal/applied-mark.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function marking() {
  const clock = new HeldClock()
  const told: number[] = []
  const journal = { head: 0, applied: (through: number) => void told.push(through) }
  const zone = { zone: 'a', state: 'up' as const, owed: 0 }
  const mark = new AppliedMark({ journal, health: () => [zone], clock })
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(100)
      vi.advanceTimersByTime(100)
    }
  }
  return { journal, zone, mark, told, pass }
}

describe('the mark of what is applied', () => {
  it('Store J2: is told a second after the last zone could have answered, not before', () => {
    const { journal, mark, told, pass } = marking()
    journal.head = 7
    mark.begin(7)
    pass(1_500)
    expect(Math.max(...told)).toBe(6)
    mark.end(7)

    pass(1_000)
    expect(Math.max(...told)).toBe(6)
    pass(200)

    expect(told.at(-1)).toBe(7)
    mark.close()
  })

  it('Store J2: stays below the lowest write under way', () => {
    const { journal, mark, told, pass } = marking()
    journal.head = 3
    for (const seq of [1, 2, 3]) mark.begin(seq)
    mark.end(1)
    mark.end(3)

    pass(5_000)

    expect(Math.max(...told)).toBe(1)
    mark.close()
  })

  it('Store J2: is not told while a zone is owed something, for that stands in no zone and in the journal alone', () => {
    const { journal, zone, mark, told, pass } = marking()
    journal.head = 4
    zone.owed = 1
    pass(60_000)
    expect(told).toEqual([])
    mark.close()
    expect(told).toEqual([])
  })

  it('Store J2: is told at an orderly end, so that nothing is repeated', () => {
    const { journal, mark, told } = marking()
    journal.head = 9
    mark.close()

    expect(told).toEqual([9])
  })
})
