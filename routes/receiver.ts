import type { Refusal, RefusalReason, TableOffer } from './messages.ts'
import { decodePlacements } from './placements-codec.ts'
import type { EdgePolicy } from './policy.ts'
import { checkSeal, type DocumentKind, digestOf, type SealedDocument, type TrustedKeys } from './seal.ts'
import type { EdgeService, Structure } from './structure.ts'
import { type DocumentFacts, type Held, limits, mayReplace, type PlacementSet, type Table } from './table.ts'
import { makeTable } from './table-index.ts'

export interface Received<P extends EdgePolicy, S extends EdgeService> {
  /** What holds now: the new table, or the one held before. Undefined = nothing was ever taken. */
  readonly table: Table<P, S> | undefined
  readonly changed: boolean
  readonly refusals: readonly Refusal[]
}

/** Takes what an offer has that is sealed by a trusted key, bounded, whole and newer; keeps the rest as it was and says why. */
export type Receive<P extends EdgePolicy, S extends EdgeService> = (
  held: Table<P, S> | undefined,
  offer: TableOffer,
  trusted: TrustedKeys,
) => Promise<Received<P, S>>

/** A receiver for programs that read this much of a structure. It never throws, whatever the bytes. */
export function receiver<P extends EdgePolicy, S extends EdgeService>(
  decodeStructure: (body: string) => Structure<P, S> | undefined,
): Receive<P, S> {
  return (held, offer, trusted) => receiveBy(decodeStructure, held, offer, trusted)
}

async function receiveBy<P extends EdgePolicy, S extends EdgeService>(
  decodeStructure: (body: string) => Structure<P, S> | undefined,
  held: Table<P, S> | undefined,
  offer: TableOffer,
  trusted: TrustedKeys,
): Promise<Received<P, S>> {
  const refusals: Refusal[] = []
  const structure = await take(
    'structure',
    held?.structure,
    offer.structure,
    trusted,
    refusals,
    decodeStructure,
    structureFacts,
  )
  const placements = await take(
    'placements',
    held?.placements,
    offer.placements,
    trusted,
    refusals,
    decodePlacements,
    placementFacts,
  )
  if (structure === undefined) {
    if (placements !== undefined)
      refusals.push({ kind: 'placements', because: 'structure-missing', offered: placements.number })
    return { table: held, changed: false, refusals }
  }
  if (placements === undefined) return { table: held, changed: false, refusals }
  const { min, max } = placements.value.structure
  if (structure.number < min || structure.number > max) {
    // Placements that name a site which this structure does not know: keep what holds until the structure comes too.
    refusals.push({ kind: 'placements', because: 'structure-missing', offered: placements.number })
    return { table: held, changed: false, refusals }
  }
  if (structure === held?.structure && placements === held.placements) return { table: held, changed: false, refusals }
  return { table: makeTable(structure, placements, held), changed: true, refusals }
}

async function take<Value>(
  kind: DocumentKind,
  held: Held<Value> | undefined,
  sealed: SealedDocument | undefined,
  trusted: TrustedKeys,
  refusals: Refusal[],
  decode: (body: string) => Value | undefined,
  factsOf: (document: Held<Value>) => DocumentFacts,
): Promise<Held<Value> | undefined> {
  if (sealed === undefined) return held
  const refuse = (because: RefusalReason, offered?: number) => {
    refusals.push({
      kind,
      because,
      ...(offered === undefined ? {} : { offered }),
      ...(held ? { held: held.number } : {}),
    })
    return held
  }
  if (sealed.kind !== kind || typeof sealed.body !== 'string') return refuse('malformed')
  if (sealed.body.length > (kind === 'structure' ? limits.structureChars : limits.placementsChars))
    return refuse('oversize')
  // The same text again is the common case of a poll: no signature to check, nothing to decode.
  if (held !== undefined && sealed.body === held.sealed.body) return held
  const verdict = await checkSeal(sealed, trusted)
  if (verdict !== 'valid') return refuse(verdict)
  const value = decode(sealed.body)
  if (value === undefined) return refuse('malformed')
  const number = (value as { number: number }).number
  const offered: Held<Value> = { number, digest: await digestOf(sealed.body), value, sealed }
  const answer = mayReplace(held && factsOf(held), factsOf(offered))
  if (answer === 'newer') return offered
  return answer === 'same' ? held : refuse(answer, number)
}

function structureFacts(document: Held<Structure<EdgePolicy, EdgeService>>): DocumentFacts {
  const { number, digest, sealed, value } = document
  const common = { kind: 'structure', number, digest, size: sealed.body.length, epochs: new Map() } as const
  return { ...common, routes: value.routes.length, mayShrink: value.mayShrink }
}

function placementFacts(document: Held<PlacementSet>): DocumentFacts {
  const { number, digest, sealed, value } = document
  const epochs = new Map(value.placements.map(({ unit, epoch }) => [unit, epoch]))
  return { kind: 'placements', number, digest, size: sealed.body.length, routes: 0, mayShrink: true, epochs }
}
