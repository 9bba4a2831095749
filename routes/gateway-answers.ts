/** What a gateway's internal API tells operators: shapes that its callers share. */

/** One oddity of one route's traffic. */
export interface FeatureRow {
  readonly feature: string
  readonly count: number
  /** Of the route's requests: 0..1. */
  readonly share: number
  /** Ms since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Method and path, with values blotted out. */
  readonly examples: readonly string[]
}

/** `GET /gateway/v1/recorder`: what the traffic of one route uses, as this process saw it since its start. */
export interface RouteRecord {
  readonly route: string
  readonly unit: string
  readonly host: string
  readonly requests: number
  readonly largestRequestBytes: number
  readonly largestAnswerBytes: number
  readonly longestMs: number
  readonly features: readonly FeatureRow[]
}

/** What one idle connection showed of the hop behind a gateway. */
export interface HopProbe {
  readonly connectMs: number
  /** To the end of the answer's head; undefined: none came. */
  readonly firstByteMs?: number
  readonly status?: number
  /** `Keep-Alive: timeout` of the answer, ms. */
  readonly saysIdleMs?: number
  /** After which idle time it closed, ms; undefined: it was still open when we stopped waiting. */
  readonly closedAfterMs?: number
  readonly failed?: string
}

/** `GET /gateway/v1/hops?watch=5s` */
export interface HopsAnswer {
  /** How long the public listener keeps idle connections, ms: longer than whatever is in front. */
  readonly keepAliveMs: number
  readonly instances: readonly ProbedInstance[]
  /** Instances beyond the limit of one call. */
  readonly leftOut: number
}

export interface ProbedInstance {
  readonly service: string
  readonly id: string
  /** How long the gateway uses an idle connection to it, ms. */
  readonly idleMs: number
  readonly probe: HopProbe
}

/** Words of one invalidation, all kinds together. */
export const invalidationWordLimit = 1_000

/**
 * Body of `POST /cache/v1/{namespace}:invalidate`: whatever any of the words names. `keys` are of programs that keep values
 * under keys of their own; `urls`, `prefixes`, `groups` and `routes` are of a service's answers.
 */
export interface CacheInvalidation {
  readonly urls?: readonly string[]
  /** `api.example.com/v1/orders`: host, port where it is none of the usual, and whole segments. */
  readonly prefixes?: readonly string[]
  readonly tags?: readonly string[]
  readonly groups?: readonly string[]
  readonly routes?: readonly string[]
  readonly keys?: readonly string[]
  readonly all?: boolean
  /** Seconds for which what was hit stays of use as stale; absent: it is gone at once. */
  readonly soft?: number
  readonly reason?: string
}

/** What a gateway answers once the invalidation is durable at its site. */
export interface CacheInvalidated {
  /** Unsigned 64 bit, in decimal: nothing with a lower one is served any more. */
  readonly stamp: string
  readonly keys: number
  readonly tags: number
  /** Words that were applied, by kind. */
  readonly words: Readonly<Record<string, number>>
  /** `journaled`: it waits to be taken there, as invalidation debt. */
  readonly sites: Readonly<Record<string, 'applied' | 'journaled'>>
}

/** `GET /gateway/v1/cache/zones`: what one process knows of the zones of its site. */
export interface CacheZonesAnswer {
  readonly zones: readonly CacheZoneRow[]
}

export interface CacheZoneRow {
  readonly zone: string
  /** `ZoneHealth` in the gateway says what each means. */
  readonly state: string
  /** Deletes and other invalidations that this process owes to it. */
  readonly owed: number
  /** Ms since 1970: nothing that was written before is served from it. Absent: no such limit. */
  readonly emptySince?: number
}

/** `GET /gateway/v1/cache/item?ns=&key=`: where a key lies, and what is there. */
export interface CacheItemAnswer {
  readonly namespace: string
  readonly key: string
  readonly zones: readonly CacheItemRow[]
}

export interface CacheItemRow {
  readonly zone: string
  /** Who keeps the key in that zone. */
  readonly node: string
  /** `hit`, or why there is none. */
  readonly result: string
  /** Unsigned 64 bit, in decimal. Of the value, or of what took it away. */
  readonly stamp?: string
  /** Ms since 1970: when the stamp was taken. */
  readonly stampedAt?: number
  /** Seconds left; absent: no end, or no value. */
  readonly ttl?: number
  readonly bytes?: number
  readonly flags?: number
  readonly contentType?: string
  readonly tags?: readonly string[]
  /** Ms since 1970: it is stale since. */
  readonly staleSince?: number
}

/** `GET /gateway/v1/cache/warmth?ns=&from=`: of the keys that were hit at other sites in the last hour, how many are here. */
export interface CacheWarmthAnswer {
  readonly namespace: string
  readonly sites: readonly CacheWarmthRow[]
}

export interface CacheWarmthRow {
  readonly from: string
  readonly sampled: number
  readonly present: number
  /** 0..1; absent: nothing was hit there. */
  readonly share?: number
  /** It did not answer. */
  readonly away?: true
}

/** `GET /gateway/v1/events`: how far one process, and the site, are with events that invalidate. */
export interface EventsAnswer {
  readonly instance: string
  readonly source: string
  /** `away`: the source does not answer, and what follows is what was seen last. */
  readonly state: 'reading' | 'away'
  /** Ms since 1970, of the state. */
  readonly since: number
  /** Messages that the source keeps, nobody has read, are read and not finished, could not be applied. */
  readonly length: number
  readonly lag: number
  readonly pending: number
  readonly dead: number
  readonly oldestPendingMs: number
  readonly consumers: readonly { readonly name: string; readonly pending: number; readonly idleMs: number }[]
  readonly replay?: EventReplay
}

/** `POST /gateway/v1/events/replay` `{ from, to }`, ms since 1970: answered when it has begun. */
export interface EventReplay {
  readonly from: number
  readonly to: number
  readonly state: 'running' | 'done' | 'failed'
  readonly applied: number
  /** Messages that could not be applied this time. */
  readonly failed: number
}

/** `GET /gateway/v1/events/dead`: the newest hundred. */
export interface DeadEventsAnswer {
  readonly dead: readonly DeadEventRow[]
}

export interface DeadEventRow {
  readonly id: string
  /** Its id in the stream, when it came. */
  readonly was: string
  readonly because: string
  readonly deliveries: number
  /** Absent: it was too long to be kept. */
  readonly text?: string
}
