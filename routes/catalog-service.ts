import type { ServiceDocument } from './catalog-schema.ts'
import { type CatalogSites, urlFault } from './catalog-sites.ts'
import type { ReadDocument } from './document.ts'
import { asClause, type Fault, faultAt, type Place, pointerTo, shown } from './fault.ts'
import { nameFix } from './nearest-name.ts'
import type { Pattern } from './pattern.ts'
import { parsePattern } from './pattern-fault.ts'
import type { KeySource } from './placement.ts'
import type { CachePolicy, RoutePolicy } from './policy.ts'
import { parseDuration, parseRate, parseSize } from './quantity.ts'
import type { DeploymentFacts } from './structure.ts'
import type { ServiceId, StateScope, UnitId } from './vocabulary.ts'

export interface CatalogService {
  readonly name: ServiceId
  readonly team: string
  readonly repository?: string
  readonly tier: 1 | 2 | 3
  readonly state: StateScope
  readonly key: readonly KeySource[]
  readonly dependsOn: readonly Dependency[]
  /** Sorted by site, the default site first. */
  readonly deployments: readonly DeploymentFacts[]
  /** In the order of the document. */
  readonly routes: readonly CatalogRoute[]
  readonly place: Place
}

export interface Dependency {
  readonly name: ServiceId
  readonly pointer: string
  readonly place: Place
}

export interface CatalogRoute {
  readonly unit: UnitId
  readonly host?: string
  readonly pattern: Pattern
  /** Sorted, each once; undefined = any. */
  readonly methods?: readonly string[]
  readonly policy: RoutePolicy
  /** Of the path. */
  readonly place: Place
  readonly pointer: string
}

/** What a service may name; undefined = that document has faults of its own, so nothing is said about its names. */
export interface KnownNames {
  readonly sites: CatalogSites | undefined
  readonly teams: readonly string[] | undefined
}

/** A timer of Node above 24.8 days fires at once; nothing that is waited for takes a day. */
const longestWaitMs = 86_400_000

