import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import type { EdgeEvidence } from './edge/edge-evidence.ts'
import type { EdgePublishing } from './edge/edge-publishing.ts'
import type { Events } from './live/events.ts'
import type { ObservedTraffic } from './live/traffic.ts'
import type { Store } from './records.ts'
import type { SightingLedger } from './tables/adoption.ts'
import type { EdgeFeed } from './tables/edge-feed.ts'
import type { TableFeed } from './tables/feed.ts'
import type { Fleet } from './tables/fleet.ts'
import type { Members } from './tables/members.ts'
import type { Publisher } from './tables/publisher.ts'

/** What every slice works with; made once, by `app.ts`. Endpoints take the part that they need. */
export interface Plane {
  readonly store: Store
  readonly feed: TableFeed
  /** Behind `feed` by as long as gateways take to run what is new. */
  readonly edgeFeed: EdgeFeed
  readonly publisher: Publisher
  /** What gateways tell of how edges' requests fared. */
  readonly edgeEvidence: EdgeEvidence
  /** Undefined: no account of Cloudflare is configured. */
  readonly publishing: EdgePublishing | undefined
  readonly members: Members
  readonly sightings: SightingLedger
  readonly traffic: ObservedTraffic
  readonly events: Events
  readonly fleet: Fleet
  readonly background: Background
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly environment: string
  readonly version: string
  readonly startedAt: number
}
