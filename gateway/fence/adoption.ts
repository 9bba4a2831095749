import { type AdoptionRow, headers, tableHint } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import type { TableHolder } from './table-holder.ts'

/** Rows that wait for the next report; beyond it they are counted under the colo `other`. */
const rowsLimit = 2_000
/** Colos have names, not texts: one that the control plane would refuse must not take the whole report with it. */
const nameLimit = 64

type Row = { -readonly [Name in keyof AdoptionRow]: AdoptionRow[Name] }

/**
 * Counts, from real traffic, which placements each edge routes by, and tells an edge that is behind how far the numbers
 * have gone: its next background poll then brings the table.
 */
export class Adoption implements Phase {
  readonly name = 'adoption'
  readonly #holder: TableHolder
  readonly #clock: Clock
  #rows = new Map<string, Row>()

  constructor(holder: TableHolder, clock: Clock) {
    this.#holder = holder
    this.#clock = clock
  }

  before(x: Exchange): undefined {
    if (x.markKind === 'edge' && x.mark !== undefined && !x.isCopy) this.#count(x.mark.placements, x.mark.from)
    return undefined
  }

  /** A 101 passes the edge as it is: the client would see the field. */
  after(x: Exchange, answer: Answer): Answer {
    const table = this.#holder.current
    if (x.markKind !== 'edge' || x.mark === undefined || table === undefined || answer.status === 101) return answer
    const { structure, placements } = table
    if (x.mark.structure < structure.number || x.mark.placements < placements.number) {
      answer.headers.push(headers.table, tableHint(structure.number, placements.number))
    }
    return answer
  }

  /** Rows since the last call. */
  take(): AdoptionRow[] {
    const rows = [...this.#rows.values()]
    this.#rows = new Map()
    return rows
  }

  /** What was taken and told nobody counts again, within the bound. */
  putBack(rows: readonly AdoptionRow[]): void {
    for (const { placements, colo, firstSeen, lastSeen, requests } of rows) {
      const row = this.#row(placements, colo, firstSeen)
      row.firstSeen = Math.min(row.firstSeen, firstSeen)
      row.lastSeen = Math.max(row.lastSeen, lastSeen)
      row.requests += requests
    }
  }

  #count(placements: number, from: string): void {
    const now = this.#clock.now()
    const row = this.#row(placements, from.slice(0, nameLimit), now)
    row.lastSeen = now
    row.requests++
  }

  #row(placements: number, colo: string, now: number): Row {
    const known = this.#rows.get(`${placements} ${colo}`)
    if (known !== undefined) return known
    const full = this.#rows.size >= rowsLimit
    const key = full ? 'other' : `${placements} ${colo}`
    const row = this.#rows.get(key) ?? {
      placements,
      colo: full ? 'other' : colo,
      firstSeen: now,
      lastSeen: now,
      requests: 0,
    }
    // Of many numbers in one row the lowest: nothing may look confirmed that is not.
    row.placements = Math.min(row.placements, placements)
    this.#rows.set(key, row)
    return row
  }
}
