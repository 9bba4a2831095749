import type { Clock } from '#server-kit/clock.ts'
import {
  type Found,
  type HeardRow,
  type LaneMark,
  type ReplicationLedger,
  silentMs,
  type WriterRow,
} from './replication-ledger.ts'

interface Known {
  row: WriterRow
  heardAtMs: number
  readonly marks: Map<number, LaneMark>
}

/** Writers that are known at once, at most; the one that was heard longest ago goes. */
const knownLimit = 10_000

/** The ledger of one process: for sites that have no other, and beside Redis for when that is away. */
export class MemoryLedger implements ReplicationLedger {
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async find(site: string, place: string, lane: number): Promise<Found> {
    const known = this.#known.get(`${site}/${place}`)
    return { row: known && this.#heard(known), mark: known?.marks.get(lane) }
  }

  async note(row: WriterRow, lane: number, mark: LaneMark): Promise<void> {
    const name = `${row.site}/${row.place}`
    const known = this.#known.get(name) ?? { row, heardAtMs: 0, marks: new Map() }
    this.#known.delete(name)
    this.#known.set(name, { ...known, row, heardAtMs: this.#clock.monotonic() })
    known.marks.set(lane, mark)
    const [oldest] = this.#known.size > knownLimit ? this.#known.keys() : []
    if (oldest !== undefined) this.#known.delete(oldest)
  }

  /** It was known before this process began, and counts as silent until it is heard. */
  restore(row: WriterRow): void {
    const heardAtMs = this.#clock.monotonic() - silentMs - 1
    this.#known.set(`${row.site}/${row.place}`, { row, heardAtMs, marks: new Map() })
  }

  async all(): Promise<readonly HeardRow[]> {
    return [...this.#known.values()].map((known) => this.#heard(known))
  }

  async forget(site: string, place: string): Promise<boolean> {
    return this.#known.delete(`${site}/${place}`)
  }

  async close(): Promise<void> {
    this.#known.clear()
  }

  #heard({ row, heardAtMs }: Known): HeardRow {
    return { ...row, ageMs: this.#clock.monotonic() - heardAtMs }
  }
}
