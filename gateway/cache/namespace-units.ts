import type { Table } from '#routes/table.ts'
import type { Site, UnitId } from '#routes/vocabulary.ts'
import { cacheNamespace } from './key.ts'

interface Units {
  readonly ofNamespace: ReadonlyMap<string, ReadonlySet<UnitId>>
  /** Where a unit is as long as no placement names another site. */
  readonly homeOf: ReadonlyMap<UnitId, Site>
}

const ofStructures = new WeakMap<object, Units>()

/**
 * Whether all units whose writes invalidate a namespace are written at this site alone: the configured ones, or those of the
 * service whose answers it holds. False where nobody can tell.
 */
export function isOwnedHere(
  namespace: string,
  configured: readonly UnitId[] | undefined,
  table: Table | undefined,
  site: Site,
): boolean {
  if (table === undefined) return false
  const units =
    configured !== undefined && configured.length > 0 ? configured : unitsOf(table).ofNamespace.get(namespace)
  if (units === undefined) return false
  for (const unit of units) if (!isWrittenHere(unit, table, site)) return false
  return true
}

function isWrittenHere(unit: UnitId, table: Table, site: Site): boolean {
  const placement = table.placementOf.get(unit)
  if (placement === undefined) return unitsOf(table).homeOf.get(unit) === site
  return placement.owner === site && (placement.moving?.writes ?? 0) === 0
}

function unitsOf({ structure, index }: Table): Units {
  let units = ofStructures.get(structure)
  if (units === undefined) {
    const ofNamespace = new Map<string, Set<UnitId>>()
    const homeOf = new Map<UnitId, Site>()
    for (const { id, home } of index.services.values()) {
      ofNamespace.set(cacheNamespace(id), new Set([id]))
      homeOf.set(id, home)
    }
    for (const { service, unit } of structure.value.routes) {
      ofNamespace.get(cacheNamespace(service))?.add(unit)
      homeOf.set(unit, index.services.get(service)?.home ?? structure.value.defaultSite)
    }
    units = { ofNamespace, homeOf }
    ofStructures.set(structure, units)
  }
  return units
}
