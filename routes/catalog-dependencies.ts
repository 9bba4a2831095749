import type { CatalogService, Dependency } from './catalog-service.ts'
import { dependencyCycles } from './dependency-cycles.ts'
import { type Fault, faultAt, printPlace, shown } from './fault.ts'
import { nameFix } from './nearest-name.ts'

/** Dependencies on services that are not there, and cycles. `names` are all services, those with faults included. */
export function dependencyFaults(services: readonly CatalogService[], names: ReadonlySet<string>): Fault[] {
  return [...missing(services, names), ...cyclic(services)]
}

const mostMissing = 1000
/** A near name is searched among all services: bounded, so that a catalog of nothing but slips is told in time. */
const mostSearched = 50

function missing(services: readonly CatalogService[], names: ReadonlySet<string>): Fault[] {
  const valid = [...names].sort()
  const absent = services.flatMap(({ dependsOn }) => dependsOn.filter(({ name }) => !names.has(name)))
  return absent.slice(0, mostMissing).map(({ name, place, pointer }, at) => {
    const fix = at < mostSearched ? nameFix(name, valid) : { fix: 'look it up in the catalog' }
    return faultAt(place, pointer, { value: shown(name), expected: 'no service of this name', ...fix })
  })
}

function cyclic(services: readonly CatalogService[]): Fault[] {
  const byName = new Map(services.map((service) => [service.name, service]))
  const graph = new Map(services.map((service) => [service.name, service.dependsOn.map(({ name }) => name)]))
  return dependencyCycles(graph).flatMap((cycle) => {
    const steps = cycle.flatMap((name, at): Dependency[] => {
      const next = cycle[(at + 1) % cycle.length]
      const dependency = byName.get(name)?.dependsOn.find((each) => each.name === next)
      return dependency === undefined ? [] : [dependency]
    })
    const [first, second] = steps
    if (first === undefined) return []
    const path = cycle.map((name, at) => `${name} (${printPlace((steps[at] ?? first).place)})`)
    return faultAt(first.place, first.pointer, {
      value: shown(first.name),
      expected: `a cycle of dependencies: ${[...path, cycle[0]].join(' -> ')}`,
      fix: 'take one of them out',
      ...(second === undefined ? {} : { also: second.place }),
    })
  })
}
