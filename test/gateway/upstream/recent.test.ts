import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Recent } from '../../../gateway/upstream/recent.ts'

it('counts what happened within the window, and nothing older', () => {
  const steps = fc.array(fc.record({ lane: fc.nat(1), afterMs: fc.nat(4_000) }), { maxLength: 200 })

  fc.assert(
    fc.property(steps, (all) => {
      const recent = new Recent(2)
      const seen: { lane: number; slot: number }[] = []
      let now = 0
      for (const { lane, afterMs } of all) {
        now += afterMs
        recent.add(lane, now)
        seen.push({ lane, slot: Math.floor(now / 1_000) })
        for (const of of [0, 1]) {
          const slot = Math.floor(now / 1_000)
          expect(recent.sum(of, now)).toBe(seen.filter((one) => one.lane === of && one.slot > slot - 10).length)
          expect(recent.latest(of, now)).toBe(seen.filter((one) => one.lane === of && one.slot === slot).length)
        }
      }
      expect(recent.sum(0, now + 10_000)).toBe(0)
    }),
  )
})
