import type { Clock } from '#server-kit/clock.ts'
import { setAgeLimitMs } from '../store/apply-if-newer.ts'
import type { DirtyNamespaces } from './dirty-namespaces.ts'
import {
  type JournalReader,
  laneCount,
  type PendingBump,
  type ReaderDebt,
  type Taken,
  type TakenLog,
  type TakenRecord,
  type Through,
} from './journal.ts'
import type { DestinationMarks } from './journal-state.ts'
import { LogCursor, type ReadRecord } from './log-cursor.ts'
import { NamespaceCounts, type RecordCounts } from './namespace-counts.ts'
import { deleteOf, expiryOf, isSet, laneOf, localLane, seqOf, stampMsOf } from './raw-record.ts'
import type { LogKind, Segment } from './segment.ts'
import type { SegmentedLog } from './segmented-log.ts'

export interface DestinationReaderOptions {
  readonly name: string
  readonly logs: Readonly<Record<LogKind, SegmentedLog>>
  readonly dirty: DirtyNamespaces
  readonly marks: DestinationMarks | undefined
  readonly clock: Clock
}

/** One lane of one log. */
interface Lane {
  mark: number
  /** Read and not acknowledged, from `first` on. */
  given: ReadRecord[]
  first: number
  cursor: LogCursor
  /** Committed and not acknowledged. */
  waiting: number
  /** Unix ms: not later than the oldest of those. */
  sinceMs: number
}

const kinds = ['invalidations', 'values'] as const

/** What one other site has still to be told. */
export class DestinationReader implements JournalReader {
  readonly name: string
  readonly #options: DestinationReaderOptions
  readonly #lanes: Readonly<Record<LogKind, readonly Lane[]>>
  readonly #counts = { invalidations: new NamespaceCounts(), values: new NamespaceCounts() }
  readonly #listeners = new Set<(lane: number) => void>()
  /** Lanes that had nothing to give before the last records came, a bit each. */
  #woken = 0
  readonly #taking: Promise<unknown>[] = Array.from({ length: laneCount }, () => Promise.resolve())

  #pauses = 0

  /** Called when what it has of the journal changes. */
  onMarked: () => void = () => undefined

  constructor(options: DestinationReaderOptions) {
    this.name = options.name
    this.#options = options
    const lanesOf = (kind: LogKind): Lane[] =>
      Array.from({ length: laneCount }, (_, lane) => {
        const mark = options.marks?.[kind][lane] ?? 0
        const cursor = new LogCursor(options.logs[kind], lane, mark)
        return { mark, given: [], first: 0, cursor, waiting: 0, sinceMs: 0 }
      })
    this.#lanes = { invalidations: lanesOf('invalidations'), values: lanesOf('values') }
  }

