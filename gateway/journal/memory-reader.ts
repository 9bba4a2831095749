import type { Clock } from '#server-kit/clock.ts'
import { setAgeLimitMs } from '../store/apply-if-newer.ts'
import { asDelete, type CacheOperation, isInvalidation, operationName } from '../store/cache-operation.ts'
import { fnv1a } from '../store/fnv.ts'
import { encodeRecord } from '../store/operation-record.ts'
import { stampMs } from '../store/stamp.ts'
import {
  type JournalReader,
  laneCount,
  type PendingBump,
  type ReaderDebt,
  type Taken,
  type TakenRecord,
  type Through,
} from './journal.ts'
import { type Waiting, WaitingLog } from './waiting-log.ts'

export interface MemoryReaderLimits {
  /** Invalidations that wait, at most; beyond it those of one namespace become a bump of it. */
  readonly invalidations: number
  /** Values that wait, at most, bytes together; beyond it the oldest become deletes. */
  readonly valuesBytes: number
}

export interface MemoryReaderOptions {
  readonly clock: Clock
  readonly limits: MemoryReaderLimits
  /** Of the journal: for what takes the place of something else. */
  readonly nextSeq: () => number
}

interface Lane {
  readonly invalidations: WaitingLog
  readonly values: WaitingLog
}

