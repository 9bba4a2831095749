import { conditionsMark, type RouteFacts, type ServiceFacts, type Structure } from '#routes/structure.ts'

export interface CatalogChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

/** What differs of one service, as lines `- path: value` and `+ path: value`. */
export interface ServiceDiff {
  readonly service: string
  readonly lines: readonly string[]
}

/** What differs between two structures, service by service; `''` stands for sites, hosts and what belongs to none. */
export function diffStructures(before: Structure | undefined, after: Structure): readonly ServiceDiff[] {
  const [old, young] = [factsByService(before), factsByService(after)]
  return [...new Set([...old.keys(), ...young.keys()])].sort().flatMap((service) => {
    const lines = diffLines(old.get(service) ?? new Map(), young.get(service) ?? new Map())
    return lines.length === 0 ? [] : [{ service, lines }]
  })
}

/** Names of the services that come, differ and go, of a diff of these two. */
export function changesOf(
  diff: readonly ServiceDiff[],
  before: Structure | undefined,
  after: Structure,
): CatalogChanges {
  const old = new Set(before?.services.map(({ id }) => id))
  const young = new Set(after.services.map(({ id }) => id))
  return {
    added: [...young].filter((id) => !old.has(id)),
    changed: diff.map(({ service }) => service).filter((id) => old.has(id) && young.has(id)),
    removed: [...old].filter((id) => !young.has(id)),
  }
}

type Facts = ReadonlyMap<string, string>

function diffLines(before: Facts, after: Facts): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path) => {
    const [old, young] = [before.get(path), after.get(path)]
    if (old === young) return []
    return [
      ...(old === undefined ? [] : [`- ${path}: ${old}`]),
      ...(young === undefined ? [] : [`+ ${path}: ${young}`]),
    ]
  })
}

function factsByService(structure: Structure | undefined): ReadonlyMap<string, Facts> {
  const all = new Map<string, Map<string, string>>()
  if (structure === undefined) return all
  const { sites, hosts, defaultSite } = structure
  all.set('', flat({ defaultSite, sites: byName(sites), hosts: byName(hosts) }))
  const routes = Map.groupBy(structure.routes, ({ service }) => service)
  for (const service of structure.services) {
    const ofIt = Object.fromEntries(
      (routes.get(service.id) ?? []).map((route) => [routeName(route), routeFacts(route)]),
    )
    all.set(service.id, flat({ ...serviceFacts(service), routes: ofIt }))
  }
  return all
}

function serviceFacts({ id: _, deployments, ...facts }: ServiceFacts) {
  return { ...facts, deployments: Object.fromEntries(deployments.map(({ site, ...rest }) => [site, rest])) }
}

/** With its conditions: several routes may differ in nothing else. */
function routeName({ host, pattern, methods, when }: RouteFacts): string {
  return `${methods?.join(',') ?? '*'} ${host ?? ''}${pattern}${conditionsMark(when)}`
}

function routeFacts({ unit, when, policy }: RouteFacts) {
  return { unit, when, ...policy }
}

function byName<Item extends { readonly name: string }>(items: readonly Item[]) {
  return Object.fromEntries(items.map(({ name, ...facts }) => [name, facts]))
}

/**
 * Nested facts as paths: `deployments.cloud.url` -> `"http://..."`. Lists are values: their order means something. Nothing is
 * left out, an empty mapping neither: what is not seen to differ is not published.
 */
function flat(value: object, prefix = '', into = new Map<string, string>()): Map<string, string> {
  for (const [name, field] of Object.entries(value)) {
    const step = /^[^."]+$/.test(name) || !prefix.startsWith('routes.') ? name : JSON.stringify(name)
    const path = prefix === '' ? step : `${prefix}.${step}`
    const isMapping = typeof field === 'object' && field !== null && !Array.isArray(field)
    if (isMapping && Object.keys(field).length > 0) flat(field, path, into)
    else if (field !== undefined) into.set(path, JSON.stringify(field))
  }
  return into
}
