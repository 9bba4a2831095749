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
  /** Words that were applied, by kind. */
  readonly words: Readonly<Record<string, number>>
  /** `journaled`: it waits to be taken there, as invalidation debt. */
  readonly sites: Readonly<Record<string, 'applied' | 'journaled'>>
}
