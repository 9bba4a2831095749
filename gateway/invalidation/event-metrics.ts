import type { Counter, Gauge, Histogram, Metrics } from '#server-kit/metrics.ts'
import { type EventSource, type GapReason, gapReasons, type SourceStatus } from './event-source.ts'

export const eventSources = ['redis-stream', 'memory', 'webhook', 'replay'] as const
export type SourceName = (typeof eventSources)[number]
const outcomes = ['applied', 'dead', 'later', 'failed'] as const

export interface EventMetrics {
  readonly messages: Counter<'source' | 'outcome'>
  readonly gaps: Counter<'reason'>
  readonly staleness: Histogram<'source'>
}

/** Of what invalidates by events; `source` is asked for its state at each reading. */
export function eventMetrics(metrics: Metrics, source: EventSource | undefined): EventMetrics {
  if (source !== undefined) sourceGauges(metrics, () => source.status())
  return {
    messages: metrics.counter(
      'tidegate_events_total',
      'Messages with invalidations. later: tried again, because no zone or table was there. failed: a fault of this process.',
      { source: eventSources, outcome: outcomes },
    ),
    gaps: metrics.counter(
      'tidegate_events_gaps_total',
      'Messages that were lost before anybody read them; all that they could have meant was given up.',
      { reason: gapReasons satisfies readonly GapReason[] },
    ),
    staleness: metrics.histogram(
      'tidegate_events_staleness_seconds',
      'From when something changed, as its sender says or else when the source took the message, until nothing older is served here.',
      { source: eventSources },
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600],
    ),
  }
}

function sourceGauges(metrics: Metrics, status: () => SourceStatus): void {
  const of = (read: (status: SourceStatus) => number) => (gauge: Gauge) => gauge.set({}, read(status()))
  metrics.gauge(
    'tidegate_events_connected',
    'Whether the source of events answers: 1 or 0.',
    {},
    of(({ state }) => (state === 'reading' ? 1 : 0)),
  )
  metrics.gauge(
    'tidegate_events_lag',
    'Messages that nobody of this site has read.',
    {},
    of(({ lag }) => lag),
  )
  metrics.gauge(
    'tidegate_events_pending',
    'Messages that were read and are not finished.',
    {},
    of(({ pending }) => pending),
  )
  metrics.gauge(
    'tidegate_events_oldest_pending_seconds',
    'Age of the oldest message that was read and is not finished; 0: there is none.',
    {},
    of(({ oldestPendingMs }) => oldestPendingMs / 1_000),
  )
  metrics.gauge(
    'tidegate_events_dead',
    'Messages that could not be applied and wait for an operator.',
    {},
    of(({ dead }) => dead),
  )
}
