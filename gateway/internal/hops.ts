import type { HopsAnswer, ProbedInstance } from '#routes/gateway-answers.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { GatewayYaml } from '../config.ts'
import { ms } from '../config-parts.ts'
import type { Deployment } from '../upstream/deployment.ts'
import type { Deployments } from '../upstream/deployments.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { probeHop } from '../upstream/probe-hop.ts'

const instancesLimit = 200
const atOnce = 16

/** Asks each instance of each service once and watches its idle connection: what the static model only supposes. */
export async function probeHops(
  deployments: Deployments,
  services: readonly ServiceFacts[],
  { limits }: GatewayYaml,
  watchMs: number,
  clock: Clock,
): Promise<HopsAnswer> {
  // Also those that nobody asked for yet. One that cannot be opened (no certificate, no address) is told by its requests.
  await Promise.allSettled(services.map(async (service) => deployments.of(service)))
  const all = Array.from(deployments.all, (deployment) =>
    deployment.endpoints.map((endpoint) => ({ deployment, endpoint })),
  )
  const pairs = all.flat()
  const waiting = pairs.slice(0, instancesLimit)
  const instances: ProbedInstance[] = []
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      instances.push(await probed(next.deployment, next.endpoint, watchMs, clock))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  instances.sort((a, b) => (a.id < b.id ? -1 : 1))
  return { keepAliveMs: ms(limits.idleTimeout), instances, leftOut: Math.max(0, pairs.length - instancesLimit) }
}

async function probed(
  { service, facts }: Deployment,
  endpoint: Endpoint,
  watchMs: number,
  clock: Clock,
): Promise<ProbedInstance> {
  const { origin, tls, id } = endpoint
  const host = facts.host ?? new URL(facts.url).host
  const path = facts.health?.path ?? '/'
  const probe = await probeHop({ origin, tls, host, path, watchMs, clock })
  return { service, id, idleMs: Math.round(endpoint.idle.limitMs(clock.monotonic())), probe }
}
