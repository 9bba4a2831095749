import type { Catalog } from './catalog.ts'
import { hopFaults } from './catalog-hops.ts'
import type { CatalogRoute } from './catalog-route.ts'
import type { CatalogService } from './catalog-service.ts'
import { costliestLookUp, type RoutePath } from './costliest-look-up.ts'
import { type Fault, faultAt, inOrder } from './fault.ts'
import { compareTexts } from './pattern.ts'
import { type PlacedRoute, selfTest } from './self-test.ts'
import { routeId, type ServiceFacts, type Structure } from './structure.ts'
import { limits } from './table.ts'
import { buildTrie, type TrieRoute } from './trie.ts'
import type { TableNumber } from './vocabulary.ts'

export interface CompileOptions {
  /** Of the structure to be made. */
  readonly number: TableNumber
  /** Receivers refuse a structure that drops a large part of the routes, unless an operator meant it. Default false. */
  readonly mayShrink?: boolean
}

export type Compiled =
  | { readonly ok: true; readonly structure: Structure; readonly warnings: readonly Fault[] }
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] }

/**
 * The structure that a catalog says, tested by one request a route. Equal catalogs give equal structures, whatever the
 * order of their files. Faults are a table too large and a test that another route took wrongly; routes that no request
 * can reach are warnings, with an example.
 */
export function compile(catalog: Catalog, { number, mayShrink = false }: CompileOptions): Compiled {
  const routes = catalog.services.flatMap((service) => service.routes.map((route) => placed(service, route)))
  routes.sort(byPatternHostMethods)
  const tooMany = sizeFaults(catalog, routes)
  if (tooMany.length > 0) return { ok: false, faults: tooMany, warnings: catalog.warnings }

  const trieRoutes = routes.map(trieRoute)
  const tested = selfTest(routes, catalog.hosts, buildTrie(trieRoutes))
  const hops = hopFaults(catalog)
  const told = [...catalog.warnings, ...tested.warnings, ...hops.warnings, ...costWarnings(routes, trieRoutes)]
  const warnings = inOrder(told)
  const faults = [...tested.faults, ...hops.faults]
  if (faults.length > 0) return { ok: false, faults: inOrder(faults), warnings }
  const structure: Structure = {
    number,
    mayShrink,
    defaultSite: catalog.defaultSite,
    sites: catalog.sites,
    hosts: catalog.hosts,
    services: catalog.services.map((service) => serviceFacts(service, catalog.defaultSite)),
    routes: routes.map((route) => route.facts),
  }
  return { ok: true, structure, warnings }
}

function placed(service: CatalogService, source: CatalogRoute): PlacedRoute {
  const { host, methods, when, unit, policy } = source
  const pattern = source.pattern.text
  const match = {
    service: service.name,
    pattern,
    ...(host && { host }),
    ...(methods && { methods }),
    ...(when && { when }),
  }
  return { source, facts: { id: routeId(match), ...match, unit, policy } }
}

function byPatternHostMethods({ facts: a }: PlacedRoute, { facts: b }: PlacedRoute): number {
  return (
    compareTexts(a.pattern, b.pattern) ||
    compareTexts(a.host ?? '', b.host ?? '') ||
    compareTexts(a.methods?.join() ?? '', b.methods?.join() ?? '') ||
    compareTexts(a.service, b.service) ||
    compareTexts(a.id, b.id)
  )
}

function serviceFacts(service: CatalogService, defaultSite: string): ServiceFacts {
  const sites = service.deployments.map(({ site }) => site)
  const { name: id, team, tier, state, key, deployments, pathReadings } = service
  // The schema asks for at least one deployment.
  const home = sites.includes(defaultSite) ? defaultSite : (sites[0] as string)
  return { id, team, tier, state, home, key, deployments, ...(pathReadings && { pathReadings }) }
}

function sizeFaults(catalog: Catalog, routes: readonly PlacedRoute[]): Fault[] {
  const first = catalog.services[0]
  if (first === undefined || routes.length <= limits.routes) return []
  const expected = `expected at most ${limits.routes}`
  return [faultAt(first.place, '', { value: `${routes.length} routes`, expected, fix: 'join them by "/**"' })]
}

function trieRoute({ source }: PlacedRoute): TrieRoute & RoutePath {
  const { host, pattern, methods, when, policy } = source
  const { trailingSlash } = policy
  return {
    pattern,
    ...(host && { host }),
    ...(methods && { methods }),
    ...(when && { when }),
    ...(trailingSlash && { trailingSlash }),
  }
}

/** Above this many nodes a look-up costs more than is promised for the whole decision. */
const mostVisits = 64

function costWarnings(routes: readonly PlacedRoute[], trieRoutes: readonly RoutePath[]): Fault[] {
  const [first] = routes
  const { visits, host, target } = costliestLookUp(trieRoutes)
  if (first === undefined || visits <= mostVisits) return []
  const fix = 'use fewer parameters beside literals in the paths that match it in part'
  const expected = `finding its route may take ${visits} steps (above ${mostVisits})`
  return [
    faultAt({ ...first.source.place, line: 1, column: 1 }, '', { value: `"http://${host}${target}"`, expected, fix }),
  ]
}
