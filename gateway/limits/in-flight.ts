import type { RouteId } from '#routes/vocabulary.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { limitsOf } from './route-limits.ts'

/** How many requests of a route may be under way in this process: what is slow does not fill the house. */
export function inFlight(): Phase {
  const counts = new Map<RouteId, number>()
  /** Who is counted, and as what: bounded by the limits themselves. */
  const counted = new Map<Exchange, RouteId>()
  return {
    name: 'in-flight',
    before(x: Exchange): undefined {
      const route = x.decision?.route
      const limit = route && limitsOf(route)?.maxInFlight
      if (route === undefined || limit === undefined) return undefined
      const count = counts.get(route.id) ?? 0
      if (count >= limit) throw problems['overloaded']({ what: 'a route', retryAfterS: 1 })
      counts.set(route.id, count + 1)
      counted.set(x, route.id)
      return undefined
    },
    closed(x: Exchange): void {
      const id = counted.get(x)
      if (id === undefined) return
      counted.delete(x)
      const left = (counts.get(id) ?? 1) - 1
      if (left === 0) counts.delete(id)
      else counts.set(id, left)
    },
  }
}
