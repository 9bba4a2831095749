import { stickyKey } from '#routes/sticky-key.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { refused } from './breaker.ts'
import { Delivery, type DeliveryOptions } from './delivery.ts'
import type { Deployment } from './deployment.ts'
import type { Deployments } from './deployments.ts'

export interface UpstreamOptions extends DeliveryOptions {
  readonly deployments: Deployments
}

/** Sends the request to the service's deployment at this site. The last phase: it always answers or throws. */
export function upstream(options: UpstreamOptions): Phase {
  const { site, deployments, clock } = options

  const send = async (x: Exchange): Promise<Answer> => {
    const { route } = x.decision ?? {}
    if (x.gone) throw problems['client-gone']()
    const service = route && x.table?.index.services.get(route.service)
    const found = service && deployments.of(service)
    const deployment = found instanceof Promise ? await found : found
    if (route === undefined || service === undefined || deployment === undefined)
      throw problems['no-endpoint']({ unit: route?.unit ?? '', site, retryAfterS: 5 })
    if (deployment.underWay.inFlight >= deployment.inFlightLimit)
      throw problems['overloaded']({ what: 'a deployment', retryAfterS: 1 })
    const now = clock.monotonic()
    const admission = deployment.admit(now)
    if (admission === refused)
      throw problems['breaker-open']({ service: service.id, retryAfterS: deployment.breaker.retryAfterS(now) })
    const key = clientKey(x, service, deployment)
    return new Delivery({ options, x, route, deployment, admission, key }).run()
  }

  return { name: 'upstream', before: send }
}

/** Whose requests stay with one endpoint; undefined where the deployment does not ask for that, or the request has no key. */
function clientKey(x: Exchange, service: ServiceFacts, deployment: Deployment): string | undefined {
  const { decision, table } = x
  if (deployment.facts.balance !== 'hash' || decision === undefined || table === undefined) return undefined
  for (const source of service.key) {
    const key = stickyKey(source, x, () => table.index.trie.parameters(decision.position, decision.target.key))
    if (key !== undefined) return key
  }
  return undefined
}
