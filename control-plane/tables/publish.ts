import type { Placement } from '#routes/placement.ts'
import { encodePlacements } from '#routes/placements-codec.ts'
import { type DocumentKind, digestOf, type SealedDocument } from '#routes/seal.ts'
import type { Structure } from '#routes/structure.ts'
import { encodeStructure } from '#routes/structure-codec.ts'
import type { Held, PlacementSet } from '#routes/table.ts'
import type { Epoch, TableNumber } from '#routes/vocabulary.ts'
import { problems } from '../errors.ts'
import type { How, TableStore } from './table-store.ts'

/** Who makes a document, why and when. */
export interface Author {
  readonly actor: string
  readonly reason: string
  readonly at: number
}

/** Seals under the control plane's own key. */
export type Sealer = (kind: DocumentKind, body: string) => Promise<SealedDocument>

/** A placement that is to follow epoch `after` of its unit; 0 = the unit is new. */
export interface ProposedPlacement {
  readonly after: Epoch
  readonly placement: Placement
  readonly returnsTo?: Epoch
  readonly how: How
}

/** What one transaction has published; to be handed to the feed once it is committed. */
export interface Published {
  readonly structure?: Held<Structure>
  readonly placements?: Held<PlacementSet>
}

/** Sealed texts kept a kind. What older ones said is made again from the history of the placements. */
const keptTexts = 100

/**
 * Within a transaction: writes the proposed placements and seals the whole set under the next number. Throws
 * `unit-contended` when a unit is not at the epoch that its proposal follows; then nothing may be committed.
 */
export async function publishPlacements(
  tables: TableStore,
  sealer: Sealer,
  author: Author,
  proposed: readonly ProposedPlacement[],
): Promise<Held<PlacementSet>> {
  const number = await nextNumber(tables, 'placements')
  for (const { after, placement, returnsTo, how } of proposed) {
    const returns = returnsTo === undefined ? {} : { returnsTo }
    const followed = await tables.follow(after, { placement, number, ...returns, how, ...author })
    if (!followed) throw problems['unit-contended']({ unit: placement.unit })
  }
  const value: PlacementSet = {
    number,
    // No upper end: a later structure that dropped a site in use is refused when it is applied.
    structure: { min: await tables.mark('sites-since'), max: Number.MAX_SAFE_INTEGER },
    parent: (await tables.list('placements', 1))[0]?.digest ?? '',
    author: author.actor,
    reason: author.reason,
    at: author.at,
    placements: (await tables.placements()).map(({ placement }) => placement),
  }
  return await keep(tables, value, value.parent, author, await sealer('placements', encodePlacements(value)))
}

/** Within a transaction: seals a structure whose number came from `nextNumber`. */
export async function publishStructure(
  tables: TableStore,
  sealer: Sealer,
  author: Author,
  value: Structure,
): Promise<Held<Structure>> {
  const parent = (await tables.list('structure', 1))[0]?.digest ?? ''
  return await keep(tables, value, parent, author, await sealer('structure', encodeStructure(value)))
}

/** Above every number that was ever published here or seen in the fleet. */
export async function nextNumber(tables: TableStore, kind: DocumentKind): Promise<TableNumber> {
  const [newest] = await tables.list(kind, 1)
  return Math.max(newest?.number ?? 0, await tables.mark(`${kind}-floor`)) + 1
}

/** Also for a document of the fleet, which is kept as it is. */
export async function keep<Value extends { readonly number: TableNumber }>(
  tables: TableStore,
  value: Value,
  parent: string,
  { actor, reason, at }: Author,
  sealed: SealedDocument,
): Promise<Held<Value>> {
  const { number } = value
  const digest = await digestOf(sealed.body)
  await tables.add({ kind: sealed.kind, number, digest, parent, author: actor, reason, at, sealed }, keptTexts)
  return { number, digest, value, sealed }
}
