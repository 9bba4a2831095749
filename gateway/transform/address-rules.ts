import type { RoutePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { type AddressSet, addressSet } from './address-set.ts'
import { compiledOnce } from './compiled-once.ts'

type Rules = NonNullable<RoutePolicy['addresses']>

/**
 * Who may call by address: `deny` first, then `allow`, by the address that is believed (H5). Every route as which a service
 * might read the path must let the client in (P6). An address that nobody could tell is let in by no rule.
 */
export function addressRules(log: Log): Phase {
  const rulesOf = compiledOnce('addresses', log, ({ allow, deny = [] }: Rules): AddressSet => {
    const denied = addressSet(deny)
    const allowed = allow === undefined ? () => true : addressSet(allow)
    return (address) => !denied(address) && allowed(address)
  })
  const check = (x: Exchange, route: RouteFacts): void => {
    const rules = route.policy.addresses
    if (rules === undefined) return
    const admits = x.address !== undefined && rulesOf(rules)(x.address)
    if (x.explained !== undefined)
      x.explained['address-rules'] = { route: route.id, address: x.address ?? 'unknown', admits }
    if (!admits) throw problems['address-denied']()
  }
  return {
    name: 'address-rules',
    before(x: Exchange): undefined {
      const route = x.decision?.route
      if (route !== undefined) check(x, route)
      for (const reading of x.readings) check(x, reading)
      return undefined
    },
  }
}
