import { hash } from 'node:crypto'
import type { CachePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Exchange } from '../exchange.ts'
import { namedByConnection } from '../upstream/hop-by-hop.ts'
import { cookieText, type KeyedCookie, keyedCookie } from './keyed-cookie.ts'
import { type QueryRule, queryRule, underRule } from './query-rule.ts'

/** Under which an answer is stored. */
export interface CacheKey {
  /** What the store gets: SHA-256 of `clear` in 43 characters. */
  readonly text: string
  /**
   * All that tells this answer from others, for operators to read; kept in the stored answer and compared on read. Tokens and
   * cookies are hashed.
   */
  readonly clear: string
  /** Of the store: the route's service. */
  readonly namespace: string
}

/** All of a request that its key is made from: also of one that nobody has sent, when an operator asks what would be. */
export type KeyedRequest = Pick<
  Exchange,
  'scheme' | 'host' | 'headers' | 'names' | 'header' | 'decision' | 'caller' | 'credential' | 'requestId'
>

interface KeyRules {
  readonly namespace: string
  /** Method class, version and route: the same for all requests of the route. */
  readonly head: string
  readonly query: QueryRule
  readonly headers: readonly string[]
  readonly cookies: readonly KeyedCookie[]
  readonly per: CachePolicy['per']
}

/** Grows when keys are written otherwise. */
const form = 1

const compiled = new WeakMap<RouteFacts, KeyRules>()

/**
 * The key of what a request asks for (K1). Each part goes in with its length, so that no value can imitate the end of its
 * part and the begin of another; a part that is absent is `-`, which no length is. Only GET and HEAD have one, and share it.
 */
export function cacheKey(x: KeyedRequest, route: RouteFacts, policy: CachePolicy): CacheKey {
  const rules = rulesOf(route, policy)
  const { key: path = '', query = '' } = x.decision?.target ?? {}
  let clear = rules.head
  clear += part('scheme', x.scheme)
  clear += part('host', keyHost(x.host, x.scheme))
  clear += part('path', path)
  clear += part('query', underRule(rules.query, query))
  if (rules.headers.length > 0) {
    // What a client takes off its request by Connection does not reach the service: its answer is one without that field.
    const gone = namedByConnection(x.headers, x.names)
    for (const name of rules.headers) clear += part(name, gone?.has(name) ? undefined : x.header(name))
  }
  if (rules.cookies.length > 0) {
    const field = x.header('cookie')
    for (const cookie of rules.cookies) {
      const text = cookieText(field, cookie)
      // Hashed: it may be a credential to whoever set it.
      clear += part(`cookie ${cookie.name}`, text === undefined ? undefined : hash('sha256', text, 'base64url'))
    }
  }
  clear += identity(x, rules.per)
  return { text: hash('sha256', clear, 'base64url'), clear, namespace: rules.namespace }
}

/** Where the answers of a service live in the store: at most 32 characters of lower case, digits and `-`. */
export function cacheNamespace(service: string): string {
  const name = `http-${service}`
  if (/^[a-z0-9-]{1,32}$/.test(name)) return name
  const plain = name.toLowerCase().replace(/[^a-z0-9-]/g, '-')
  return `${plain.slice(0, 24)}${hash('sha256', name, 'hex').slice(0, 8)}`
}

/** Lower case, without the port that the scheme has anyway. What else was said stays: a service may write it into its answer. */
export function keyHost(host: string, scheme: Exchange['scheme']): string {
  const lower = host.toLowerCase()
  const port = scheme === 'https' ? ':443' : ':80'
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower
}

function rulesOf(route: RouteFacts, policy: CachePolicy): KeyRules {
  let rules = compiled.get(route)
  if (rules === undefined) {
    const { query, headers = [], cookies = [] } = { ...policy.key, query: queryRule(policy.key) }
    rules = {
      namespace: cacheNamespace(route.service),
      // Two routes of one URL (told apart by a header, a country) are two resources.
      head: `G${part('version', versionOf(policy))}${part('route', route.id)}`,
      query,
      headers,
      cookies: cookies.map(keyedCookie),
      per: policy.per,
    }
    compiled.set(route, rules)
  }
  return rules
}

/**
 * Changes with all of a policy by which an answer, once stored, would be reused otherwise (K3), and with what it is tagged by:
 * an answer from before a tag was added could not be purged by it.
 */
function versionOf(policy: CachePolicy): string {
  const { profile, per, key, tags, prefixDepth, ignoreCookies, dropSetCookie } = policy
  const { query, sort, headers, cookies } = key
  const said = [form, profile, per, query, sort, headers, cookies, tags, prefixDepth, ignoreCookies, dropSetCookie]
  return hash('sha256', JSON.stringify(said), 'base64url').slice(0, 16)
}

/**
 * Whose it is: from what authentication verified, never from a field that a client wrote. The absence of anyone is a class of
 * its own.
 */
function identity(x: KeyedRequest, per: CachePolicy['per']): string {
  if (per === 'everyone') return part('everyone', undefined)
  if (x.caller === undefined) return part('nobody', undefined)
  if (per === 'consumer') return part('consumer', x.caller.consumer)
  // A caller whose credential nobody kept: as good as another token for each request, so never shared.
  return part('token', hash('sha256', x.credential ?? `of ${x.requestId}`, 'base64url'))
}

function part(name: string, value: string | undefined): string {
  return value === undefined ? `|${name} -` : `|${name} ${value.length}:${value}`
}