/** Checks what the schema of a service cannot say; what it finds is added to `faults` and `warnings`. */
export function readService(
  { value: document, at, keyAt }: ReadDocument<ServiceDocument>,
  known: KnownNames,
  faults: Fault[],
  warnings: Fault[],
): CatalogService {
  const tell = (pointer: string, value: unknown, expected: string, more: { fix?: string; also?: Place } = {}) =>
    faults.push(faultAt(at(pointer), pointer, { value: shown(value), expected, ...more }))

  const { teams } = known
  if (teams !== undefined && !teams.includes(document.owner)) {
    tell('/owner', document.owner, 'no team of this name', nameFix(document.owner, teams))
  }
  const deployments = Object.entries(document.deployments).map(([site, { url, capacity }]): DeploymentFacts => {
    checkDeployment(site, url)
    return { site, url, ...(capacity === undefined ? {} : { capacity: parseRate(capacity) as number }) }
  })
  // A draft's lists have holes, which `map`, `flatMap` and `forEach` pass over, and loops do not.
  const routes = document.routes.flatMap((route, index) => readRoute(route, `/routes/${index}`) ?? [])
  if (routes.length === document.routes.length) checkKey()
  return {
    name: document.service,
    team: document.owner,
    ...(document.repository === undefined ? {} : { repository: document.repository }),
    tier: document.tier,
    state: document.state,
    // The schema's pattern admits nothing else.
    key: document.key as KeySource[],
    dependsOn: document.dependsOn.flatMap((name, index) => {
      const pointer = `/dependsOn/${index}`
      return { name, pointer, place: at(pointer) }
    }),
    deployments: deployments.sort((a, b) => rankOfSite(a.site) - rankOfSite(b.site)),
    routes,
    place: at('/service'),
  }

  function checkDeployment(site: string, url: string): void {
    const pointer = pointerTo('/deployments', site)
    const names = known.sites?.sites.map(({ name }) => name)
    if (names !== undefined && !names.includes(site)) {
      const told = { value: shown(site), expected: 'no site of this name', ...nameFix(site, names) }
      faults.push(faultAt(keyAt(pointer), pointer, told))
    }
    const wrong = urlFault(url)
    if (wrong !== undefined) tell(`${pointer}/url`, url, wrong)
  }

  function rankOfSite(site: string): number {
    return known.sites?.sites.findIndex(({ name }) => name === site) ?? 0
  }

  function readRoute(route: ServiceDocument['routes'][number], pointer: string): CatalogRoute | undefined {
    const { host, methods, unit } = route
    if (host !== undefined) checkHost(host, `${pointer}/host`)
    const cache = readCache(route, pointer)
    const policy: RoutePolicy = {
      ...(route.effect === undefined ? {} : { effect: route.effect }),
      ...(route.trailingSlash === undefined ? {} : { trailingSlash: route.trailingSlash }),
      auth: route.auth,
      ...(cache === undefined ? {} : { cache }),
      timeout: {
        connectMs: wait(route.timeout.connect, `${pointer}/timeout/connect`),
        firstByteMs: wait(route.timeout.firstByte, `${pointer}/timeout/firstByte`),
        totalMs: wait(route.timeout.total, `${pointer}/timeout/total`),
      },
      maxBodyBytes: parseSize(route.maxBody) as number,
    }
    const parsed = parsePattern(route.path)
    if (!parsed.ok) {
      const { at: offset, meaning, fix } = parsed.fault
      const expected = `${asClause(meaning)}${offset === 0 ? '' : ` (character ${offset + 1})`}`
      const told = { value: shown(route.path), expected, fix: asClause(fix) }
      faults.push(faultAt(at(`${pointer}/path`), `${pointer}/path`, told))
      return undefined
    }
    checkTags(route.cache?.tags ?? [], parsed.pattern, `${pointer}/cache/tags`)
    return {
      unit: unit === undefined ? document.service : `${document.service}.${unit}`,
      ...(host === undefined ? {} : { host }),
      pattern: parsed.pattern,
      ...(methods === undefined ? {} : { methods: [...new Set(methods)].sort() }),
      policy,
      place: at(`${pointer}/path`),
      pointer: `${pointer}/path`,
    }
  }

  function wait(text: string, pointer: string): number {
    const ms = parseDuration(text) as number
    if (ms > longestWaitMs) tell(pointer, text, 'expected at most 24h')
    return ms
  }

  function checkHost(host: string, pointer: string): void {
    const hosts = known.sites?.hosts
    if (hosts === undefined || hosts.some(({ name }) => name === host)) return
    const named = hosts.find(({ aliases }) => aliases.includes(host))
    if (named !== undefined) tell(pointer, host, `an alias of ${named.name}`, { fix: `write "${named.name}"` })
    else {
      const names = hosts.map(({ name }) => name)
      tell(pointer, host, 'sites.yaml declares no such host', nameFix(host, names))
    }
  }

  function readCache(route: ServiceDocument['routes'][number], pointer: string): CachePolicy | undefined {
    const { cache, auth, methods } = route
    if (cache === undefined) return undefined
    const place = keyAt(`${pointer}/cache`)
    const warn = (value: string, expected: string, fix: string) =>
      warnings.push(faultAt(place, `${pointer}/cache`, { value, expected, fix }))
    if (auth !== 'public' && cache.per === undefined) {
      const expected = 'the route needs a token, so only answers marked public are stored'
      warn('cache', expected, 'add "per: consumer", or "auth: public"')
    }
    if (methods !== undefined && !methods.includes('GET') && !methods.includes('HEAD')) {
      warn('cache', `answers to ${methods.join(', ')} are never stored`, 'take it out, or give GET a route of its own')
    }
    return {
      ttlMs: parseDuration(cache.ttl) as number,
      staleWhileRevalidateMs: parseDuration(cache.staleWhileRevalidate) as number,
      tags: cache.tags,
      vary: [...new Set(cache.vary)].sort(),
      ...(cache.per === undefined ? {} : { per: cache.per }),
    }
  }

  function checkTags(tags: readonly string[], pattern: Pattern, pointer: string): void {
    const names = parametersOf(pattern)
    tags.forEach((tag, index) => {
      for (const [braces, name] of tag.matchAll(/\{([^{}]*)\}|[{}]/g)) {
        if (name === undefined)
          tell(`${pointer}/${index}`, tag, `a stray "${braces}"`, { fix: 'a parameter is "{name}"' })
        else if (!names.includes(name)) {
          const expected = `the path has no parameter "${name}"`
          tell(`${pointer}/${index}`, tag, expected, nameFix(name, names))
        }
      }
    })
  }

  /** A key that only some routes can give would send one client to both sites. */
  function checkKey(): void {
    document.key.forEach((source, index) => {
      if (!source.startsWith('param:')) return
      const name = source.slice('param:'.length)
      const without = routes.find((route) => !parametersOf(route.pattern).includes(name))
      if (without === undefined) return
      const expected = `the path ${without.pattern.text} has no parameter "${name}"`
      const fix = 'a key is taken from parameters that each path of the service has'
      tell(`/key/${index}`, source, expected, { fix, also: without.place })
    })
  }
}

function parametersOf(pattern: Pattern): string[] {
  return pattern.segments.flatMap((segment) => (segment.kind === 'parameter' ? segment.name : []))
}
