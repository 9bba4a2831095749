import type { TableOffer } from '#routes/messages.ts'
import type { SealedDocument } from '#routes/seal.ts'
import { limits, type Table } from '#routes/table.ts'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Log } from '#server-kit/log.ts'
import type { TableHolder } from './table-holder.ts'

/** Both documents at their limits, with room for escapes. */
const limitBytes = 2 * (limits.structureChars + limits.placementsChars)

/**
 * The last good sealed documents on disk: a gateway starts and serves by them with the control plane away. What comes back
 * goes through the same door as an offer, so a file that was changed is refused and never served.
 */
export class KeptTable {
  readonly #path: string
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** What is kept, unverified; undefined when there is nothing. Throws `kept-file-unusable`. */
  async read(): Promise<TableOffer | undefined> {
    const value = await readKeptJson(this.#path, limitBytes)
    if (typeof value !== 'object' || value === null) return undefined
    const { structure, placements } = value as Record<string, unknown>
    return isSealed(structure) && isSealed(placements) ? { structure, placements } : undefined
  }

  /** Resolves when it is on disk. Writes follow one another, so the newest table is what stays. */
  keep(table: Table): Promise<void> {
    const text = JSON.stringify({ structure: table.structure.sealed, placements: table.placements.sealed })
    const written = this.#writing.then(() => writeKeptFile(this.#path, text))
    this.#writing = written.catch(() => undefined)
    return written
  }
}

/** Offers what is kept to the one door. A broken file must not keep a gateway from the table that others have for it. */
export async function restore(kept: KeptTable, holder: TableHolder, log: Log): Promise<void> {
  try {
    const offer = await kept.read()
    if (offer !== undefined) await holder.offer(offer)
  } catch (cause) {
    log.warn({ err: cause }, 'the kept table cannot be read')
  }
}

/** The shape alone: whether it is to be believed the seal says. */
export function isSealed(value: unknown): value is SealedDocument {
  if (typeof value !== 'object' || value === null) return false
  const { kind, keyId, signature, body } = value as Record<string, unknown>
  const named = kind === 'structure' || kind === 'placements'
  return named && typeof keyId === 'string' && typeof signature === 'string' && typeof body === 'string'
}
