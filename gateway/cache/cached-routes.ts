import { canonicalTarget } from '#routes/canonical-target.ts'
import { readPattern, type Segment } from '#routes/pattern.ts'
import type { RouteFacts, Structure } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import { cacheNamespace } from './key.ts'
import { resourceHost } from './tag-names.ts'

interface CachedRoute {
  readonly route: RouteFacts
  /** The catalog's own name of its host, `.example.com` for a wildcard, undefined for any. */
  readonly host: string | undefined
  readonly segments: readonly Segment[]
}

const indexes = new WeakMap<Structure, CachedRoutes>()

/**
 * The routes of a structure whose answers may be stored, by where a path begins. Whoever invalidates asks for all that may
 * have answered a GET of a path, whatever else they ask of a request (country, header): each may hold an entry.
 */
export class CachedRoutes {
  /** By the literal segments that a pattern begins with: `/v1/orders` for `/v1/orders/{id}`. */
  readonly #byBegin = new Map<string, CachedRoute[]>()
  readonly #byNamespace = new Map<string, CachedRoute[]>()
  readonly #services = new Map<string, string>()

  static of(table: Table): CachedRoutes {
    const structure = table.structure.value
    let index = indexes.get(structure)
    if (index === undefined) {
      index = new CachedRoutes(table)
      indexes.set(structure, index)
    }
    return index
  }

  private constructor(table: Table) {
    for (const { id } of table.structure.value.services) this.#services.set(cacheNamespace(id), id)
    for (const route of table.structure.value.routes) {
      if (route.policy.cache === undefined || route.methods?.includes('GET') === false) continue
      const read = readPattern(route.pattern)
      if (!read.ok) continue
      const { segments } = read.pattern
      const cached = { route, host: hostIn(table, route.host), segments }
      add(this.#byBegin, beginOf(segments), cached)
      add(this.#byNamespace, cacheNamespace(route.service), cached)
    }
  }

  get none(): boolean {
    return this.#byBegin.size === 0
  }

  /** The service whose answers a namespace holds. */
  serviceOf(namespace: string): string | undefined {
    return this.#services.get(namespace)
  }

  ofNamespace(namespace: string): readonly RouteFacts[] {
    return (this.#byNamespace.get(namespace) ?? []).map(({ route }) => route)
  }

  /** Those that a GET of a canonical path may be answered by. `host`: as `resourceHost` names it. */
  matching(host: string, path: string): readonly RouteFacts[] {
    const found: RouteFacts[] = []
    for (let end = 0; end >= 0; end = end < path.length ? nextSlash(path, end + 1) : -1) {
      for (const cached of this.#byBegin.get(path.slice(0, end)) ?? []) {
        if (servesHost(cached, host) && fits(cached, path)) found.push(cached.route)
      }
    }
    return found
  }

  /** The same for a raw target, query and all. */
  answering(host: string, target: string): readonly RouteFacts[] {
    return this.matching(host, canonicalTarget(target).key)
  }

  /** Services of which some answer of this host may be stored. */
  servicesOn(host: string): ReadonlySet<string> {
    const found = new Set<string>()
    for (const routes of this.#byNamespace.values()) {
      const cached = routes.find((route) => servesHost(route, host))
      if (cached !== undefined) found.add(cached.route.service)
    }
    return found
  }

  /** Those of a namespace under whose paths some begin with these segments. */
  below(namespace: string, host: string, prefix: readonly string[]): readonly RouteFacts[] {
    const routes = this.#byNamespace.get(namespace) ?? []
    return routes.filter((cached) => servesHost(cached, host) && reaches(cached, prefix)).map(({ route }) => route)
  }
}

function nextSlash(path: string, from: number): number {
  const slash = path.indexOf('/', from)
  return slash < 0 ? path.length : slash
}

function add(map: Map<string, CachedRoute[]>, key: string, cached: CachedRoute): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [cached])
  else list.push(cached)
}

function hostIn(table: Table, host: string | undefined): string | undefined {
  return host?.startsWith('*') ? host.slice(1) : host && resourceHost(table, host)
}

function servesHost({ host }: CachedRoute, asked: string): boolean {
  return host === undefined || (host.startsWith('.') ? asked.endsWith(host) : asked === host)
}

/** The empty last segment of a path that ends in a slash is not told here: a route may ignore it. */
function beginOf(segments: readonly Segment[]): string {
  let begin = ''
  for (const segment of segments) {
    if (segment.kind !== 'literal' || segment.text === '') break
    begin += `/${segment.text}`
  }
  return begin
}

function fits({ route, segments }: CachedRoute, path: string): boolean {
  if (matches(segments, path.slice(1).split('/'))) return true
  if (route.policy.trailingSlash !== 'ignore') return false
  const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
  return other !== '' && matches(segments, other.slice(1).split('/'))
}

function matches(segments: readonly Segment[], parts: readonly string[]): boolean {
  return agree(segments, parts) && (segments.at(-1)?.kind === 'tail' || segments.length === parts.length)
}

/** Whether paths of the pattern exist that begin with all of `prefix`. */
function reaches({ segments }: CachedRoute, prefix: readonly string[]): boolean {
  return agree(segments, prefix) && (segments.at(-1)?.kind === 'tail' || segments.length >= prefix.length)
}

/** As far as both go. */
function agree(segments: readonly Segment[], parts: readonly string[]): boolean {
  for (const [at, segment] of segments.entries()) {
    const part = parts[at]
    if (segment.kind === 'tail' || part === undefined) return segment.kind === 'tail' || at >= parts.length
    if (segment.kind === 'literal' ? segment.text !== part : !isValue(part, segment.suffix)) return false
  }
  return true
}

const isValue = (part: string, suffix: string): boolean => part.length > suffix.length && part.endsWith(suffix)
