import { murmur3 } from './bucket.ts'
import type { Condition } from './condition.ts'
import type { KeySource } from './placement.ts'
import type { EdgePolicy, RoutePolicy } from './policy.ts'
import type { RouteId, ServiceId, Site, StateScope, TableNumber, UnitId } from './vocabulary.ts'

/**
 * What the catalog says: sites, services and routes. It changes when the catalog does, not when a unit moves. Edges read
 * less of it than gateways: `P` and `S` say how much of each policy and service.
 */
export interface Structure<P extends EdgePolicy = RoutePolicy, S extends EdgeService = ServiceFacts> {
  readonly number: TableNumber
  /** Set by an operator who means to drop a large part of the routes at once; without it receivers refuse that. */
  readonly mayShrink: boolean
  /** Where a request goes that no route matches. */
  readonly defaultSite: Site
  readonly sites: readonly SiteFacts[]
  readonly hosts: readonly HostFacts[]
  readonly services: readonly S[]
  /** Sorted by pattern, host and methods, so that equal catalogs give equal bytes whatever the order of files. */
  readonly routes: readonly RouteFacts<P>[]
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
  /** The one exception to "an edge sets no cookie": clients get a signed key in one, for sources named `sticky`. */
  readonly stickyCookie?: true
}

/** The little of a service that an edge reads. */
export type EdgeService = Pick<ServiceFacts, 'id' | 'home'>

export interface ServiceFacts {
  readonly id: ServiceId
  readonly team: string
  readonly tier: 1 | 2 | 3
  readonly state: StateScope
  /** The owner of its units as long as no placement names another. */
  readonly home: Site
  readonly key: readonly KeySource[]
  readonly deployments: readonly DeploymentFacts[]
  /** Ways in which the service may read a path otherwise than we do; undefined = all of them, for who knows. */
  readonly pathReadings?: readonly PathReading[]
}

/**
 * `servlet`: without `;params` of each segment · `ignore-case` · `merge-slashes`: several are one · `decode-slash`: `%2F`
 * and `%5C` part segments · `dot-segments`: `.` and `..` are walked
 * · `trailing-slash`: one at the end is nothing.
 */
export type PathReading =
  | 'servlet'
  | 'ignore-case'
  | 'merge-slashes'
  | 'decode-slash'
  | 'dot-segments'
  | 'trailing-slash'

export interface DeploymentFacts {
  readonly site: Site
  /** Of the first instance; its host is what `host: preserve` does not send. */
  readonly url: string
  /** Further instances. */
  readonly more?: readonly string[]
  /** `each`: every address behind the name of `url` is an instance, looked up again as its TTL says. */
  readonly resolve?: 'each'
  /** Absent: least-request of two. `hash`: by the request's sticky key, so that one client stays with one instance. */
  readonly balance?: 'hash'
  /** Requests a second; undefined = not stated. */
  readonly capacity?: number
  /** Name written into Host; undefined = the client's own. */
  readonly host?: string
  /** `h2c`, `h2`: HTTP/2 without and with TLS, for gRPC; undefined = HTTP/1.1. */
  readonly protocol?: 'h2c' | 'h2'
  readonly tls?: DeploymentTls
  /** Asked for by GET while idle; undefined = only what traffic shows. */
  readonly health?: { readonly path: string; readonly everyMs: number }
  readonly maxInFlight?: number
}

/** Names are of `certificates` in the gateway's configuration: keys are never in a catalog. */
export interface DeploymentTls {
  readonly sni?: string
  /** Whose signature is believed; undefined = the well-known authorities. */
  readonly ca?: string
  /** What we show. */
  readonly certificate?: string
  /** Not verified at all; told in status and lint. */
  readonly insecure?: true
}

export interface RouteFacts<P extends EdgePolicy = RoutePolicy> {
  readonly id: RouteId
  readonly service: ServiceId
  readonly unit: UnitId
  /** Exact host or `*.example.com`; undefined = any host. */
  readonly host?: string
  readonly pattern: string
  /** Upper case and sorted; undefined = any method. */
  readonly methods?: readonly string[]
  /** All must hold, or the route does not match. Sorted, each source once. */
  readonly when?: readonly Condition[]
  readonly policy: P
}

/**
 * The id of a route: readable, and the same after unrelated changes of the catalog. Conditions are told by their sources
 * and a digest, as in `orders:GET:/v1/orders[country#1k2j3h]`: their values may be long.
 */
export function routeId(route: Pick<RouteFacts, 'service' | 'host' | 'pattern' | 'methods' | 'when'>): RouteId {
  const { service, methods, host = '', pattern, when } = route
  return `${service}:${methods?.join(',') ?? '*'}:${host}${pattern}${conditionsMark(when)}`
}

/** The last part of a route's id; empty without conditions. */
export function conditionsMark(when: RouteFacts['when']): string {
  if (when === undefined) return ''
  const said = JSON.stringify(when.map(({ from, test, value }) => [from, test, value]))
  return `[${when.map(({ from }) => from)}#${murmur3(new TextEncoder().encode(said)).toString(36)}]`
}
