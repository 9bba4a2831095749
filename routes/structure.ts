import type { KeySource } from './placement.ts'
import type { Effect, RouteId, ServiceId, Site, StateScope, TableNumber, UnitId } from './vocabulary.ts'

/** What the catalog says: sites, services and routes. It changes when the catalog does, not when a unit moves. */
export interface Structure {
  readonly number: TableNumber
  /** Set by an operator who means to drop a large part of the routes at once; without it receivers refuse that. */
  readonly mayShrink: boolean
  /** Where a request goes that no route matches. */
  readonly defaultSite: Site
  readonly sites: readonly SiteFacts[]
  readonly hosts: readonly HostFacts[]
  readonly services: readonly ServiceFacts[]
  /** Sorted by pattern, host and methods, so that equal catalogs give equal bytes whatever the order of files. */
  readonly routes: readonly RouteFacts[]
}

export interface SiteFacts {
  readonly name: Site
  readonly provider: string
  readonly country: string
  readonly region: string
  /** URL of the site's public listener as an edge and the other sites' gateways reach it. */
  readonly origin: string
}

export interface HostFacts {
  /** Lower case, no port, no trailing dot; `*.example.com` for a whole zone. */
  readonly name: string
  /** Other exact names that are routed as this one. */
  readonly aliases: readonly string[]
  readonly unsafeTargets: 'reject' | 'observe'
  readonly defaultSite?: Site
}

export interface ServiceFacts {
  readonly id: ServiceId
  readonly team: string
  readonly tier: 1 | 2 | 3
  readonly state: StateScope
  /** The owner of its units as long as no placement names another. */
  readonly home: Site
  readonly key: readonly KeySource[]
  readonly deployments: readonly DeploymentFacts[]
}

export interface DeploymentFacts {
  readonly site: Site
  readonly url: string
  /** Requests a second; undefined = not stated. */
  readonly capacity?: number
}

export interface RouteFacts {
  readonly id: RouteId
  readonly service: ServiceId
  readonly unit: UnitId
  /** Exact host or `*.example.com`; undefined = any host. */
  readonly host?: string
  readonly pattern: string
  /** Upper case and sorted; undefined = any method. */
  readonly methods?: readonly string[]
  readonly policy: RoutePolicy
}

/** What routes share in large numbers: each distinct policy is shipped once. */
export interface RoutePolicy {
  /** Overrides what the method says: a GET with side effects, a search by POST. */
  readonly effect?: Effect
  readonly trailingSlash?: 'ignore'
  /** `public` = no token; else a valid token with all these scopes. */
  readonly auth: 'public' | { readonly scopes: readonly string[] }
  readonly cache?: CachePolicy
  readonly timeout: { readonly connectMs: number; readonly firstByteMs: number; readonly totalMs: number }
  readonly maxBodyBytes: number
}

export interface CachePolicy {
  readonly ttlMs: number
  readonly staleWhileRevalidateMs: number
  /** Templates over path parameters: `order:{id}`. */
  readonly tags: readonly string[]
  /** Request headers that select a variant; lower case. */
  readonly vary: readonly string[]
  /** `consumer` = one entry an identity; without it an authenticated answer is stored only if it says `public`. */
  readonly per?: 'consumer'
}

/** The id of a route: readable, and the same after unrelated changes of the catalog. */
export function routeId(route: Pick<RouteFacts, 'service' | 'host' | 'pattern' | 'methods'>): RouteId {
  return `${route.service}:${route.methods?.join(',') ?? '*'}:${route.host ?? ''}${route.pattern}`
}
