import { hash } from 'node:crypto'
import { canonicalTarget } from '#routes/canonical-target.ts'
import { hostName } from '#routes/decide.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import { byteText } from './byte-text.ts'
import { type QueryRule, queryRule, underRule } from './query-rule.ts'

/**
 * Names by which answers are invalidated (N2): the same functions name them when an answer is stored and when somebody
 * purges, so the two cannot drift apart. Where two spellings might be one resource (port, alias of a host, scheme), they
 * get one name: a purge that takes too much costs a fetch, one that takes too little serves what it was to remove.
 */

/** Deepest prefix by which a route's answers can be purged where it states none, path segments. */
export const defaultPrefixDepth = 4

/** What of a URL tells two resources of a route apart. */
export interface ResourceRule {
  readonly query: QueryRule
  /** With and without a slash at the end it is the same. */
  readonly slashless: boolean
}

export function resourceRule({ policy }: Pick<RouteFacts, 'policy'>): ResourceRule {
  return { query: queryRule(policy.cache?.key ?? {}), slashless: policy.trailingSlash === 'ignore' }
}

/** A host as tags name it: the catalog's own name for it, else as it was said, without port. */
export function resourceHost(table: Table | undefined, said: string): string {
  const name = hostName(said)
  return table?.index.hosts.get(name)?.name ?? name
}

/** One resource, whatever its variants, identities and scheme. `path` is canonical, `query` raw. */
export function uriTag(host: string, path: string, query: string, rule: ResourceRule): string {
  const one = rule.slashless && path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  const parts = `${host.length}:${host}${one.length}:${one}${underRule(rule.query, query)}`
  return `u:${hash('sha256', parts, 'base64url')}`
}

/**
 * The tags of a URL (`https://host/path?query`) under the rules of all routes that may have stored it: their number does not
 * grow with the routes, but with the different rules among them. Undefined for what is no such URL. A fragment counts as absent.
 */
export function uriTags(
  table: Table | undefined,
  url: string,
  routes: Iterable<Pick<RouteFacts, 'policy'>>,
): readonly string[] | undefined {
  const match = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(byteText(url))
  if (match === null) return undefined
  const [, authority = '', rest = ''] = match
  const { key, query } = canonicalTarget(rest.startsWith('/') ? rest : `/${rest}`)
  const host = resourceHost(table, authority)
  const tags = new Set<string>()
  for (const route of routes) tags.add(uriTag(host, key, query, resourceRule(route)))
  return [...tags]
}

/** A tag that a route, a service (Surrogate-Key, Cache-Tag) or an operator names; `text` is bytes (`byteText`). */
export function declaredTag(text: string): string {
  return fitting('t:', text)
}

/** A group of answers of one host (Cache-Groups); without a host, of all hosts: for operators, who name none. */
export function groupTag(host: string | undefined, group: string): string {
  return fitting('g:', host === undefined ? `|${group}` : `${host}|${group}`)
}

export function routeScope(routeId: string): string {
  return fitting('r:', byteText(routeId))
}

/** The scopes of a canonical path, from its host to the first `depth` segments. */
export function pathScopes(host: string, path: string, depth: number): string[] {
  const scopes = [fitting('p:', host)]
  for (let taken = 0, from = 1; taken < depth && from < path.length; taken++) {
    const slash = path.indexOf('/', from)
    const to = slash < 0 ? path.length : slash
    scopes.push(fitting('p:', host + path.slice(0, to)))
    from = to + 1
  }
  return scopes
}

/**
 * The scope of a prefix as an operator writes it: `api.example.com/v1/orders`, with `https://` before it or not, at segment
 * boundaries, a slash at its end or not. `too-deep`: answers do not have such a scope, since routes keep only `depth` segments.
 * `malformed`: no host, a query, or a path that could be read in two ways.
 */
export function prefixScope(
  table: Table | undefined,
  prefix: string,
  depth: number,
): { readonly scope: string } | 'too-deep' | 'malformed' {
  const match = /^(?:https?:\/\/)?([^/?#\s]+)(\/[^?#]*)?$/i.exec(byteText(prefix))
  const [, said, path = '/'] = match ?? []
  if (said === undefined) return 'malformed'
  const { key, unsafe } = canonicalTarget(path)
  if (unsafe !== 0) return 'malformed'
  const host = resourceHost(table, said)
  const trimmed = key.endsWith('/') ? key.slice(0, -1) : key
  const segments = trimmed === '' ? 0 : trimmed.split('/').length - 1
  return segments > depth ? 'too-deep' : { scope: fitting('p:', host + trimmed) }
}

/** A record has a name of 1..250 printable bytes: what would not fit goes by its hash, and is never left out. */
function fitting(kind: string, text: string): string {
  // `#` marks a hash: a text that begins with it could otherwise pose as one.
  if (text.length <= 200 && !text.startsWith('#') && /^[\x21-\x7e]*$/.test(text)) return kind + text
  return `${kind}#${hash('sha256', Buffer.from(text, 'latin1'), 'base64url')}`
}
