import { type Catalog, type CatalogFile, readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { type Fault, faultAt, inOrder, listed, shown } from '#routes/fault.ts'
import type { Placement } from '#routes/placement.ts'
import type { Structure } from '#routes/structure.ts'
import type { ProposedPlacement } from '../tables/publish.ts'
import { type CatalogChanges, changesOf, diffStructures, type ServiceDiff } from './diff.ts'

/** How given files stand to the kept ones: `whole` replaces all of them, `merge` adds and replaces by name. */
export type ApplyMode = 'whole' | 'merge'

/** What applying would do; nothing is done yet. */
export interface CatalogPlan {
  readonly files: readonly CatalogFile[]
  /** Its number is given when it is published. */
  readonly structure: Structure
  readonly warnings: readonly Fault[]
  /** Whether it says anything else than the structure in force. */
  readonly differs: boolean
  readonly diff: readonly ServiceDiff[]
  readonly changed: CatalogChanges
}

export type Planned =
  | { readonly ok: true; readonly plan: CatalogPlan }
  | { readonly ok: false; readonly faults: readonly Fault[] }

export interface PlanInput {
  readonly kept: readonly CatalogFile[]
  readonly given: readonly CatalogFile[]
  readonly mode: ApplyMode
  readonly allowShrink: boolean
  readonly placements: readonly Placement[]
  /** The structure in force: its units keep serving where they are. */
  readonly present: Structure | undefined
}

/** Reads and compiles a catalog: what it would publish, or every fault in it. */
export function planCatalog(input: PlanInput): Planned {
  const files = input.mode === 'whole' ? input.given : merged(input.kept, input.given)
  const read = readCatalog(files)
  if (!read.ok) return read
  const compiled = compile(read.catalog, { number: 0, mayShrink: input.allowShrink })
  if (!compiled.ok) return compiled
  const { structure, warnings } = compiled
  const stranded = strandedUnits(structure, input.placements, input.present)
  if (stranded.length > 0)
    return { ok: false, faults: inOrder(stranded.map((unit) => strandedFault(read.catalog, unit))) }
  const diff = diffStructures(input.present, structure)
  const differs = input.present === undefined || diff.length > 0
  return {
    ok: true,
    plan: { files, structure, warnings, differs, diff, changed: changesOf(diff, input.present, structure) },
  }
}

/**
 * Placements for units that have none, at home and epoch 1, so that each unit has an epoch from its first day. A unit
 * that returns after its service was removed keeps its placement, unless nothing of the service runs there any more.
 * A changed `home` moves nobody: only an operator moves a unit.
 */
export function newPlacements(
  structure: Structure,
  placements: readonly Placement[],
  present: Structure | undefined,
): readonly ProposedPlacement[] {
  const placed = new Map(placements.map((placement) => [placement.unit, placement]))
  const stillThere = unitsOf(present)
  const services = new Map(structure.services.map((service) => [service.id, service]))
  return [...unitsOf(structure)].flatMap(([unit, serviceId]) => {
    const service = services.get(serviceId)
    const former = placed.get(unit)
    if (service === undefined) return []
    if (former !== undefined && (stillThere.has(unit) || missingSites(former, service.deployments).length === 0))
      return []
    const after = former?.epoch ?? 0
    const placement = { unit, epoch: after + 1, owner: service.home, cohort: firstCohort, key: service.key }
    return [{ after, placement, how: 'placed' as const }]
  })
}

/** The salt of units that no wave has taken yet. */
const firstCohort = 'wave-0'

export interface StrandedUnit {
  readonly service: string
  readonly placement: Placement
  /** Sites that serve the unit, and at which its service would have no deployment. */
  readonly missing: readonly string[]
}

/** Units in service whose requests a structure would leave without an upstream. */
export function strandedUnits(
  structure: Structure,
  placements: readonly Placement[],
  present: Structure | undefined,
): readonly StrandedUnit[] {
  const before = unitsOf(present)
  const units = unitsOf(structure)
  const services = new Map(structure.services.map((service) => [service.id, service]))
  return placements.flatMap((placement) => {
    const service = services.get(units.get(placement.unit) ?? '')
    if (service === undefined || !before.has(placement.unit)) return []
    const missing = missingSites(placement, service.deployments)
    return missing.length === 0 ? [] : [{ service: service.id, placement, missing }]
  })
}

/** Every unit with its service: the service itself, and what was split off it. */
export function unitsOf(structure: Structure | undefined): ReadonlyMap<string, string> {
  const units = new Map(structure?.services.map(({ id }) => [id, id]))
  for (const { unit, service } of structure?.routes ?? []) units.set(unit, service)
  return new Map([...units].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function merged(kept: readonly CatalogFile[], given: readonly CatalogFile[]): readonly CatalogFile[] {
  const byName = new Map([...kept, ...given].map((file) => [file.file, file]))
  return [...byName.values()].sort((a, b) => (a.file < b.file ? -1 : 1))
}

function strandedFault(catalog: Catalog, { service, placement, missing }: StrandedUnit): Fault {
  const named = catalog.services.find(({ name }) => name === service)
  const place = named?.place ?? { file: 'sites.yaml', line: 1, column: 1 }
  const { unit, epoch } = placement
  const expected = `has no deployment at ${listed(missing, 'and')}, where unit ${unit} is served (epoch ${epoch})`
  const fix = `keep the deployment until the unit is moved: tidegate flip ${unit} --to SITE`
  return faultAt(place, '/deployments', { value: shown(service), expected, fix })
}

function missingSites(placement: Placement, deployments: readonly { readonly site: string }[]): readonly string[] {
  const sites = [placement.owner, ...(placement.moving === undefined ? [] : [placement.moving.to])]
  return sites.filter((site) => !deployments.some((deployment) => deployment.site === site))
}
