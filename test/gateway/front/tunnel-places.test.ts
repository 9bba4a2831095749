import { describe, expect, it } from 'vitest'
import type { Decision } from '#routes/decide.ts'
import { TunnelPlaces, tunnelPlaces, tunnelShares } from '../../../gateway/front/tunnel-places.ts'
import { policy, route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

describe('tunnels of nobody who says who calls', () => {
  it('U1: are limited by address, of IPv6 by the network that one client has', () => {
    const places = new TunnelPlaces()
    const phases = [tunnelPlaces(places, 10), tunnelShares(places, 2)]
    const open = (client: string) => {
      const x = Object.assign(exchangeOf(), { client, upgrade: 'websocket' })
      x.decision = { route: route('/chat', { policy: { ...policy, upgrade: ['websocket'] } }) } as unknown as Decision
      for (const phase of phases) void phase.before?.(x)
      return x
    }
    const [first] = ['2001:db8::1', '2001:db8::2'].map(open)

    expect(() => open('2001:db8::3')).toThrow(expect.objectContaining({ code: 'rate-limited' }))
    expect(() => open('2001:db8:0:1::1')).not.toThrow()

    if (first !== undefined) places.giveBack(first)
    expect(() => open('2001:db8::4')).not.toThrow()
  })
})
