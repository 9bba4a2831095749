import type { Bp, Effect } from './vocabulary.ts'

/**
 * What a route asks of whoever serves it. The catalog writes it, the compiler turns texts into numbers, a structure ships
 * each distinct policy once. Optional keys are absent where the catalog is silent: absent is the default told here.
 */

/** The little of a policy that an edge reads: what deciding needs, and how long to wait. */
export interface EdgePolicy {
  readonly timeout: TimeoutPolicy
  /** Overrides what the method says: a GET with side effects, a search by POST. */
  readonly effect?: Effect
  readonly trailingSlash?: 'ignore'
  /** Classes of unsafe targets that the service is known to want, under a host that refuses them. */
  readonly accepts?: readonly AcceptedTarget[]
  /** An answer without end, such as an event stream: no `total`, no retry, nothing is held back. */
  readonly stream?: true
  /** No service is asked. The gateway answers by itself; edges know of `maintenance` alone, and give that answer too. */
  readonly answer?: AnswerPolicy
}

export type AcceptedTarget = 'encoded-slash' | 'double-slash'

export interface RoutePolicy extends EdgePolicy {
  readonly auth: 'public' | AuthPolicy
  readonly cache?: CachePolicy
  readonly maxBodyBytes: number
  /** Protocols that a client may change to. */
  readonly upgrade?: readonly 'websocket'[]
  /** Informational answers (102, 103) go on to direct clients; an edge never gets one. */
  readonly earlyHints?: true
  /** Refuse bodies of GET, HEAD, OPTIONS and DELETE; absent: they are forwarded. */
  readonly bodyWithoutMeaning?: 'refuse'
  readonly retry?: RetryPolicy
  readonly limits?: LimitsPolicy
  /** CIDRs of clients. `deny` goes first; with `allow` all others are denied. */
  readonly addresses?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] }
  readonly cors?: CorsPolicy
  readonly compress?: CompressPolicy
  readonly rewrite?: RewritePolicy
  readonly validate?: ValidatePolicy
}

export interface AuthPolicy {
  /** All of them. */
  readonly scopes: readonly string[]
  /** Which kinds of credential are taken; absent: opaque tokens alone. */
  readonly any?: readonly CredentialKind[]
}

export type CredentialKind = 'token' | 'api-key' | 'jwt'

export interface TimeoutPolicy {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly totalMs: number
  /** Between two pieces of a body, in each direction; of a tunnel, without a byte. Absent: 15 s; a tunnel: 1 h. */
  readonly idleMs?: number
}

/** Every key but `query` names fields: those that differ make entries that differ. */
export interface CacheKeyPolicy {
  /** Which query parameters are part of the key. Absent: the raw query, order and duplicates significant. */
  readonly query?: 'none' | { readonly only: readonly string[] } | { readonly except: readonly string[] }
  /** Parameters are put in order first: the order that clients write them in makes no difference. */
  readonly sort?: true
  /** Request headers; lower case, sorted. */
  readonly headers?: readonly string[]
  /** Names of cookies; sorted. */
  readonly cookies?: readonly string[]
}

/** How long failures are kept, ms, where the answer itself states nothing. */
export interface NegativePolicy {
  /** By status: `404`, `405`, `410`, `414`, and `5xx` for 500, 502, 503 and 504. */
  readonly statuses: Readonly<Record<string, number>>
  /** The service could not be reached. */
  readonly connectMs?: number
}

export interface CachePolicy {
  /** `strict`: what the RFCs allow and nothing of the operator's own. `api`: safer defaults, and the operator's times count. */
  readonly profile: 'api' | 'strict'
  /** Freshness where the service states none. */
  readonly ttlMs?: number
  /** `ttlMs` and the two stale windows also replace what the service states; never a prohibition. */
  readonly override?: true
  readonly staleWhileRevalidateMs?: number
  readonly staleIfErrorMs?: number
  /** Whose an entry is. Never `everyone` on a route with auth, but where the catalog says `sharedWhenPublic`. */
  readonly per: 'everyone' | 'consumer' | 'token'
  readonly key: CacheKeyPolicy
  /** Templates: `order:{id}`, `{query.x}`, `{consumer}`. */
  readonly tags: readonly string[]
  readonly negative?: NegativePolicy
  /** Absent: 1 MiB. */
  readonly maxBodyBytes?: number
  /** Targeted fields (RFC 9213) in order, lower case. Absent: the site's. */
  readonly targeted?: readonly string[]
  /** Answers with Set-Cookie are stored without it. */
  readonly dropSetCookie?: true
  /** What the service sets by cookies does not depend on the cookies that it got. */
  readonly ignoreCookies?: true
  /** Surrogate-Key and Cache-Tag go on to clients. */
  readonly forwardTags?: true
  /** Absent: requests for one key wait for one another in a process. */
  readonly coalesce?: 'site'
  /** Path segments by which prefixes can be purged, 0..8. Absent: 4. */
  readonly prefixDepth?: number
  /** Never kept in the process' own memory. */
  readonly memory?: 'off'
  /** What this site does not have is asked of the other one's cache before the service. */
  readonly warm?: 'pull'
}

