import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Stamp, ZoneStore } from './cache-store.ts'
import type { RecentDeletes } from './recent-deletes.ts'
import type { SharedZoneState } from './shared-zone-state.ts'
import type { StoreMetrics } from './store-metrics.ts'
import type { WriteAck } from './write-ack.ts'

export interface ZonedStoreOptions {
  /** Nearest first. */
  readonly zones: readonly ZoneStore[]
  readonly writeAck: WriteAck
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  readonly metrics?: StoreMetrics
  /** A stamp above all that this process gave. */
  readonly newStamp: () => Stamp
  /** What the processes of the site tell one another of the zones; default: there is no other, and nothing outlives this one. */
  readonly shared?: SharedZoneState
  /** False for a namespace of which another site may have deleted something that is not known here. Default: none. */
  readonly mayRead?: (namespace: string) => boolean
  /** For reading one zone, ms; default 10. */
  readonly readDeadlineMs?: number
  /** Deletes and invalidations that a zone can owe; default 100,000. */
  readonly owedLimit?: number
  /** Deletes of the last 15 minutes that late writes are judged by. */
  readonly recentDeletes?: Pick<RecentDeletes, 'note' | 'judge'>
}
