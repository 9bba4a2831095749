import { describe, expect, it } from 'vitest'
import { compileRate } from '../../gateway/limits/gcra.ts'
import type { Claim, Limiter } from '../../gateway/limits/limiter.ts'

export interface LimiterUnderTest {
  readonly limiter: Limiter
  /** Lets that time pass for whoever counts. */
  pass(ms: number): Promise<void>
}

const rate = (key: string, count: number, windowMs: number): Claim => ({
  kind: 'rate',
  key,
  rate: compileRate({ count, windowMs }),
})
const quota = (key: string, count: number, leftMs: number): Claim => ({ kind: 'quota', key, count, leftMs })

/** What every adapter of the port does. `make` gives one that counts nothing yet. */
export function limiterContract(make: () => Promise<LimiterUnderTest>): void {
  const allowed = async (limiter: Limiter, ...claims: Claim[]) =>
    (await limiter.take(claims)).map((verdict) => verdict.allowed)

  describe('a limiter', () => {
    it('lets a burst through, then one more each time that one is paid back', async () => {
      const { limiter, pass } = await make()
      const claim = rate('a', 3, 300)

      expect(await allowed(limiter, claim)).toEqual([true])
      expect(await allowed(limiter, claim)).toEqual([true])
      expect(await allowed(limiter, claim)).toEqual([true])
      expect(await allowed(limiter, claim)).toEqual([false])
      await pass(120)
      expect(await allowed(limiter, claim)).toEqual([true])
      expect(await allowed(limiter, claim)).toEqual([false])
    })

    it('says what is left, when all is free again, and when to come back', async () => {
      const { limiter } = await make()
      const [first] = await limiter.take([rate('b', 2, 60_000)])
      const [second] = await limiter.take([rate('b', 2, 60_000)])
      const [third] = await limiter.take([rate('b', 2, 60_000)])

      expect(first).toMatchObject({ allowed: true, remaining: 1, retryMs: 0 })
      expect(second).toMatchObject({ allowed: true, remaining: 0 })
      expect(third).toMatchObject({ allowed: false, remaining: 0 })
      expect(second?.resetMs).toBeGreaterThan(59_000)
      expect(third?.retryMs).toBeGreaterThan(29_000)
      expect(third?.retryMs).toBeLessThanOrEqual(30_001)
    })

    it('takes nothing of any limit when one of them refuses', async () => {
      const { limiter } = await make()
      const spent = rate('c', 1, 60_000)
      const other = rate('d', 2, 60_000)
      await limiter.take([spent])

      expect(await allowed(limiter, other, spent)).toEqual([true, false])
      expect(await allowed(limiter, other)).toEqual([true])
      expect(await allowed(limiter, other)).toEqual([true])
      expect(await allowed(limiter, other)).toEqual([false])
    })

    it('counts a quota, and says when its period ends', async () => {
      const { limiter } = await make()
      const claim = quota('e:2026-11', 2, 90_000)

      expect(await limiter.take([claim])).toEqual([{ allowed: true, remaining: 1, resetMs: 90_000, retryMs: 0 }])
      expect(await allowed(limiter, claim)).toEqual([true])
      expect(await limiter.take([claim])).toEqual([{ allowed: false, remaining: 0, resetMs: 90_000, retryMs: 90_000 }])
      expect(await allowed(limiter, quota('e:2026-12', 2, 90_000))).toEqual([true])
    })

    it('counts keys apart', async () => {
      const { limiter } = await make()

      expect(await allowed(limiter, rate('f', 1, 60_000))).toEqual([true])
      expect(await allowed(limiter, rate('g', 1, 60_000))).toEqual([true])
    })
  })
}
