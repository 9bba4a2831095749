import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { compileRate } from '../../../gateway/limits/gcra.ts'
import type { Claim } from '../../../gateway/limits/limiter.ts'
import { MemoryLimiter } from '../../../gateway/limits/memory-limiter.ts'
import { limiterContract } from '../../contracts/limiter.ts'

limiterContract(async () => {
  const clock = new HeldClock()
  return { limiter: new MemoryLimiter({ clock, maxKeys: 100 }), pass: async (ms) => clock.advance(ms) }
})

const claim = (key: string, count = 10): Claim => ({
  kind: 'rate',
  key,
  rate: compileRate({ count, windowMs: 10_000 }),
})

describe('a limiter in memory', () => {
  it('keeps no more keys than it may, whoever comes', () => {
    const limiter = new MemoryLimiter({ clock: new HeldClock(), maxKeys: 100 })

    for (let at = 0; at < 100_000; at++) limiter.take([claim(`address ${at}`)])

    expect(limiter.size).toBe(100)
  })

  it('gives its share of a limit while it counts for all', () => {
    const limiter = new MemoryLimiter({ clock: new HeldClock(), maxKeys: 100, share: 1 / 5 })

    const passed = Array.from({ length: 10 }, () => limiter.take([claim('a')])[0]?.allowed).filter(Boolean)

    expect(passed).toHaveLength(2)
  })
})
