import type { Placement } from '#routes/placement.ts'
import type { DocumentKind, SealedDocument } from '#routes/seal.ts'
import type { Epoch, TableNumber, UnitId } from '#routes/vocabulary.ts'

/** How a placement came to be. */
export type How = 'placed' | 'flip' | 'rollback' | 'shadow' | 'failover' | 'recovered'

/** One epoch of a unit: what it says, and who made it so. */
export interface PlacementChange {
  readonly placement: Placement
  /** Number of the placements document that first carried it. */
  readonly number: TableNumber
  /** The epoch whose content a rollback brings back; undefined = no move to take back. */
  readonly returnsTo?: Epoch
  readonly how: How
  readonly actor: string
  readonly reason: string
  readonly at: number
}

/** What is remembered of a document for ever. */
export interface DocumentEntry {
  readonly kind: DocumentKind
  readonly number: TableNumber
  readonly digest: string
  readonly parent: string
  readonly author: string
  readonly reason: string
  readonly at: number
}

export interface KeptDocument extends DocumentEntry {
  readonly sealed: SealedDocument
}

/**
 * Numbers that outlive documents. Floors: the highest number ever seen anywhere; new numbers go above it.
 * `sites-since`: the structure that last changed the set of sites. `catalog-behind`: 1 when the structure in force came
 * from the fleet and not from the catalog that is kept.
 */
export type Mark = 'structure-floor' | 'placements-floor' | 'sites-since' | 'catalog-behind'

/** PORT: placements with their whole history, and the sealed documents made of them. */
export interface TableStore {
  /** The present change of every unit ever placed, sorted by unit. */
  placements(): Promise<readonly PlacementChange[]>
  placement(unit: UnitId): Promise<PlacementChange | undefined>
  change(unit: UnitId, epoch: Epoch): Promise<PlacementChange | undefined>
  /** Newest first. */
  history(unit: UnitId, limit: number): Promise<readonly PlacementChange[]>
  /** The placements as document `number` had them, sorted by unit. */
  placementsOf(number: TableNumber): Promise<readonly PlacementChange[]>
  /**
   * Follows `expected` (0 = the unit is new) with this change. False when the unit is at another epoch by now:
   * nothing was written.
   */
  follow(expected: Epoch, change: PlacementChange): Promise<boolean>
  newest(kind: DocumentKind): Promise<KeptDocument | undefined>
  /** Newest first, those below `before`. */
  list(kind: DocumentKind, limit: number, before?: TableNumber): Promise<readonly DocumentEntry[]>
  entry(kind: DocumentKind, number: TableNumber): Promise<DocumentEntry | undefined>
  /** Keeps a document whose number is new, and the sealed texts of the newest `keep` of its kind. */
  add(document: KeptDocument, keep: number): Promise<void>
  /** 0 when it was never set. */
  mark(name: Mark): Promise<number>
  setMark(name: Mark, value: number): Promise<void>
}
