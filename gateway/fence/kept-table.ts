import { setTimeout as pause } from 'node:timers/promises'
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
  readonly #log: Log
  readonly #retryMs: number
  #newest: Table | undefined
  #writing: Promise<void> | undefined

  /** `retryMs`: between two tries while the disk takes nothing. */
  constructor(path: string, log: Log, retryMs = 5_000) {
    this.#path = path
    this.#log = log
    this.#retryMs = retryMs
  }

  /** What is kept, unverified; undefined when there is nothing. Throws `kept-file-unusable`. */
  async read(): Promise<TableOffer | undefined> {
    const value = await readKeptJson(this.#path, limitBytes)
    if (typeof value !== 'object' || value === null) return undefined
    const { structure, placements } = value as Record<string, unknown>
    return isSealed(structure) && isSealed(placements) ? { structure, placements } : undefined
  }

  /**
   * Resolves when it, or a newer one, is on disk. One write at a time, and only the newest table waits for the next; a
   * disk that is full is tried until it has room.
   */
  keep(table: Table): Promise<void> {
    this.#newest = table
    this.#writing ??= this.#write()
    return this.#writing
  }

  async #write(): Promise<void> {
    let failed = false
    while (this.#newest !== undefined) {
      const table = this.#newest
      const { structure, placements } = table
      try {
        await writeKeptFile(this.#path, JSON.stringify({ structure: structure.sealed, placements: placements.sealed }))
        if (failed) this.#log.info({ placements: placements.number }, 'the table is kept again')
        failed = false
        if (this.#newest === table) this.#newest = undefined
      } catch (cause) {
        if (!failed) this.#log.error({ err: cause }, 'the table is not kept: a restart would begin with an older one')
        failed = true
        await pause(this.#retryMs, undefined, { ref: false })
      }
    }
    // In the same turn as the last look: a table that comes one microtask later starts a new run.
    this.#writing = undefined
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
