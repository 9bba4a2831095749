import { bucketOf } from './bucket.ts'
import { type CanonicalTarget, canonicalTarget, unsafeBit } from './canonical-target.ts'
import type { Placement } from './placement.ts'
import type { EdgePolicy, RoutePolicy } from './policy.ts'
import type { RequestFacts } from './request-facts.ts'
import { stickyKey } from './sticky-key.ts'
import type { EdgeService, HostFacts, RouteFacts } from './structure.ts'
import type { EdgeTable, Table } from './table.ts'
import type { Bp, Bucket, Effect, Epoch, Site } from './vocabulary.ts'

/** Why a request is served where it is; closed, so that it can be a metric label. */
export type Because =
  /** No move is under way: the owner. */
  | 'steady'
  /** No placement was ever made: the service's home. */
  | 'home'
  /** A move is under way, and this request's share is still all at the owner. */
  | 'not-yet'
  /** The whole share has moved. */
  | 'all-moved'
  /** The bucket is below the share: moved. */
  | 'bucket-moved'
  | 'bucket-stays'
  /** No sticky key: the owner, never a bucket. */
  | 'no-key'
  /** A target that could be read as another path: the owner, never by bucket. */
  | 'unsafe-target'
  | 'no-route'

export interface Decision<P extends EdgePolicy = RoutePolicy> {
  readonly site: Site
  readonly because: Because
  readonly target: CanonicalTarget
  readonly host: HostFacts | undefined
  readonly route: RouteFacts<P> | undefined
  /** Of the route in the structure, -1 without one: `trie.parameters` takes it. */
  readonly position: number
  readonly effect: Effect
  /** 0 when the unit has no placement. */
  readonly epoch: Epoch
  readonly bucket: Bucket | undefined
  /** Neither host nor route allow such a target: edge and gateway answer 400 `target-unsafe`. */
  readonly refused: boolean
}

/**
 * Which site serves a request, and why. The only code that decides: edge, gateways, explain and dry runs call it.
 * Pure and total: any bytes get exactly one decision.
 */
export function decide<P extends EdgePolicy>(table: Table<P, EdgeService>, facts: RequestFacts): Decision<P> {
  const target = canonicalTarget(facts.target)
  const name = hostName(facts.host)
  const host = hostOf(table.index, name)
  const effect = effectOfMethod(facts.method)
  const found = table.index.trie.match(host?.name ?? name, target.key, facts.method, facts)
  const route = found < 0 ? undefined : table.structure.value.routes[found]
  const unsafe = route === undefined ? target.unsafe : unsafeFor(route.policy, target)
  const refused = unsafe !== 0 && host?.unsafeTargets !== 'observe'
  // Field by field: spread objects cost a tenth of a whole decision.
  if (route === undefined) {
    const site = host?.defaultSite ?? table.structure.value.defaultSite
    return {
      site,
      because: 'no-route',
      target,
      host,
      route,
      position: -1,
      effect,
      epoch: 0,
      bucket: undefined,
      refused,
    }
  }
  const routeEffect = route.policy.effect ?? effect
  const { site, because, epoch, bucket } = place(table, facts, route, found, unsafe === 0, target, routeEffect)
  return { site, because, target, host, route, position: found, effect: routeEffect, epoch, bucket, refused }
}

/** GET, HEAD, OPTIONS and QUERY read; whatever else may write. */
export function effectOfMethod(method: string): Effect {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'QUERY' ? 'read' : 'write'
}

/** Lower case, without port and trailing dot. An IPv6 literal keeps its brackets. */
export function hostName(host: string): string {
  const lower = host.toLowerCase()
  const colon = lower.lastIndexOf(':')
  const name = colon > lower.lastIndexOf(']') ? lower.slice(0, colon) : lower
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** What is unsafe about a target for a route: not what its service is known to want. Mask as in `CanonicalTarget`. */
export function unsafeFor({ accepts = [] }: EdgePolicy, { unsafe }: CanonicalTarget): number {
  let left = unsafe
  if (left !== 0) for (const accepted of accepts) left &= ~unsafeBit(accepted)
  return left
}

function hostOf(index: EdgeTable['index'], name: string): HostFacts | undefined {
  return index.hosts.get(name) ?? index.wildcardHosts.find((host) => name.endsWith(host.name.slice(1)))
}

type Placed = Pick<Decision, 'site' | 'because' | 'epoch' | 'bucket'>

function place(
  table: EdgeTable,
  facts: RequestFacts,
  route: RouteFacts<EdgePolicy>,
  found: number,
  safe: boolean,
  target: CanonicalTarget,
  effect: Effect,
): Placed {
  const placement = table.placementOf.get(route.unit)
  if (placement === undefined) return { site: homeOf(table, route), because: 'home', epoch: 0, bucket: undefined }
  const { owner, epoch, moving } = placement
  const stays = (because: Because, bucket?: Bucket): Placed => ({ site: owner, because, epoch, bucket })
  if (moving === undefined) return stays('steady')
  // What may be read as another unit's path is never split: the owner has always served it.
  if (!safe) return stays('unsafe-target')
  const share: Bp = effect === 'read' ? moving.reads : moving.writes
  if (share === 0) return stays('not-yet')
  if (share === 10_000) return { site: moving.to, because: 'all-moved', epoch, bucket: undefined }
  const key = keyOf(table, facts, placement, found, target)
  if (key === undefined) return stays('no-key')
  const bucket = bucketOf(placement.cohort, key)
  return bucket < share ? { site: moving.to, because: 'bucket-moved', epoch, bucket } : stays('bucket-stays', bucket)
}

/** The sticky key of a request under a placement; undefined: none of its sources is present. `found` as in `Decision.position`. */
export function keyOf(
  table: EdgeTable,
  facts: RequestFacts,
  placement: Placement,
  found: number,
  target: CanonicalTarget,
): string | undefined {
  for (const source of placement.key) {
    const key = stickyKey(source, facts, () => table.index.trie.parameters(found, target.key))
    if (key !== undefined) return key
  }
  return undefined
}

function homeOf(table: EdgeTable, route: RouteFacts<EdgePolicy>): Site {
  return table.index.services.get(route.service)?.home ?? table.structure.value.defaultSite
}