  take(lane: number, most: number, mostBytes: number): Promise<Taken> {
    const taking = (this.#taking[lane] as Promise<unknown>).then(() => this.#take(lane, most, mostBytes))
    this.#taking[lane] = taking.catch(() => {
      // Whoever asked was told; the next one tries again.
    })
    return taking
  }

  acknowledge(lane: number, through: Through): void {
    for (const kind of kinds) this.#acknowledge(kind, lane, through[kind])
    this.onMarked()
  }

  bumps(): readonly PendingBump[] {
    return this.#options.dirty.pending(this.name)
  }

  settleBump(bump: PendingBump): void {
    this.#options.dirty.settle(this.name, bump)
    this.onMarked()
  }

  onMore(listener: (lane: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  debt(): ReaderDebt {
    const { dirty } = this.#options
    const { invalidations, values } = this.#counts
    const oldest = earliest(this.#lanes.invalidations)
    return {
      invalidations: invalidations.records + dirty.count(this.name),
      values: values.records,
      bytes: invalidations.bytes + values.bytes,
      oldestSinceMs: oldest,
      waitingSinceMs: earliest([...this.#lanes.invalidations, ...this.#lanes.values]),
      byNamespace: invalidations.byNamespace,
    }
  }

  marks(): DestinationMarks {
    const of = (kind: LogKind): number[] => this.#lanes[kind].map(({ mark }) => mark)
    return { invalidations: of('invalidations'), values: of('values') }
  }

  /** Whether it has all records of that log up to the seq given for each lane. */
  hasPassed(kind: LogKind, lastSeqs: Float64Array): boolean {
    return this.#lanes[kind].every(({ mark }, lane) => mark >= (lastSeqs[lane] ?? 0))
  }

  /** Whether that record has still to be told. */
  isOwed(kind: LogKind, bytes: Buffer): boolean {
    const one = this.#lanes[kind][laneOf(bytes, 0)]
    return one !== undefined && seqOf(bytes, 0) > one.mark
  }

  /** Whether that record has still to be told, and was not read yet. */
  isAhead(kind: LogKind, bytes: Buffer): boolean {
    const one = this.#lanes[kind][laneOf(bytes, 0)]
    return one !== undefined && seqOf(bytes, 0) > one.cursor.seq
  }

  /** Nothing more is read until `work` is over; what was read before is given on. */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    this.#pauses++
    await Promise.all(this.#taking)
    try {
      return await work()
    } finally {
      this.#pauses--
      for (let lane = 0; lane < laneCount; lane++) if (this.#waitingIn(lane) > 0) this.#woken |= 1 << lane
      this.wake()
    }
  }

  /** A record that the log has from now on; one that was acknowledged before a restart is passed over. */
  note(kind: LogKind, bytes: Buffer, at: number, atMs: number): void {
    const lane = laneOf(bytes, at)
    if (lane === localLane) return
    const one = this.#lanes[kind][lane] as Lane
    if (seqOf(bytes, at) <= one.mark) return
    if (this.#waitingIn(lane) === 0) this.#woken |= 1 << lane
    this.#counts[kind].add(bytes, at, 1)
    if (one.waiting++ === 0) one.sinceMs = atMs
  }

  /** All that a segment has: for a destination that begins with it. */
  noteAll(kind: LogKind, { counts, sinceMs }: Segment): void {
    this.#counts[kind].addAll(counts.names, 1)
    for (const [lane, one] of this.#lanes[kind].entries()) {
      if (one.waiting === 0) one.sinceMs = sinceMs
      one.waiting += counts.lanes[lane] ?? 0
    }
  }

  /** Records that are in the log no more and were not read: something newer stands for them. */
  unnote(kind: LogKind, { names, lanes }: RecordCounts): void {
    this.#counts[kind].addAll(names, -1)
    for (const [lane, one] of this.#lanes[kind].entries()) one.waiting -= lanes[lane] ?? 0
  }

  /** After what came together was noted. */
  wake(): void {
    const woken = this.#woken
    this.#woken = 0
    for (let lane = 0; woken >> lane > 0; lane++)
      if (((woken >> lane) & 1) === 1) for (const listener of this.#listeners) listener(lane)
  }

  /** A namespace became dirty: its bump goes with the next batch of the first lane. */
  wakeForBump(): void {
    for (const listener of this.#listeners) listener(0)
  }

  #waitingIn(lane: number): number {
    return (this.#lanes.invalidations[lane] as Lane).waiting + (this.#lanes.values[lane] as Lane).waiting
  }

  async #take(lane: number, most: number, mostBytes: number): Promise<Taken> {
    const invalidations = await this.#fill('invalidations', lane, most, mostBytes)
    let bytes = 0
    for (const record of invalidations.records) bytes += record.bytes.length
    const left = most - invalidations.records.length
    const values =
      left > 0 && bytes < mostBytes
        ? await this.#fill('values', lane, left, mostBytes - bytes)
        : { after: (this.#lanes.values[lane] as Lane).mark, records: [] }
    return { invalidations, values }
  }

  async #fill(kind: LogKind, lane: number, most: number, mostBytes: number): Promise<TakenLog> {
    const one = this.#lanes[kind][lane] as Lane
    for (;;) {
      const { records, bytes, isFull } = this.#waiting(one, most, mostBytes)
      if (isFull || this.#pauses > 0 || !(await one.cursor.read(most - records.length, mostBytes - bytes, one.given)))
        return { after: one.mark, records }
    }
  }

  /** Of what is read already. Asked anew after each look at the disk: an acknowledgement may have come meanwhile. */
  #waiting({ given, first }: Lane, most: number, mostBytes: number) {
    const nowMs = this.#options.clock.now()
    const records: TakenRecord[] = []
    let bytes = 0
    for (let index = first; index < given.length; index++) {
      const { seq, bytes: whole } = given[index] as ReadRecord
      const record = isOver(whole, nowMs) ? deleteOf(whole, 0, seq) : whole
      const isFull = records.length === most || bytes + record.length > mostBytes
      if (records.length > 0 && isFull) return { records, bytes, isFull }
      records.push({ seq, bytes: record })
      bytes += record.length
    }
    return { records, bytes, isFull: records.length >= most || bytes >= mostBytes }
  }

  #acknowledge(kind: LogKind, lane: number, through: number): void {
    const one = this.#lanes[kind][lane] as Lane
    const counts = this.#counts[kind]
    let passed: ReadRecord | undefined
    while (one.first < one.given.length && (one.given[one.first] as ReadRecord).seq <= through) {
      passed = one.given[one.first++] as ReadRecord
      counts.add(passed.bytes, 0, -1)
      one.waiting--
    }
    if (passed === undefined) return
    one.mark = passed.seq
    one.sinceMs = passed.atMs
    if (one.first < one.given.length && one.first < 1024) return
    one.given = one.given.slice(one.first)
    one.first = 0
  }
}

/** Expired, or so old that the tombstone which would refuse it may be gone: what is left of it is that no older value holds. */
const isOver = (record: Buffer, nowMs: number): boolean => {
  if (!isSet(record, 0)) return false
  const expiresAtMs = expiryOf(record, 0)
  return stampMsOf(record, 0) < nowMs - setAgeLimitMs || (expiresAtMs > 0 && expiresAtMs <= nowMs)
}

function earliest(lanes: readonly Lane[]): number | undefined {
  let oldest: number | undefined
  for (const { waiting, sinceMs } of lanes)
    if (waiting > 0 && (oldest === undefined || sinceMs < oldest)) oldest = sinceMs
  return oldest
}