/** `unsent`, `reset` and `stale` are what the connection did; numbers are answers of the service. */
export type RetryCause = 'unsent' | 'reset' | 'stale' | 502 | 503 | 504

export interface RetryPolicy {
  /** Absent: unsent, reset, stale. */
  readonly on?: readonly RetryCause[]
  /** The service executes one request twice as once, whatever its method. */
  readonly idempotent?: true
  /** The header that makes it so; lower case. */
  readonly keyHeader?: string
  /** Never a second try. */
  readonly never?: true
}

/** `count` requests in `windowMs`, of which `burst` (absent: `count`) may come at once. */
export interface Rate {
  readonly count: number
  readonly windowMs: number
  readonly burst?: number
}

export interface LimitsPolicy {
  /** Before anybody is asked who calls. */
  readonly perAddress?: Rate
  readonly perConsumer?: Rate
  /** All requests of the route at one site. */
  readonly perRoute?: Rate
  /** Of a consumer, over a calendar day or month (UTC). */
  readonly quota?: { readonly count: number; readonly per: 'day' | 'month' }
  readonly maxInFlight?: number
  /** Counted in Redis for the site, or by each process. Absent: `site` where the gateway has a Redis for limits. */
  readonly scope?: 'site' | 'process'
  /** When Redis does not answer; absent: `open`, by a local limit. */
  readonly whenAway?: 'open' | 'closed'
}

export interface CorsPolicy {
  /** Exact origins, `https://*.example.com`, or the one word `*`. */
  readonly origins: readonly string[]
  /** Absent: those of the route. */
  readonly methods?: readonly string[]
  readonly headers?: readonly string[]
  readonly exposes?: readonly string[]
  /** Never with the origin `*`. */
  readonly credentials?: true
  readonly maxAgeMs?: number
}

export interface CompressPolicy {
  /** In order of preference. */
  readonly codings: readonly ('br' | 'gzip' | 'zstd')[]
  /** Media types, `text/*` for a whole kind. */
  readonly types: readonly string[]
  readonly minBytes: number
}

/** Edits of headers. Values may hold `{name}` of path parameters, `{claim.name}` and `{request.id}`. */
export interface HeaderEdits {
  readonly set?: Readonly<Record<string, string>>
  readonly add?: Readonly<Record<string, string>>
  readonly remove?: readonly string[]
}

export interface RewritePolicy {
  readonly request?: HeaderEdits
  readonly response?: HeaderEdits
  /** Taken from the front of the path; a request that lacks it never matched. */
  readonly stripPrefix?: string
  readonly addPrefix?: string
  /** The whole path anew, with `{name}` of the pattern's parameters, and `{rest}` of its tail. */
  readonly path?: string
  readonly query?: { readonly set?: Readonly<Record<string, string>>; readonly remove?: readonly string[] }
}

export type AnswerPolicy =
  | {
      readonly kind: 'redirect'
      readonly status: 301 | 302 | 303 | 307 | 308
      /** Absolute URL or path, with `{name}` of parameters. */
      readonly to: string
      readonly keepQuery?: true
    }
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
      readonly contentType?: string
    }
  /** 503 with Retry-After; JSON or HTML, by Accept. */
  | { readonly kind: 'maintenance'; readonly retryAfterMs: number; readonly message?: string }

export type AnswerOf<Kind extends AnswerPolicy['kind']> = Extract<AnswerPolicy, { kind: Kind }>

export interface ValidatePolicy {
  /** JSON Schema (2020-12, the dialect of OpenAPI 3.1) of the JSON body; absent: any body. */
  readonly body?: object
  /** A body must be there. */
  readonly bodyRequired?: true
  /** Of query parameters, and of path parameters by name. */
  readonly query?: Readonly<Record<string, ParameterRule>>
  readonly path?: Readonly<Record<string, ParameterRule>>
  readonly headers?: Readonly<Record<string, ParameterRule>>
  /** `observe` counts what `refuse` (the default) would answer with 400. */
  readonly mode?: 'observe'
}

export interface ParameterRule {
  readonly schema: object
  readonly required?: true
}

/** What may be a copy of a unit's safe requests at another site. */
export interface Shadow {
  readonly to: string
  /** Share of the clients, by bucket. */
  readonly sample: Bp
  /** Share of the copies that are sent a second time, to learn what differs by itself. */
  readonly again: Bp
  /** Of one process; of one isolate at the edge. */
  readonly maxInFlight: number
  /** Who copies. Absent: the owner's gateway, which compares both answers. `edge`: each edge, only to warm the other site. */
  readonly at?: 'edge'
}
