import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { Quotas } from '../../../gateway/cache-api/quotas.ts'

const taken = (quotas: Quotas, client: string, quota: Parameters<Quotas['take']>[1], most = 1_000): number => {
  let count = 0
  while (count < most && quotas.take(client, quota) === 0) count++
  return count
}

describe('quotas', () => {
  it('let so many a second, and a burst above it for a moment', () => {
    const clock = new HeldClock()
    const quotas = new Quotas(clock)
    const quota = { operations: 10, burst: 5 }

    expect(taken(quotas, 'a', quota)).toBe(15)
    clock.advance(1_000)
    expect(taken(quotas, 'a', quota)).toBe(10)
    clock.advance(60_000)
    expect(taken(quotas, 'a', quota)).toBe(15)
  })

  it('are of one client each, and none without one', () => {
    const quotas = new Quotas(new HeldClock())

    expect(taken(quotas, 'a', { operations: 1 })).toBe(2)
    expect(taken(quotas, 'b', { operations: 1 })).toBe(2)
    expect(taken(quotas, 'c', undefined)).toBe(1_000)
  })

  it('say after how many seconds there is one again', () => {
    const clock = new HeldClock()
    const quotas = new Quotas(clock)
    const quota = { operations: 1, burst: 1 }
    taken(quotas, 'a', quota)

    expect(quotas.take('a', quota)).toBe(1)
    clock.advance(1_000)
    expect(quotas.take('a', quota)).toBe(0)
  })

  it('hold as they are written now', () => {
    const quotas = new Quotas(new HeldClock())
    taken(quotas, 'a', { operations: 1 })

    // A reload that changes something else does not fill it.
    expect(taken(quotas, 'a', { operations: 1 })).toBe(0)
    expect(taken(quotas, 'a', { operations: 3 })).toBe(6)
  })
})
