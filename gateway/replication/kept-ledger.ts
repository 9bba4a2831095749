import type { Clock } from '#server-kit/clock.ts'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Log } from '#server-kit/log.ts'
import { MemoryLedger } from './memory-ledger.ts'
import type { Found, HeardRow, LaneMark, ReplicationLedger, WriterRow } from './replication-ledger.ts'

export interface KeptLedgerOptions {
  /** Of this process alone, the same after a restart. */
  readonly path: string
  readonly clock: Clock
  readonly log: Log
}

/** Thousands of writers, with room. */
const limitBytes = 4 * 1024 * 1024

/**
 * The ledger of a process that has no Redis: who writes here is kept in its home, so that after a restart what they may have
 * taken away meanwhile is not served before they are heard.
 */
export class KeptLedger implements ReplicationLedger {
  readonly #path: string
  readonly #log: Log
  readonly #known: MemoryLedger

  private constructor({ path, clock, log }: KeptLedgerOptions) {
    this.#path = path
    this.#log = log
    this.#known = new MemoryLedger(clock)
  }

  /** `giveUpAll`: nobody can tell who wrote here, so that everything that is here may be of no worth. */
  static async open(options: KeptLedgerOptions, giveUpAll: () => Promise<boolean>): Promise<KeptLedger> {
    const ledger = new KeptLedger(options)
    const rows = await readRows(options)
    if (rows === undefined) await giveUpAll()
    for (const row of rows ?? []) ledger.#known.restore(row)
    return ledger
  }

  find(site: string, place: string, lane: number): Promise<Found> {
    return this.#known.find(site, place, lane)
  }

  async note(row: WriterRow, lane: number, mark: LaneMark): Promise<void> {
    const before = await this.#known.find(row.site, row.place, lane)
    await this.#known.note(row, lane, mark)
    if (before.row?.journal !== row.journal) await this.#keep()
  }

  all(): Promise<readonly HeardRow[] | undefined> {
    return this.#known.all()
  }

  async forget(site: string, place: string): Promise<boolean> {
    const isForgotten = await this.#known.forget(site, place)
    if (isForgotten) await this.#keep()
    return isForgotten
  }

  close(): Promise<void> {
    return this.#known.close()
  }

  async #keep(): Promise<void> {
    const writers = (await this.#known.all()).map(({ ageMs: _, ...row }) => row)
    try {
      await writeKeptFile(this.#path, JSON.stringify({ writers }), 0o600)
    } catch (cause) {
      this.#log.error({ err: cause }, 'who writes here is not kept: after a restart nobody knows whom to wait for')
    }
  }
}

async function readRows({ path, log }: KeptLedgerOptions): Promise<readonly WriterRow[] | undefined> {
  try {
    const kept = (await readKeptJson(path, limitBytes)) as { readonly writers?: unknown } | undefined
    if (kept === undefined) return []
    if (Array.isArray(kept.writers) && kept.writers.every(isRow)) return kept.writers
    log.error({ path }, 'who wrote here before the restart is not of the form that is written here')
  } catch (cause) {
    log.error({ path, err: cause }, 'who wrote here before the restart cannot be read')
  }
  return undefined
}

function isRow(value: unknown): value is WriterRow {
  if (typeof value !== 'object' || value === null) return false
  const { site, place, journal, writer, debt, nowMs, behindMs } = value as Record<keyof WriterRow, unknown>
  return (
    [site, place, journal].every((each) => typeof each === 'string') &&
    [writer, debt, nowMs, behindMs].every((each) => Number.isSafeInteger(each))
  )
}
