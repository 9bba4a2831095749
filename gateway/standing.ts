import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import type { AccessLog } from './account/access-log.ts'
import type { TrafficCounters } from './account/counters.ts'
import type { MarkCounts } from './account/mark-counts.ts'
import type { SiteCache } from './cache/site-cache.ts'
import type { Adoption } from './fence/adoption.ts'
import type { TableHolder } from './fence/table-holder.ts'
import type { TunnelPlaces } from './front/tunnel-places.ts'

/** What lives as long as the process, whatever its configuration becomes: phases find it here. */
export interface Standing {
  readonly site: string
  /** Name of this process. */
  readonly instance: string
  readonly version: string
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  readonly background: Background
  /** The whole registry; what a generation defines goes through its own view. */
  readonly metrics: Metrics
  readonly holder: TableHolder
  /** Undefined when no zone is configured. */
  readonly cache: SiteCache | undefined
  readonly adoption: Adoption
  readonly traffic: TrafficCounters
  readonly marks: MarkCounts
  readonly accessLog: AccessLog
  readonly places: TunnelPlaces
  /** Requests under way in this process. */
  readonly inFlight: () => number
}
