import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { network } from '../network.ts'
import type { Phase } from '../phase.ts'
import { rateHeaders } from './rate-headers.ts'
import { limitsOf, type RouteRate } from './route-limits.ts'
import type { AskedLimit, Taking } from './taking.ts'

export interface ByAddressOptions {
  readonly taking: Taking
  /** Of every client on all routes together; undefined = none. */
  readonly everywhere: RouteRate | undefined
  /** Whether clients are told what is left. */
  readonly headers: boolean
}

/**
 * Limits by address, before anybody is asked who calls, and before a request goes to another site: there it is not counted
 * again, since it comes with the mark of this gateway. Nor is an edge's copy, of which its client knows nothing.
 */
export function limitsByAddress({ taking, everywhere, headers }: ByAddressOptions): Phase {
  return {
    name: 'limits-by-address',
    before(x: Exchange): undefined | Promise<undefined> {
      if (x.markKind === 'hop' || x.isCopy) return undefined
      const asked: AskedLimit[] = []
      if (everywhere !== undefined) asked.push(claim(everywhere, `{all}:a:${network(x.client)}`, 'process', 'open'))
      askFor(x, x.decision?.route, asked)
      for (const route of x.readings) askFor(x, route, asked)
      return asked.length === 0 ? undefined : taking.take(x, asked)
    },
    after(x: Exchange, answer: Answer): Answer {
      if (headers && x.rates !== undefined) rateHeaders(x.rates, answer.headers)
      return answer
    },
  }
}

function askFor(x: Exchange, route: Parameters<typeof limitsOf>[0] | undefined, asked: AskedLimit[]): void {
  const limits = route && limitsOf(route)
  if (limits?.perAddress === undefined) return
  asked.push(claim(limits.perAddress, `${limits.tag}:a:${network(x.client)}`, limits.scope, limits.whenAway))
}

function claim(
  { rate, count, windowS }: RouteRate,
  key: string,
  scope: AskedLimit['scope'],
  whenAway: AskedLimit['whenAway'],
): AskedLimit {
  return { name: 'address', claim: { kind: 'rate', key, rate }, count, windowS, scope, whenAway }
}
