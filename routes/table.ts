import type { HeldNumber, HeldNumbers, RefusalReason } from './messages.ts'
import type { Placement } from './placement.ts'
import type { EdgePolicy, RoutePolicy } from './policy.ts'
import type { DocumentKind, SealedDocument } from './seal.ts'
import type { EdgeService, HostFacts, RouteFacts, ServiceFacts, Structure } from './structure.ts'
import type { Trie } from './trie.ts'
import type { Epoch, Site, TableNumber, UnitId } from './vocabulary.ts'

/** The moving half of a table: small, and changed with every step of a move. */
export interface PlacementSet {
  readonly number: TableNumber
  /** Structures that these placements may stand on: from the first that knows every site they name. */
  readonly structure: { readonly min: TableNumber; readonly max: TableNumber }
  /** Digest of the set before, '' for the first. */
  readonly parent: string
  readonly author: string
  readonly reason: string
  /** Ms since 1970, the control plane's clock. */
  readonly at: number
  /** Sorted by unit. A unit without one is at its service's home. */
  readonly placements: readonly Placement[]
}

/** A document in force: its value, and the sealed text it came from, to be kept and handed on unchanged. */
export interface Held<Value> extends HeldNumber {
  readonly value: Value
  readonly sealed: SealedDocument
}

/** Structure and placements, immutable, ready to decide by. */
export interface Table<P extends EdgePolicy = RoutePolicy, S extends EdgeService = ServiceFacts> {
  readonly structure: Held<Structure<P, S>>
  readonly placements: Held<PlacementSet>
  /** Built once a structure, shared by every table on it. */
  readonly index: StructureIndex<P, S>
  readonly placementOf: ReadonlyMap<UnitId, Placement>
}

/** A table as edges read it; every table is one. */
export type EdgeTable = Table<EdgePolicy, EdgeService>

/** What deciding looks up in a structure. */
export interface StructureIndex<P extends EdgePolicy = RoutePolicy, S extends EdgeService = ServiceFacts> {
  /** Gives an index into `structure.routes`, or -1. */
  readonly trie: Trie
  readonly services: ReadonlyMap<string, S>
  /** Exact names and aliases; wildcard hosts apart, longest first. */
  readonly hosts: ReadonlyMap<string, HostFacts>
  readonly wildcardHosts: readonly HostFacts[]
  readonly sites: ReadonlySet<Site>
  readonly routes: ReadonlyMap<string, RouteFacts<P>>
}

/** What `mayReplace` judges a document by. */
export interface DocumentFacts {
  readonly kind: DocumentKind
  readonly number: TableNumber
  readonly digest: string
  /** Of the body, UTF-16 units: close enough to bytes for a bound. */
  readonly size: number
  /** Structures: how many routes, and whether an operator meant to drop many. */
  readonly routes: number
  readonly mayShrink: boolean
  /** Placements: the epoch of each unit named. */
  readonly epochs: ReadonlyMap<UnitId, Epoch>
}

/** Hard limits: beyond them a document is refused unread. */
export const limits = {
  structureChars: 16 * 1024 * 1024,
  placementsChars: 4 * 1024 * 1024,
  units: 20_000,
  routes: 200_000,
} as const

/** Up to this a document may grow as it likes: the first import of a whole company onto a small catalog is no accident. */
const smallChars = 2 * 1024 * 1024
const fewRoutes = 100

/**
 * The one door of both receivers: a document replaces the held one only if it is newer and plausible. `same` is the
 * document already held. Numbers never fall, nor does the epoch of any unit, so a late or replayed document is
 * harmless; a document that doubled or lost a fifth of its routes is more likely broken than meant.
 */
export function mayReplace(held: DocumentFacts | undefined, offered: DocumentFacts): 'newer' | 'same' | RefusalReason {
  const limit = offered.kind === 'structure' ? limits.structureChars : limits.placementsChars
  if (offered.size > limit || offered.routes > limits.routes || offered.epochs.size > limits.units) return 'oversize'
  if (held === undefined) return 'newer'
  if (offered.number === held.number) return offered.digest === held.digest ? 'same' : 'forked'
  if (offered.number < held.number) return 'older'
  if (offered.size > smallChars && offered.size > 2 * held.size) return 'grew-too-much'
  if (held.routes >= fewRoutes && offered.routes < 0.8 * held.routes && !offered.mayShrink) return 'shrank-too-much'
  for (const [unit, epoch] of held.epochs) {
    // A unit that is left out falls back to its home: that is a fall too, unless it never had an epoch.
    if ((offered.epochs.get(unit) ?? 0) < epoch) return 'epoch-falls'
  }
  return 'newer'
}

export function heldNumbers(table: EdgeTable): HeldNumbers {
  const { structure, placements } = table
  return {
    structure: { number: structure.number, digest: structure.digest },
    placements: { number: placements.number, digest: placements.digest },
    epochs: Object.fromEntries(placements.value.placements.map(({ unit, epoch }) => [unit, epoch])),
  }
}
