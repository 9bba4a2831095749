import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { limitsByAddress } from '../../../gateway/limits/by-address.ts'
import { MemoryLimiter } from '../../../gateway/limits/memory-limiter.ts'
import { routeRate } from '../../../gateway/limits/route-limits.ts'
import { Taking } from '../../../gateway/limits/taking.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

describe('the limit of an address', () => {
  const rate = { count: 1, windowMs: 60_000 }
  const admin = route('/admin', { policy: { ...policy, limits: { perAddress: rate } } })
  const wide = route('/**')

  function phaseFor(everywhere?: ReturnType<typeof routeRate>) {
    const process = new MemoryLimiter({ clock: new HeldClock(), maxKeys: 100 })
    const taking = new Taking({ site: undefined, process, alone: process, outcomes: { inc: () => undefined } })
    const phase = limitsByAddress({ taking, everywhere, headers: true })
    return (
      chosen: typeof admin,
      readings: readonly (typeof admin)[] = [],
      markKind?: 'edge' | 'hop',
      flags?: Mark['flags'],
    ) => {
      const x = exchangeOf([], { peer: '192.0.2.1' })
      x.decision = { route: chosen } as never
      x.readings = readings
      x.markKind = markKind
      if (flags !== undefined) x.mark = { flags } as Mark
      return phase.before?.(x)
    }
  }

  it('P6: is met by a spelling that the service may read as the path of another route', () => {
    const ask = phaseFor()
    void ask(wide, [admin])

    expect(() => ask(wide, [admin])).toThrow(expect.objectContaining({ code: 'rate-limited' }))
    expect(() => ask(admin)).toThrow(expect.objectContaining({ code: 'rate-limited' }))
    void ask(wide)
  })

  it('of all routes together is met on any of them, and by what matched none', () => {
    const ask = phaseFor(routeRate(rate))
    void ask(wide)

    expect(() => ask(admin)).toThrow(expect.objectContaining({ code: 'rate-limited' }))
    expect(() => ask(undefined as never)).toThrow(expect.objectContaining({ code: 'rate-limited' }))
  })

  it("is not met by an edge's copy, of which its client knows nothing", () => {
    const ask = phaseFor(routeRate(rate))
    for (let time = 0; time < 3; time++) void ask(admin, [], 'edge', ['shadow'])
    void ask(admin, [], 'edge', ['shadowed'])

    expect(() => ask(admin, [], 'edge', ['shadowed'])).toThrow(expect.objectContaining({ code: 'rate-limited' }))
  })

  it('is not counted again for what another gateway has counted; an edge counts for nobody', () => {
    const ask = phaseFor()
    void ask(admin, [], 'hop')
    void ask(admin, [], 'hop')
    void ask(admin, [], 'edge')

    expect(() => ask(admin, [], 'edge')).toThrow(expect.objectContaining({ code: 'rate-limited' }))
  })
})
