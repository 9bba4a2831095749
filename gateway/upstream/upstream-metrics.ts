import type { Counter, Metrics } from '#server-kit/metrics.ts'
import { retryRefusals } from './retry.ts'

const deployment = { atMost: 1_000 } as const

/** What happens between us and services, apart from the requests themselves. */
export interface UpstreamMetrics {
  readonly retried: Counter
  readonly notRetried: Counter<'because'>
  readonly stale: Counter<'deployment'>
  readonly ejections: Counter<'deployment'>
  readonly panics: Counter<'deployment'>
  readonly breaker: Counter<'deployment' | 'to'>
  readonly health: Counter<'deployment' | 'to'>
  readonly checksLate: Counter
  readonly insecure: Counter<'deployment'>
}

export function upstreamMetrics(metrics: Metrics): UpstreamMetrics {
  return {
    retried: metrics.counter('tidegate_upstream_retries_total', 'Requests sent again.'),
    notRetried: metrics.counter('tidegate_upstream_retries_refused_total', 'Failed tries that were not sent again.', {
      because: retryRefusals,
    }),
    stale: metrics.counter('tidegate_upstream_stale_reuse_total', 'Requests that met a connection just being closed.', {
      deployment,
    }),
    ejections: metrics.counter('tidegate_upstream_ejections_total', 'Instances left out because they failed.', {
      deployment,
    }),
    panics: metrics.counter(
      'tidegate_upstream_panics_total',
      'Choices that ignored health, since too few instances had it.',
      { deployment },
    ),
    breaker: metrics.counter('tidegate_upstream_breaker_turns_total', 'State changes of circuit breakers.', {
      deployment,
      to: ['closed', 'open', 'half-open'],
    }),
    health: metrics.counter('tidegate_upstream_health_turns_total', 'Instances that health checks found up or down.', {
      deployment,
      to: ['up', 'down'],
    }),
    checksLate: metrics.counter('tidegate_upstream_checks_late_total', 'Health checks that waited for others.'),
    insecure: metrics.counter(
      'tidegate_upstream_insecure_total',
      'Deployments opened whose certificates are not verified.',
      { deployment },
    ),
  }
}
