import type { BreakerState } from './breaker.ts'
import type { Deployment } from './deployment.ts'
import type { Endpoint } from './endpoint.ts'

export interface EndpointStatus {
  /** `service@address:port`: what `eject` takes. */
  readonly id: string
  /** `down`: health checks say so · `out`: ejected · `returning`: one probe decides. */
  readonly state: 'up' | 'down' | 'out' | 'returning'
  readonly outForMs: number
  readonly ejections: number
  readonly inFlight: number
  readonly weight: number
  readonly connections: { readonly open: number; readonly opened: number; readonly waiting: number }
  /** How long a connection may be idle and still be used, ms, and what the endpoint itself taught of that; null: nothing. */
  readonly idle: { readonly limitMs: number; readonly learnedMs: number | null }
}

export interface UpstreamStatus {
  readonly service: string
  readonly inFlight: number
  readonly inFlightLimit: number
  readonly breaker: BreakerState
  /** Certificates of it are not verified. */
  readonly insecure: boolean
  /** Of the last minute; `amplification` is sends by requests, 1 without any. */
  readonly retries: {
    readonly requests: number
    readonly sends: number
    readonly amplification: number
    readonly budgetLeft: number
  }
  readonly endpoints: readonly EndpointStatus[]
}

export function upstreamsStatus(deployments: Iterable<Deployment>, nowMs: number): readonly UpstreamStatus[] {
  return Array.from(deployments, (deployment) => {
    const { requests, sends } = deployment.traffic(nowMs)
    return {
      service: deployment.service,
      inFlight: deployment.underWay.inFlight,
      inFlightLimit: deployment.inFlightLimit,
      breaker: deployment.breaker.state(nowMs),
      insecure: deployment.facts.tls?.insecure === true,
      retries: {
        requests,
        sends,
        amplification: requests === 0 ? 1 : sends / requests,
        budgetLeft: deployment.budget.left(nowMs),
      },
      endpoints: deployment.endpoints.map((endpoint) => endpointStatus(deployment, endpoint, nowMs)),
    }
  })
}

export type EjectOutcome = 'ejected' | 'unknown' | 'too-many-out'

/** Leaves an instance out for so long, unless then more than half of them would be out. */
export function ejectEndpoint(
  deployments: Iterable<Deployment>,
  id: string,
  seconds: number,
  nowMs: number,
): EjectOutcome {
  for (const deployment of deployments) {
    const endpoint = deployment.endpoints.find((one) => idOf(deployment, one) === id)
    if (endpoint !== undefined) return deployment.eject(endpoint, nowMs, seconds * 1_000) ? 'ejected' : 'too-many-out'
  }
  return 'unknown'
}

function endpointStatus(deployment: Deployment, endpoint: Endpoint, nowMs: number): EndpointStatus {
  const { reputation, idle, connections } = endpoint
  const state = reputation.state(nowMs)
  const learned = idle.learnedMs(nowMs)
  return {
    id: idOf(deployment, endpoint),
    state: state === 'in' ? (endpoint.health.up ? 'up' : 'down') : state,
    outForMs: Math.round(reputation.outForMs(nowMs)),
    ejections: reputation.ejections,
    inFlight: endpoint.inFlight,
    weight: endpoint.weight(nowMs),
    connections: { open: connections.open, opened: connections.opened, waiting: connections.waiting },
    idle: { limitMs: idle.limitMs(nowMs), learnedMs: Number.isFinite(learned) ? Math.round(learned) : null },
  }
}

function idOf(deployment: Deployment, endpoint: Endpoint): string {
  return `${deployment.service}@${endpoint.id}`
}
