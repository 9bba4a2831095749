import type { CachePolicy, RoutePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { decideRequest } from '../../../gateway/intake/decide-request.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf, type RequestLine } from '../exchange.ts'

/** Decided requests of routes with a cache policy, for tests of keys, tags and stored answers. */

export const cachePolicy: CachePolicy = { profile: 'api', ttlMs: 60_000, per: 'everyone', key: {}, tags: [] }

type Facts = Partial<Omit<RouteFacts, 'policy'>> & { readonly policy?: Partial<RoutePolicy> }

export function cachedRoute(pattern: string, cache: Partial<CachePolicy> = {}, facts: Facts = {}) {
  return route(pattern, { ...facts, policy: { ...policy, ...facts.policy, cache: { ...cachePolicy, ...cache } } })
}

export const tableWith = (...routes: RouteFacts[]): Promise<Table> => tableOf(structure(routes), placementSet([]))

export interface Asked extends RequestLine {
  readonly headers?: readonly string[]
  readonly scheme?: 'http' | 'https'
  readonly consumer?: string
  readonly credential?: string
}

/** A request as it reaches the cache. */
export function asked(
  table: Table,
  { headers = [], scheme = 'https', consumer, credential, ...line }: Asked,
): Exchange {
  const x = exchangeOf(headers, line)
  x.scheme = scheme
  decideRequest(x, table)
  if (consumer !== undefined) {
    x.caller = { consumer, scopes: [] }
    x.credential = credential ?? `token of ${consumer}`
  }
  return x
}

/** The route that was decided, and its policy. */
export function ofRoute(x: Exchange): { readonly route: RouteFacts; readonly policy: CachePolicy } {
  const found = x.decision?.route
  if (found?.policy.cache === undefined) throw new Error(`no route with a cache for ${x.target}`)
  return { route: found, policy: found.policy.cache }
}
