import type { RouteFacts } from '#routes/structure.ts'
import type { RouteId } from '#routes/vocabulary.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { limitsOf } from './route-limits.ts'

/**
 * How many requests of a route may be under way in this process: what is slow does not fill the house. A request counts for
 * each route as which its service might read the path, too (P6).
 */
export function inFlight(): Phase {
  const counts = new Map<RouteId, number>()
  /** Who is counted, and as what: bounded by the limits themselves. */
  const counted = new Map<Exchange, RouteId[]>()

  const enter = (x: Exchange, route: RouteFacts): void => {
    const limit = limitsOf(route)?.maxInFlight
    if (limit === undefined) return
    const count = counts.get(route.id) ?? 0
    if (count >= limit) throw problems['overloaded']({ what: 'a route', retryAfterS: 1 })
    counts.set(route.id, count + 1)
    const places = counted.get(x)
    if (places === undefined) counted.set(x, [route.id])
    else places.push(route.id)
  }

  return {
    name: 'in-flight',
    before(x: Exchange): undefined {
      const route = x.decision?.route
      if (route !== undefined) enter(x, route)
      for (const reading of x.readings) enter(x, reading)
      return undefined
    },
    closed(x: Exchange): void {
      const places = counted.get(x)
      if (places === undefined) return
      counted.delete(x)
      for (const id of places) {
        const left = (counts.get(id) ?? 1) - 1
        if (left === 0) counts.delete(id)
        else counts.set(id, left)
      }
    },
  }
}
