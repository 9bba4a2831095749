import type { Counter, Metrics } from '#server-kit/metrics.ts'
import type { Shipper } from '../replication/shipper.ts'
import type { Silence } from '../replication/silence.ts'

/** What the store counts. Never by key, tag or namespace: those have no bound. */
export interface StoreMetrics {
  readonly reads: Counter<'zone' | 'result'>
  readonly writes: Counter<'zone' | 'result'>
}

/** Defines the metrics of the store once in a process; `zones` are the configured names. */
export function storeMetrics(metrics: Metrics, zones: readonly string[]): StoreMetrics {
  return {
    reads: metrics.counter('tidegate_zone_reads_total', 'Reads of a cache zone by their result.', {
      zone: zones,
      result: [
        'hit',
        'absent',
        'expired',
        'tombstone',
        'invalidated',
        'tag-missing',
        'timeout',
        'refused',
        'closed',
        'protocol',
        'overload',
        'unreadable',
      ],
    }),
    writes: metrics.counter('tidegate_zone_writes_total', 'Writes to a cache zone by their outcome.', {
      zone: zones,
      result: ['stored', 'older', 'exists', 'absent', 'deleted', 'not-found', 'applied', 'failed'],
    }),
  }
}

/** Tells, each time the metrics are read, what waits for each other site. */
export function shippingMetrics(metrics: Metrics, sites: readonly string[], shippers: Iterable<Shipper>): void {
  const gauge = (
    name: string,
    help: string,
    of: (shipper: Shipper) => number,
    join: (a: number, b: number) => number = (a, b) => a + b,
  ): void => {
    metrics.gauge(name, help, { site: sites }, (each) => {
      const values = new Map(sites.map((site) => [site, 0]))
      for (const shipper of shippers) values.set(shipper.to, join(values.get(shipper.to) ?? 0, of(shipper)))
      for (const [site, value] of values) each.set({ site }, value)
    })
  }
  gauge(
    'tidegate_cache_debt_deletes',
    'Deletes and other invalidations that the other site has not confirmed.',
    (s) => s.debt().deletes,
  )
  gauge('tidegate_cache_debt_seconds', 'Age of the oldest of them.', (s) => s.debt().oldestAgeMs / 1000, Math.max)
  gauge(
    'tidegate_cache_debt_dirty',
    'Namespaces whose invalidations found no room in the journal, and that the other site has still to give up.',
    (s) => s.debt().dirty.length,
  )
  gauge('tidegate_cache_waiting_operations', 'Writes that wait for the other site.', (s) => s.lag().waiting)
  gauge('tidegate_cache_waiting_bytes', 'Bytes of them.', (s) => s.lag().waitingBytes)
  gauge('tidegate_cache_lag_seconds', 'Age of the oldest of them.', (s) => s.lag().oldestAgeMs / 1000, Math.max)
  gauge(
    'tidegate_cache_dropped_sets',
    'Values given up before they were shipped; deletes were shipped in their place.',
    (s) => s.lag().droppedSets,
    Math.max,
  )
}

/** Tells, each time the metrics are read, how the writers of other sites are heard. */
export function silenceMetrics(metrics: Metrics, silence: Pick<Silence, 'known'>): void {
  const states = ['heard', 'silent', 'behind'] as const
  metrics.gauge(
    'tidegate_cache_writers',
    'Processes of other sites that write here: heard, silent, or heard again and not yet caught up with.',
    { state: states },
    (gauge) => {
      const known = silence.known()
      for (const state of states) gauge.set({ state }, known.filter((writer) => writer.state === state).length)
    },
  )
}

/** Tells, each time the metrics are read, how many deletes late writes are judged by. */
export function recentDeletesMetric(metrics: Metrics, deletes: { readonly size: number }): void {
  metrics.gauge(
    'tidegate_cache_recent_deletes',
    'Deletes of the last 15 minutes, by which writes that come late are judged.',
    {},
    (gauge) => gauge.set({}, deletes.size),
  )
}
