import { createHash } from 'node:crypto'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import type { GatewayYaml } from '../config.ts'
import { ms } from '../config-parts.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import type { Lease } from '../reload/shared-parts.ts'
import { Deployments } from './deployments.ts'
import { HealthChecks } from './health-checks.ts'
import { LoopLag } from './loop-lag.ts'
import { resolveByDns } from './resolve-each.ts'
import { type UpstreamMetrics, upstreamMetrics } from './upstream-metrics.ts'
import { readCertificates } from './upstream-tls.ts'
import { type EjectOutcome, ejectEndpoint, type UpstreamStatus, upstreamsStatus } from './upstreams-status.ts'

export interface UpstreamsOptions {
  readonly yaml: GatewayYaml
  readonly path: (relative: string) => string
  readonly lease: Lease
  readonly holder: TableHolder
  readonly metrics: Metrics
  readonly clock: Clock
  readonly random: Random
  readonly background: Background
  readonly log: Log
}

export interface Upstreams {
  readonly deployments: Deployments
  readonly metrics: UpstreamMetrics
  /** For `GET /gateway/v1/upstreams` and `/retries`. */
  status(): readonly UpstreamStatus[]
  /** For `POST /gateway/v1/upstreams/{id}/eject`; `id` is `service@address:port`. */
  eject(id: string, seconds: number): EjectOutcome
}

/**
 * The services of this site as one configuration reaches them: connections and what is known of each instance outlive a
 * reload that changes nothing of this. Throws what certificate files have wrong.
 */
export function openUpstreams(options: UpstreamsOptions): Upstreams {
  const { yaml, path, lease, holder, clock, random, background, log } = options
  const { site, limits, upstreams } = yaml
  const metrics = upstreamMetrics(options.metrics)
  const certificates = readCertificates(upstreams.certificates, path)
  const settings = {
    connections: limits.deploymentConnections,
    inFlight: limits.deploymentInFlight,
    idleMs: ms(limits.upstreamIdle),
    ejection: upstreams.ejection,
    panicBelow: upstreams.panicBelow,
    breaker: upstreams.breaker,
    retryBudget: upstreams.retryBudget,
  }
  const { health, checksPerSecond: perSecond, resolver } = upstreams
  // Texts of keys are not kept in a name: their digest tells as well whether one changed.
  const digest = createHash('sha256').update(JSON.stringify(certificates)).digest('base64url')

  const open = () => {
    const resolve = resolveByDns(resolver)
    const lag = new LoopLag(clock)
    const deployments = new Deployments({
      site,
      settings,
      certificates,
      resolve,
      metrics,
      clock,
      lag,
      random,
      background,
      log,
    })
    const checks = new HealthChecks({
      deployments: () => deployments.all,
      perSecond,
      metrics,
      clock,
      random,
      background,
      log,
    })
    if (health) checks.start()
    const forget = holder.onChange((table) => deployments.retain(table))
    if (holder.current !== undefined) deployments.retain(holder.current)
    return { deployments, checks, lag, forget }
  }
  const { deployments } = lease.take(
    'services',
    { settings, health, perSecond, resolver, digest },
    open,
    async (opened) => {
      opened.forget()
      opened.checks.stop()
      opened.lag.stop()
      await opened.deployments.close()
    },
  )
  return {
    deployments,
    metrics,
    status: () => upstreamsStatus(deployments.all, clock.monotonic()),
    eject: (id, seconds) => ejectEndpoint(deployments.all, id, seconds, clock.monotonic()),
  }
}