/** What one other site has not acknowledged, in memory; at most one write of a name, the newest. */
export class MemoryReader implements JournalReader {
  readonly #options: MemoryReaderOptions
  readonly #lanes: readonly Lane[] = Array.from({ length: laneCount }, () => ({
    invalidations: new WaitingLog(),
    values: new WaitingLog(),
  }))
  readonly #bumps = new Map<string, PendingBump & { readonly sinceMs: number }>()
  readonly #byNamespace = new Map<string, number>()
  readonly #listeners = new Set<(lane: number) => void>()
  #droppedValues = 0

  constructor(options: MemoryReaderOptions) {
    this.#options = options
  }

  get valueBytes(): number {
    return this.#sum(({ values }) => values.bytes)
  }

  get invalidationBytes(): number {
    return this.#sum(({ invalidations }) => invalidations.bytes)
  }

  get droppedValues(): number {
    return this.#droppedValues
  }

  append(seq: number, operation: CacheOperation): void {
    const index = fnv1a(operationName(operation)) % laneCount
    const lane = this.#lanes[index] as Lane
    const wasEmpty = lane.invalidations.size + lane.values.size === 0
    this.#queue(lane, index, seq, operation, this.#options.clock.now())
    this.#giveUpValues()
    if (this.#sum(({ invalidations }) => invalidations.size) > this.#options.limits.invalidations) this.#widen()
    if (wasEmpty) this.#tell(index)
  }

  async take(lane: number, most: number, mostBytes: number): Promise<Taken> {
    const from = this.#lanes[lane] as Lane
    this.#giveUpOld(from, lane)
    const room = { most, bytes: mostBytes, first: true }
    return {
      invalidations: { after: from.invalidations.through, records: takeFrom(from.invalidations, room) },
      values: { after: from.values.through, records: takeFrom(from.values, room) },
    }
  }

  acknowledge(lane: number, through: Through): void {
    const from = this.#lanes[lane] as Lane
    for (const log of ['invalidations', 'values'] as const) {
      for (const [name, { seq }] of from[log].all()) {
        if (seq > through[log]) break
        this.#remove(from, log, name)
      }
      from[log].through = Math.max(from[log].through, through[log])
    }
  }

  bumps(): readonly PendingBump[] {
    return [...this.#bumps.values()]
  }

  settleBump({ namespace, stamp }: PendingBump): void {
    // One that grew meanwhile is still to be told.
    if (this.#bumps.get(namespace)?.stamp === stamp) this.#bumps.delete(namespace)
  }

  onMore(listener: (lane: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  debt(): ReaderDebt {
    const bumps = [...this.#bumps.values()]
    const byNamespace = new Map(this.#byNamespace)
    for (const { namespace } of bumps) byNamespace.set(namespace, (byNamespace.get(namespace) ?? 0) + 1)
    const owed = [
      ...this.#lanes.map((lane) => lane.invalidations.oldestSinceMs),
      ...bumps.map(({ sinceMs }) => sinceMs),
    ]
    return {
      invalidations: this.#sum(({ invalidations }) => invalidations.size) + bumps.length,
      values: this.#sum(({ values }) => values.size),
      bytes: this.valueBytes + this.invalidationBytes,
      oldestSinceMs: earliest(owed),
      waitingSinceMs: earliest([...owed, ...this.#lanes.map(({ values }) => values.oldestSinceMs)]),
      byNamespace,
    }
  }

  #queue(lane: Lane, index: number, seq: number, operation: CacheOperation, sinceMs: number): void {
    const name = operationName(operation)
    const log = isInvalidation(operation) ? 'invalidations' : 'values'
    if (stands(lane.invalidations.get(name), operation) || stands(lane.values.get(name), operation)) return
    this.#remove(lane, 'values', name)
    if (log === 'invalidations' && lane.invalidations.get(name) === undefined) this.#count(operation.namespace, 1)
    const bytes = Buffer.concat(encodeRecord({ seq, lane: index, operation }))
    lane[log].put(name, { seq, bytes, operation }, sinceMs)
  }

  #remove(lane: Lane, log: 'invalidations' | 'values', name: string): void {
    const held = lane[log].remove(name)
    if (held !== undefined && log === 'invalidations') this.#count(held.operation.namespace, -1)
  }

  #count(namespace: string, by: 1 | -1): void {
    const count = (this.#byNamespace.get(namespace) ?? 0) + by
    if (count === 0) this.#byNamespace.delete(namespace)
    else this.#byNamespace.set(namespace, count)
  }

  /** The oldest of each lane in turn, until those that are left have room. */
  #giveUpValues(): void {
    while (this.valueBytes > this.#options.limits.valuesBytes) {
      for (const [index, lane] of this.#lanes.entries()) this.#giveUpFirst(lane, index)
    }
  }

  /** What is too old to be applied there is a delete. */
  #giveUpOld(lane: Lane, index: number): void {
    const limit = this.#options.clock.now() - setAgeLimitMs
    for (;;) {
      const { first } = lane.values
      if (first === undefined || stampMs(first.operation.stamp) >= limit) return
      this.#giveUpFirst(lane, index)
    }
  }

  #giveUpFirst(lane: Lane, index: number): void {
    const { first } = lane.values
    if (first === undefined) return
    this.#droppedValues++
    const { operation } = first
    const name = operationName(operation)
    const sinceMs = lane.values.sinceMs(name) ?? this.#options.clock.now()
    this.#remove(lane, 'values', name)
    this.#queue(lane, index, this.#options.nextSeq(), asDelete(operation), sinceMs)
  }

  /** In place of all invalidations of the namespace that has most of them: one of the whole of it, with the newest stamp. */
  #widen(): void {
    let most = ''
    for (const [namespace, count] of this.#byNamespace) {
      if (count > (this.#byNamespace.get(most) ?? 0)) most = namespace
    }
    let { stamp, sinceMs } = this.#bumps.get(most) ?? { stamp: 0n, sinceMs: Number.POSITIVE_INFINITY }
    for (const lane of this.#lanes) {
      for (const [name, { operation }] of lane.invalidations.all()) {
        if (operation.namespace !== most) continue
        if (operation.stamp > stamp) stamp = operation.stamp
        sinceMs = Math.min(sinceMs, lane.invalidations.sinceMs(name) ?? sinceMs)
        this.#remove(lane, 'invalidations', name)
      }
    }
    this.#bumps.set(most, { namespace: most, stamp, sinceMs })
    this.#tell(0)
  }

  #sum(of: (lane: Lane) => number): number {
    let sum = 0
    for (const lane of this.#lanes) sum += of(lane)
    return sum
  }

  #tell(lane: number): void {
    for (const listener of this.#listeners) listener(lane)
  }
}

/** What waits is newer. On a tie the delete counts, which is what is left of a value; of two touches of one item the later. */
function stands(waiting: Waiting | undefined, { stamp, kind }: CacheOperation): boolean {
  if (waiting === undefined) return false
  const held = waiting.operation
  return held.stamp > stamp || (held.stamp === stamp && (isInvalidation(held) || kind === 'set'))
}

/** Invalidations come first, and take of the room of the values. */
function takeFrom(log: WaitingLog, room: { most: number; bytes: number; first: boolean }): TakenRecord[] {
  const records: TakenRecord[] = []
  for (const [, waiting] of log.all()) {
    const fits = room.most > 0 && waiting.bytes.length <= room.bytes
    if (!fits && !room.first) break
    room.first = false
    room.most--
    room.bytes -= waiting.bytes.length
    records.push(waiting)
  }
  return records
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
