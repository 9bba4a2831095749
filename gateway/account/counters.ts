import type { TrafficRow } from '#routes/messages.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

/** Rows that wait for the next report: units x the epochs of one second. */
const rowsLimit = 40_000

type Row = { -readonly [Name in keyof TrafficRow]: TrafficRow[Name] }

/** Counts, by unit and epoch, what this site really executed and what it passed on. */
export class TrafficCounters implements Phase {
  readonly name = 'counters'
  #rows = new Map<string, Row>()

  closed(x: Exchange, answer: Answer): void {
    const { decision } = x
    if (x.isCopy) return
    // What came from the store was executed by nobody (M1), but where the service was asked first, and failed.
    if (decision?.route === undefined || (x.storedBy !== undefined && x.serviceStatus === 0)) return
    const { unit } = decision.route
    const row = this.#row(unit, decision.epoch)
    if (row === undefined) return
    if (x.forwardedTo !== undefined) row.forwarded++
    else if (decision.effect === 'read') row.reads++
    else row.writes++
    if ((x.serviceStatus || answer.status) >= 500) row.failed++
  }

  /** Rows since the last call. */
  take(): TrafficRow[] {
    const rows = [...this.#rows.values()]
    this.#rows = new Map()
    return rows
  }

  /** What was taken and told nobody counts again, within the bound. */
  putBack(rows: readonly TrafficRow[]): void {
    for (const { unit, epoch, reads, writes, forwarded, failed } of rows) {
      const row = this.#row(unit, epoch)
      if (row === undefined) continue
      row.reads += reads
      row.writes += writes
      row.forwarded += forwarded
      row.failed += failed
    }
  }

  #row(unit: string, epoch: number): Row | undefined {
    const key = `${epoch} ${unit}`
    let row = this.#rows.get(key)
    if (row === undefined && this.#rows.size < rowsLimit) {
      row = { unit, epoch, reads: 0, writes: 0, forwarded: 0, failed: 0 }
      this.#rows.set(key, row)
    }
    return row
  }
}
