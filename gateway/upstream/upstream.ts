import { headers } from '#routes/messages.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { call } from './call.ts'
import type { DeploymentPools } from './deployment-pools.ts'
import { withoutOurs } from './hop-by-hop.ts'
import { type HeadOptions, requestHead } from './request-head.ts'

export interface UpstreamOptions extends HeadOptions {
  readonly site: Site
  readonly pools: DeploymentPools
  readonly retried: Counter
}

/** Sends the request to the service's deployment at this site. The last phase: it always answers or throws. */
export function upstream(options: UpstreamOptions): Phase {
  const { site, pools, retried } = options

  const send = async (x: Exchange): Promise<Answer> => {
    const { route } = x.decision ?? {}
    if (x.gone) throw problems['client-gone']()
    const service = route && x.table?.index.services.get(route.service)
    const url = service && urlAt(service, site)
    if (route === undefined || url === undefined)
      throw problems['no-endpoint']({ unit: route?.unit ?? '', site, retryAfterS: 5 })
    const { timeout, maxBodyBytes } = route.policy
    const deployment = pools.get(url, timeout.connectMs)
    const head = requestHead(x, options)
    for (;;) {
      const body = x.body.forward(maxBodyBytes)
      const path = deployment.prefix + x.target
      const { firstByteMs, totalMs } = timeout
      const outcome = await call(deployment, x, { path, headers: head, body, firstByteMs, totalMs })
      if (outcome.ok) return { ...outcome.answer, headers: withoutOurs(outcome.answer.headers) }
      if (!outcome.failure.reset || !mayRepeat(x)) throw outcome.failure.problem
      x.attempt++
      retried.inc()
      head.push(headers.attempt, String(x.attempt))
    }
  }

  return { name: 'upstream', before: send }
}

/**
 * A connection that died before the first byte of an answer, mostly one that the service closed while it was idle. Sent
 * again once, and only what may be executed twice. RFC 9110 section 9.2.2.
 */
function mayRepeat(x: Exchange): boolean {
  return x.attempt === 0 && !x.gone && !x.body.present && x.markKind !== 'hop' && idempotent.has(x.method)
}

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY', 'PROPFIND'])

function urlAt(service: ServiceFacts, site: Site): string | undefined {
  // A handful of sites: a scan is cheaper than a map.
  return service.deployments.find((deployment) => deployment.site === site)?.url
}
