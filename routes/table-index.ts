import type { EdgePolicy } from './policy.ts'
import type { EdgeService, HostFacts, RouteFacts, Structure } from './structure.ts'
import type { Held, PlacementSet, StructureIndex, Table } from './table.ts'
import { buildTrie, type TrieRoute } from './trie.ts'

/** A table ready to decide by. Placements change often, structures seldom: `former`'s index is kept where it fits. */
export function makeTable<P extends EdgePolicy, S extends EdgeService>(
  structure: Held<Structure<P, S>>,
  placements: Held<PlacementSet>,
  former?: Table<P, S>,
): Table<P, S> {
  return {
    structure,
    placements,
    index: former?.structure === structure ? former.index : indexStructure(structure.value),
    placementOf: new Map(placements.value.placements.map((placement) => [placement.unit, placement])),
  }
}

function indexStructure<P extends EdgePolicy, S extends EdgeService>(structure: Structure<P, S>): StructureIndex<P, S> {
  const exact = new Map<string, HostFacts>()
  for (const host of structure.hosts) {
    for (const name of [host.name, ...host.aliases]) exact.set(name, host)
  }
  return {
    trie: buildTrie(structure.routes.map(trieRoute)),
    services: new Map(structure.services.map((service) => [service.id, service])),
    hosts: exact,
    wildcardHosts: structure.hosts
      .filter((host) => host.name.startsWith('*.'))
      .sort((a, b) => b.name.length - a.name.length),
    sites: new Set(structure.sites.map((site) => site.name)),
    routes: new Map(structure.routes.map((route) => [route.id, route])),
  }
}

/** The decoder accepts only structures whose patterns parse, so a pattern that does not is a route that never matches. */
function trieRoute(route: RouteFacts<EdgePolicy>): TrieRoute {
  const { host, methods, when } = route
  const { trailingSlash } = route.policy
  return {
    pattern: { text: route.pattern },
    ...(host === undefined ? {} : { host }),
    ...(methods === undefined ? {} : { methods }),
    ...(trailingSlash === undefined ? {} : { trailingSlash }),
    ...(when === undefined ? {} : { when }),
  }
}
