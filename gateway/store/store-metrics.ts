import type { Counter, Metrics } from '#server-kit/metrics.ts'
import type { Shipper } from './shipper.ts'

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
export function shippingMetrics(metrics: Metrics, shippers: readonly Shipper[]): void {
  const site = { site: shippers.map((shipper) => shipper.to) }
  const gauge = (name: string, help: string, of: (shipper: Shipper) => number): void => {
    metrics.gauge(name, help, site, (each) => {
      for (const shipper of shippers) each.set({ site: shipper.to }, of(shipper))
    })
  }
  gauge(
    'tidegate_cache_debt_deletes',
    'Deletes and other invalidations that the other site has not confirmed.',
    (s) => s.debt().deletes,
  )
  gauge('tidegate_cache_debt_seconds', 'Age of the oldest of them.', (s) => s.debt().oldestAgeMs / 1000)
  gauge('tidegate_cache_waiting_operations', 'Writes that wait for the other site.', (s) => s.lag().waiting)
  gauge('tidegate_cache_waiting_bytes', 'Bytes of the values among them.', (s) => s.lag().waitingBytes)
  gauge('tidegate_cache_lag_seconds', 'Age of the oldest of them.', (s) => s.lag().oldestAgeMs / 1000)
  gauge('tidegate_cache_dropped_sets', 'Values given up before they were shipped.', (s) => s.lag().droppedSets)
}
