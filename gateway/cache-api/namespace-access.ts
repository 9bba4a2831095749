import { answersPrefix } from '../cache/purge.ts'
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
  if (namespace.startsWith(answersPrefix) || namespace === formerAnswers) return false
  return allows(client, verb, namespace)
}

/** To invalidate is to make it fetch anew: that much a client may do to answers, too, if its namespaces cover them. */
export function mayInvalidate(client: CacheClient, namespace: string): boolean {
  return allows(client, 'delete', namespace)
}

/** Where an earlier release, that may still run beside this one, keeps answers. */
const formerAnswers = 'responses'

function allows(client: CacheClient, verb: CacheVerb, namespace: string): boolean {
  return client.verbs.includes(verb) && client.namespaces.some((pattern) => matchesNamespace(pattern, namespace))
}
