/** What the cache policy talks about. Pure: no I/O, no clock, no Node API; every function of this folder is total. */

/** What it sees of a request: fields as the client sent them, raw pairs, flat. */
export interface CacheRequest {
  readonly method: string
  readonly headers: readonly string[]
  /** Lower-case name of each field of `headers`. */
  readonly names: readonly string[]
}

export interface CacheResponse {
  readonly status: number
  readonly reason: string
  readonly headers: readonly string[]
}

/** When the fetch began and when its head arrived, Unix ms. */
export interface FetchTimes {
  readonly requestMs: number
  readonly responseMs: number
}

/** What was found out about an answer's freshness when it was stored; seconds. RFC 9111 section 4.2. */
export interface Freshness {
  readonly lifetimeS: number
  /** Corrected initial age: how old it was when it came. */
  readonly initialAgeS: number
  /** Windows past the lifetime; 0 = none. RFC 5861. */
  readonly staleWhileRevalidateS: number
  readonly staleIfErrorS: number
  /** Never without asking first (`no-cache`). */
  readonly validateAlways: boolean
  /** Never stale, whatever a route or request says (R2). */
  readonly neverStale: boolean
  /** The service wrote a window that its own s-maxage forbids (R7): told to operators. */
  readonly windowForbidden: boolean
}

/** The part of a whole that a 206 brought (G3). */
export interface PartOf {
  readonly first: number
  readonly last: number
  readonly total: number
}

/** A stored answer without its body. */
export interface Entry {
  readonly status: number
  readonly reason: string
  /** End-to-end fields, byte for byte; with Date, without Age. */
  readonly headers: readonly string[]
  readonly requestMs: number
  readonly responseMs: number
  readonly freshness: Freshness
  /** Names of its own Vary: lower case, sorted, without duplicates. */
  readonly vary: readonly string[]
  /** Fields that no reuse without validation may show (`no-cache="a"`), lower case. */
  readonly guarded: readonly string[]
  /** Tags and groups that the service gave it (N4, N5), each with its kind: `t:order:1`, `g:` for groups. */
  readonly tags: readonly string[]
  readonly part?: PartOf
  /** A failure kept for a while (E1). */
  readonly negative?: true
}

/** By what a service can be asked whether a stored answer still holds (R1, V7): as it was sent, byte for byte. */
export interface Validators {
  readonly etag?: string
  readonly lastModified?: string
  /** When the answer came or was stored, Unix ms: of several the newest counts. */
  readonly storedMs: number
}

/** Why an answer is not stored: closed, for metrics, Cache-Status and explain. */
export const refusals = [
  'method',
  'status',
  'no-store',
  'request-no-store',
  'private',
  'vary-any',
  'vary-too-many',
  'must-understand',
  'precondition',
  'not-cacheable',
  'no-lifetime',
  'set-cookie',
  'cookie',
  'authorization',
  'connection-names',
  'too-many-tags',
  'too-large',
  'incomplete',
  'surplus',
  'trailers',
  'unsafe-target',
  'busy',
] as const
export type Refusal = (typeof refusals)[number]

/** What the policy needs to know of a request beside its fields: compiled once a route, and a few facts of the request. */
export interface CacheRules {
  readonly strict: boolean
  /** Route's times, seconds; undefined = none given. All of them undefined under `strict`. */
  readonly ttlS: number | undefined
  readonly override: boolean
  readonly staleWhileRevalidateS: number | undefined
  readonly staleIfErrorS: number | undefined
  /** Seconds by status; `connect` for a service that could not be reached. Empty = none. */
  readonly negative: ReadonlyMap<number | 'connect', number>
  /** Lower case, in order (T1). */
  readonly targeted: readonly string[]
  readonly dropSetCookie: boolean
  readonly ignoreCookies: boolean
  /** Names of cookies that are in the key: they are accounted for by it, and no others. */
  readonly keyedCookies: readonly string[]
}

/** Facts of one request that its fields do not tell. */
export interface CallerFacts {
  /** It carried Authorization, or a credential that the gateway accepted by any means (AU1). */
  readonly authenticated: boolean
  /** The identity is part of the key (`per: consumer|token`, and there is one): AU2 may apply. */
  readonly ownKey: boolean
  /** Its request directives are honoured (Q1). */
  readonly directs: boolean
}
