import type { TableOffer } from '#routes/messages.ts'
import { decodePlacements } from '#routes/placements-codec.ts'
import type { DocumentKind } from '#routes/seal.ts'
import type { Structure } from '#routes/structure.ts'
import { decodeStructure } from '#routes/structure-codec.ts'
import type { Held, PlacementSet, Table } from '#routes/table.ts'
import { makeTable } from '#routes/table-index.ts'
import { problems } from '../errors.ts'
import type { Published } from './publish.ts'
import type { TableStore } from './table-store.ts'

/** Told of what is new, after it is committed. */
export type FeedListener = (published: Published) => void

/** The committed documents in memory: what gateways and edges are offered, with no look into the store. */
export class TableFeed {
  #structure: Held<Structure> | undefined
  #placements: Held<PlacementSet> | undefined
  #table: Table | undefined
  readonly #listeners = new Set<FeedListener>()

  get structure(): Held<Structure> | undefined {
    return this.#structure
  }

  get placements(): Held<PlacementSet> | undefined {
    return this.#placements
  }

  /** Undefined before the first catalog. */
  get table(): Table | undefined {
    return this.#table
  }

  get offer(): TableOffer {
    return {
      ...(this.#structure === undefined ? {} : { structure: this.#structure.sealed }),
      ...(this.#placements === undefined ? {} : { placements: this.#placements.sealed }),
    }
  }

  /** From the store, before anything listens. */
  async load(tables: TableStore): Promise<void> {
    const structure = await readNewest(tables, 'structure', decodeStructure)
    const placements = await readNewest(tables, 'placements', decodePlacements)
    this.take({
      ...(structure === undefined ? {} : { structure }),
      ...(placements === undefined ? {} : { placements }),
    })
  }

  /** Two commits may report in either order: a document never gives way to an older one. */
  take(published: Published): void {
    const structure = newer(this.#structure, published.structure)
    const placements = newer(this.#placements, published.placements)
    if (structure === undefined && placements === undefined) return
    this.#structure = structure ?? this.#structure
    this.#placements = placements ?? this.#placements
    if (this.#structure !== undefined && this.#placements !== undefined) {
      this.#table = makeTable(this.#structure, this.#placements, this.#table)
    }
    const taken = {
      ...(structure === undefined ? {} : { structure }),
      ...(placements === undefined ? {} : { placements }),
    }
    for (const listener of this.#listeners) listener(taken)
  }

  /** Call the answer to end it. */
  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function newer<Value>(held: Held<Value> | undefined, offered: Held<Value> | undefined): Held<Value> | undefined {
  return offered !== undefined && offered.number > (held?.number ?? 0) ? offered : undefined
}

async function readNewest<Value>(
  tables: TableStore,
  kind: DocumentKind,
  decode: (body: string) => Value | undefined,
): Promise<Held<Value> | undefined> {
  const kept = await tables.newest(kind)
  if (kept === undefined) return undefined
  const value = decode(kept.sealed.body)
  if (value === undefined) throw problems['schema-differs']({ because: `its newest ${kind} document is not readable` })
  return { number: kept.number, digest: kept.digest, value, sealed: kept.sealed }
}
