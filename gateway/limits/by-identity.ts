import type { RouteFacts } from '#routes/structure.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Exchange } from '../exchange.ts'
import { network } from '../network.ts'
import type { Phase } from '../phase.ts'
import { periodOf } from './quota.ts'
import { limitsOf, type RouteLimits, type RouteRate } from './route-limits.ts'
import type { AskedLimit, Taking } from './taking.ts'

/** Limits of who calls, of the route as a whole, and what a consumer may use in a day or month. */
export function limitsByIdentity(taking: Taking, clock: Clock): Phase {
  return {
    name: 'limits-by-identity',
    before(x: Exchange): undefined | Promise<undefined> {
      // The client's own request is counted where it is served.
      if (x.isCopy) return undefined
      const asked: AskedLimit[] = []
      askFor(x, x.decision?.route, clock, asked)
      for (const route of x.readings) askFor(x, route, clock, asked)
      return asked.length === 0 ? undefined : taking.take(x, asked)
    },
  }
}

function askFor(x: Exchange, route: RouteFacts | undefined, clock: Clock, asked: AskedLimit[]): void {
  const limits = route && limitsOf(route)
  if (limits === undefined) return
  const { perConsumer, perRoute, quota, tag } = limits
  // On a public route nobody is known by name: then the address stands for the consumer.
  const who = x.caller === undefined ? `@${network(x.client)}` : x.caller.consumer
  if (perConsumer !== undefined) asked.push(rateOf('consumer', perConsumer, `${tag}:c:${who}`, limits))
  if (perRoute !== undefined) asked.push(rateOf('route', perRoute, `${tag}:r`, limits))
  if (quota === undefined) return
  const { name, leftMs } = periodOf(quota.per, clock.now())
  const claim = { kind: 'quota', key: `${tag}:q:${name}:${who}`, count: quota.count, leftMs } as const
  const windowS = quota.per === 'day' ? 86_400 : 2_592_000
  asked.push({ name: 'quota', claim, count: quota.count, windowS, ...wayOf(limits) })
}

function rateOf(name: 'consumer' | 'route', rate: RouteRate, key: string, limits: RouteLimits): AskedLimit {
  const { count, windowS } = rate
  return { name, claim: { kind: 'rate', key, rate: rate.rate }, count, windowS, ...wayOf(limits) }
}

const wayOf = ({ scope, whenAway }: RouteLimits) => ({ scope, whenAway })
