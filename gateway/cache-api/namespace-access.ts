import { namespace as ofResponses } from '../cache/response-cache.ts'
import { matchesNamespace } from '../store/namespace-pattern.ts'

export type CacheVerb = 'read' | 'write' | 'delete'

/** Somebody who uses the cache, and what for. */
export interface CacheClient {
  readonly client: string
  /** `shop`, `shop-*` or `*`. */
  readonly namespaces: readonly string[]
  readonly verbs: readonly CacheVerb[]
}

/** PORT: who asks. `undefined`: nobody we know. A throw: it could not be found out; the request fails. */
export type AuthenticateCacheClient = (request: {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}) => CacheClient | undefined | Promise<CacheClient | undefined>

/** Stored answers are no client's, whatever its pattern: who writes there answers for every service. */
export function mayUse(client: CacheClient, verb: CacheVerb, namespace: string): boolean {
  if (namespace === ofResponses) return false
  return client.verbs.includes(verb) && client.namespaces.some((pattern) => matchesNamespace(pattern, namespace))
}
