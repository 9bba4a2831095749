import type { Through } from '../journal/journal.ts'
import type { BatchHeader } from './batch.ts'

/** What this site knows of one journal of another site. */
export interface WriterRow {
  readonly site: string
  readonly place: string
  readonly journal: string
  readonly writer: number
  /** Invalidations that it had still to tell us. */
  readonly debt: number
  /** Its clock when it was last heard, Unix ms. */
  readonly nowMs: number
  /** It was silent, and what it wrote up to then (its clock, Unix ms) is not here yet; 0: it is. */
  readonly behindMs: number
}

export interface HeardRow extends WriterRow {
  /** Since it was last heard, ms. */
  readonly ageMs: number
}

/** How far one lane of it has come. */
export interface LaneMark extends Through {
  readonly journal: string
  readonly head: number
  /** The sender's clock, Unix ms. */
  readonly nowMs: number
}

export interface Found {
  /** Undefined: never heard of, or forgotten. */
  readonly row: HeardRow | undefined
  readonly mark: LaneMark | undefined
}

/** PORT: who writes to this site from others, and how far each has come. Shared by the processes of the site. */
export interface ReplicationLedger {
  /** Asked before a batch is applied. Never rejects. */
  find(site: string, place: string, lane: number): Promise<Found>
  /** It was heard a moment ago, and this lane of it has come so far. */
  note(row: WriterRow, lane: number, mark: LaneMark): Promise<void>
  /** All that are known; undefined: nobody can tell now. */
  all(): Promise<readonly HeardRow[] | undefined>
  /** False: it was not known. */
  forget(site: string, place: string): Promise<boolean>
  close(): Promise<void>
}

/** Why invalidations of a writer may be missing here. */
export const gaps = ['journal-replaced', 'head-fell', 'batch-missed'] as const
export type Gap = (typeof gaps)[number]

/** A site that is not heard for longer may have written anything, ms. */
export const silentMs = 2_000
/** What overtook a newer batch on the way is at most so much older, ms; beyond it the sender's clock was set back. */
const straggleMs = 60_000

export interface Heard {
  /** Undefined: all that this lane ever shipped is here. */
  readonly gap: Gap | undefined
  /** Undefined: an older batch that came late. It is applied, and says nothing about now. */
  readonly row: WriterRow | undefined
}

/** What a batch tells of its writer (rules J6 and J7). An unknown writer is believed. */
export function hear({ row, mark }: Found, header: BatchHeader): Heard {
  const { site, place, journal, writer, debt, now, waiting } = header
  const isLate = (thenMs: number): boolean => now < thenMs && thenMs - now < straggleMs
  const replaced = row !== undefined && row.journal !== journal
  if (row !== undefined && replaced && isLate(row.nowMs)) return { gap: undefined, row: undefined }
  let gap: Gap | undefined
  // Of a place that nobody here heard of, only the sender knows that there was more to hear.
  if (replaced || (row === undefined && header.afterLoss === true)) gap = 'journal-replaced'
  else if (mark !== undefined && mark.journal === journal && !isLate(mark.nowMs)) gap = gapAfter(mark, header)
  const nowMs = row === undefined || replaced || !isLate(row.nowMs) ? now : row.nowMs
  return { gap, row: { site, place, journal, writer, debt, nowMs, behindMs: behindMs(row, now, waiting) } }
}

function gapAfter(mark: LaneMark, { head, invalidations, values }: BatchHeader): Gap | undefined {
  if (head < mark.head) return 'head-fell'
  return invalidations.after > mark.invalidations || values.after > mark.values ? 'batch-missed' : undefined
}

/** After a silence, what was written meanwhile has to come first; a writer that is new here may have been silent before. */
function behindMs(row: HeardRow | undefined, now: number, waiting: number): number {
  if (waiting === 0) return 0
  const wasSilent = row === undefined ? now - waiting > silentMs : row.ageMs > silentMs
  const since = wasSilent ? now : (row?.behindMs ?? 0)
  return waiting > since ? 0 : since
}

/** The mark of a lane after a batch of it was applied up to `through`. It never falls within one journal. */
export function markAfter(
  before: LaneMark | undefined,
  header: BatchHeader,
  through: Through,
  gap: Gap | undefined,
): LaneMark {
  const { journal, head, now: nowMs } = header
  if (before === undefined || before.journal !== journal || gap !== undefined)
    return { journal, head, nowMs, ...through }
  return {
    journal,
    head: Math.max(before.head, head),
    nowMs: Math.max(before.nowMs, nowMs),
    invalidations: Math.max(before.invalidations, through.invalidations),
    values: Math.max(before.values, through.values),
  }
}
