import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { limitsByIdentity } from '../../../gateway/limits/by-identity.ts'
import { MemoryLimiter } from '../../../gateway/limits/memory-limiter.ts'
import { Taking } from '../../../gateway/limits/taking.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

function phaseFor(limits: NonNullable<typeof policy.limits>) {
  const clock = new HeldClock()
  const process = new MemoryLimiter({ clock, maxKeys: 100 })
  const taking = new Taking({ site: undefined, process, alone: process, outcomes: { inc: () => undefined } })
  const phase = limitsByIdentity(taking, clock)
  const one = route('/v1/x', { policy: { ...policy, limits } })
  return (client: string, consumer?: string, spelled = false, flags: Mark['flags'] = []) => {
    const x = exchangeOf([], { peer: client })
    x.decision = { route: spelled ? route('/**') : one } as never
    x.mark = { flags } as unknown as Mark
    x.readings = spelled ? [one] : []
    if (consumer !== undefined) x.caller = { consumer, scopes: [] }
    return phase.before?.(x)
  }
}

describe('the limit of a consumer', () => {
  it('is that of its name, from wherever it calls', () => {
    const ask = phaseFor({ perConsumer: { count: 1, windowMs: 60_000 } })
    void ask('192.0.2.1', 'app')

    expect(() => ask('192.0.2.2', 'app')).toThrow(expect.objectContaining({ code: 'rate-limited' }))
    void ask('192.0.2.1', 'other')
  })

  it('P6: is met by a spelling that the service may read as the path of that route', () => {
    const ask = phaseFor({ perConsumer: { count: 1, windowMs: 60_000 } })
    void ask('192.0.2.1', 'app', true)

    expect(() => ask('192.0.2.1', 'app', true)).toThrow(expect.objectContaining({ code: 'rate-limited' }))
    expect(() => ask('192.0.2.1', 'app')).toThrow(expect.objectContaining({ code: 'rate-limited' }))
  })

  it("is not met by an edge's copy of what it asks", () => {
    const ask = phaseFor({ perConsumer: { count: 1, windowMs: 60_000 } })
    for (let time = 0; time < 3; time++) void ask('192.0.2.1', 'app', false, ['shadow'])
    void ask('192.0.2.1', 'app')

    expect(() => ask('192.0.2.1', 'app')).toThrow(expect.objectContaining({ code: 'rate-limited' }))
  })

  it.each([{ perConsumer: { count: 1, windowMs: 60_000 } }, { quota: { count: 1, per: 'day' as const } }])(
    'whom nobody knows is that of its network: a customer has 2^64 addresses of IPv6, and one limit: %j',
    (limits) => {
      const ask = phaseFor(limits)
      void ask('2001:db8::1')

      expect(() => ask('2001:db8::2')).toThrow()
      void ask('2001:db8:0:1::1')
    },
  )
})
