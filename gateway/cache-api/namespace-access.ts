import { answersPrefix } from '../cache/purge.ts'
import { matchesNamespace } from '../store/namespace-pattern.ts'
import type { Quota } from './quotas.ts'

/** `admin`: ask where keys lie and what is owed, by the Memcached port. */
export type CacheVerb = 'read' | 'write' | 'delete' | 'admin'

/** Somebody who uses the cache, and what for. */
export interface CacheClient {
  readonly client: string
  /** `shop`, `shop-*` or `*`. */
  readonly namespaces: readonly string[]
  readonly verbs: readonly CacheVerb[]
  /** Absent: no limit. */
  readonly quota?: Quota | undefined
}

/** PORT: who asks. `undefined`: nobody we know. A throw: it could not be found out; the request fails. */
export type AuthenticateCacheClient = (request: {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}) => CacheClient | undefined | Promise<CacheClient | undefined>

/** Stored answers are no client's, whatever its pattern: who writes there answers for every service. */
export function mayUse(client: CacheClient, verb: CacheVerb, namespace: string): boolean {
  return isForClients(namespace) && allows(client, verb, namespace)
}

/** Something at least. */
export function maySee(client: CacheClient, namespace: string): boolean {
  return client.verbs.some((verb) => mayUse(client, verb, namespace))
}

/** To invalidate is to make it fetch anew: that much a client may do to answers, too, if its namespaces cover them. */
export function mayInvalidate(client: CacheClient, namespace: string): boolean {
  return !namespace.startsWith(ownPrefix) && allows(client, 'delete', namespace)
}

/** Whether any client may use it at all. */
export function isForClients(namespace: string): boolean {
  return !namespace.startsWith(answersPrefix) && !namespace.startsWith(ownPrefix) && namespace !== formerAnswers
}

/** What the gateways of one site keep for themselves: leases, and which requests were answered. Never shipped. */
export const ownPrefix = 'tidegate-'

/** Where an earlier release, that may still run beside this one, keeps answers. */
const formerAnswers = 'responses'

function allows(client: CacheClient, verb: CacheVerb, namespace: string): boolean {
  return client.verbs.includes(verb) && client.namespaces.some((pattern) => matchesNamespace(pattern, namespace))
}
