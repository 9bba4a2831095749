import type { HeldNumbers } from '#routes/messages.ts'
import { type Placement, sameContent } from '#routes/placement.ts'
import type { Structure } from '#routes/structure.ts'
import type { Held, PlacementSet } from '#routes/table.ts'
import type { Epoch, TableNumber, UnitId } from '#routes/vocabulary.ts'

/** What the store holds. */
export interface Own {
  readonly structure: Held<Structure> | undefined
  readonly placements: Held<PlacementSet> | undefined
  /** Highest numbers seen before, in either kind. */
  readonly floors: { readonly structure: TableNumber; readonly placements: TableNumber }
}

/** What the fleet holds: numbers and epochs by its word, documents by our own signature on them. */
export interface FleetEvidence {
  readonly held: readonly HeldNumbers[]
  readonly structures: readonly Held<Structure>[]
  readonly placements: readonly Held<PlacementSet>[]
}

export interface Recovery {
  readonly floors: { readonly structure: TableNumber; readonly placements: TableNumber }
  /** The fleet's structure, to be kept as it is; or our own, to be sealed again above the fleet's number. */
  readonly structure?: { readonly kind: 'take'; readonly document: Held<Structure> } | { readonly kind: 'renumber' }
  /** Placements that follow our own, each at an epoch above all that are held. */
  readonly placements: readonly Placement[]
  /** Whether a new placements document is due: false only while there is nothing to publish at all. */
  readonly publish: boolean
}

/**
 * What to do when the fleet holds more than the store, as after a restored backup; undefined = nothing, the store is
 * ahead of everybody. Traffic obeys what the fleet holds and we signed it, so its content wins over an older store's;
 * numbers and epochs only ever go on above the highest that anybody holds.
 */
export function planRecovery(own: Own, fleet: FleetEvidence): Recovery | undefined {
  const floors = {
    structure: highest(own.floors.structure, fleet.held, 'structure'),
    placements: highest(own.floors.placements, fleet.held, 'placements'),
  }
  const structureAhead = isAhead(own.structure, fleet.held, 'structure')
  const placementsAhead = isAhead(own.placements, fleet.held, 'placements')
  const placements = recoveredPlacements(own.placements, fleet)
  if (!structureAhead && !placementsAhead && placements.length === 0) return undefined
  const theirs = newest(fleet.structures)
  const ownNumber = own.structure?.number ?? 0
  const structure =
    theirs !== undefined && theirs.number > ownNumber
      ? { kind: 'take' as const, document: theirs }
      : structureAhead && own.structure !== undefined
        ? { kind: 'renumber' as const }
        : undefined
  return {
    floors,
    ...(structure === undefined ? {} : { structure }),
    placements,
    publish: own.placements !== undefined || placements.length > 0,
  }
}

/** Whether a process holds a higher number than ours, or another document under our number. */
function isAhead(
  own: Held<unknown> | undefined,
  held: readonly HeldNumbers[],
  kind: 'structure' | 'placements',
): boolean {
  const number = own?.number ?? 0
  return held.some(
    (one) =>
      one[kind].number > number || (one[kind].number === number && number > 0 && one[kind].digest !== own?.digest),
  )
}

function highest(floor: TableNumber, held: readonly HeldNumbers[], kind: 'structure' | 'placements'): TableNumber {
  return held.reduce((number, one) => Math.max(number, one[kind].number), floor)
}

function recoveredPlacements(own: Held<PlacementSet> | undefined, fleet: FleetEvidence): readonly Placement[] {
  const ours = new Map(own?.value.placements.map((placement) => [placement.unit, placement]))
  const best = newest(fleet.placements)
  // A document below ours is what a process simply has not fetched yet.
  const believed =
    best !== undefined && best.number >= (own?.number ?? 0) && best.digest !== own?.digest ? best.value.placements : []
  const theirs = new Map(believed.map((placement) => [placement.unit, placement]))
  const heldEpochs = highestEpochs(fleet.held)
  return [...new Set([...ours.keys(), ...theirs.keys()])].sort().flatMap((unit) => {
    const our = ours.get(unit)
    const their = theirs.get(unit)
    const content = their !== undefined && their.epoch >= (our?.epoch ?? 0) ? their : our
    if (content === undefined) return []
    const epoch = epochFor(content, our, their, heldEpochs.get(unit) ?? 0)
    return epoch === our?.epoch ? [] : [{ ...content, epoch }]
  })
}

/** The content's own epoch where nobody can hold other content under it; else one above all that are held. */
function epochFor(content: Placement, our: Placement | undefined, their: Placement | undefined, held: Epoch): Epoch {
  const top = Math.max(our?.epoch ?? 0, their?.epoch ?? 0, held)
  const forked = our !== undefined && their !== undefined && our.epoch === their.epoch && !sameContent(our, their)
  return content.epoch === top && !forked ? content.epoch : top + 1
}

function highestEpochs(held: readonly HeldNumbers[]): ReadonlyMap<UnitId, Epoch> {
  const epochs = new Map<UnitId, Epoch>()
  for (const one of held) {
    for (const [unit, epoch] of Object.entries(one.epochs)) epochs.set(unit, Math.max(epochs.get(unit) ?? 0, epoch))
  }
  return epochs
}

function newest<Value>(documents: readonly Held<Value>[]): Held<Value> | undefined {
  return documents.reduce<Held<Value> | undefined>(
    (best, one) => (one.number > (best?.number ?? 0) ? one : best),
    undefined,
  )
}
