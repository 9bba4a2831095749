import type { Background } from '#server-kit/background.ts'
import type { Log } from '#server-kit/log.ts'
import { compact, records } from './compaction.ts'
import type { DestinationReader } from './destination-reader.ts'
import type { JournalParts } from './journal-parts.ts'
import { RecordCounts } from './namespace-counts.ts'
import { keyTextOf, seqOf, stampOf } from './raw-record.ts'
import type { LogKind, Segment } from './segment.ts'

export interface HousekeepingOptions {
  readonly parts: JournalParts
  readonly log: Log
  readonly background: Background
  readonly readers: () => readonly DestinationReader[]
  /** Up to this seq all stands in the zones of this site. */
  readonly applied: () => number
  /** Appends the delete of the record's key with its stamp; true: it is on the disk. */
  readonly giveUp: (bytes: Buffer, at: number) => Promise<boolean>
}

/** Makes room in the logs: gives up what everybody has, and under pressure what somebody can do without. */
export class Housekeeping {
  readonly #options: HousekeepingOptions
  /** By log: what takes segments out of it goes one after the other. */
  readonly #work: Record<LogKind, Promise<unknown>> = { invalidations: Promise.resolve(), values: Promise.resolve() }
  #isCompacting = false
  /** Smaller than this it was of no use, or is not yet again. */
  #compactAgainBytes = 0
  droppedValues = 0
  compactions = 0

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  /** For a log that has no room for another segment: true when it has. */
  makeRoom(kind: LogKind): Promise<boolean> {
    return this.#alone(kind, async () => {
      if (await this.#removePassed(kind)) return true
      return kind === 'values' ? this.#giveUpOldest() : this.#compact()
    })
  }

  /** The invalidations grew: above half of their room they are compacted, unless that was of no use lately. */
  grown(): void {
    const { bytes, limitBytes } = this.#options.parts.logs.invalidations
    if (this.#isCompacting || bytes < Math.max(limitBytes / 2, this.#compactAgainBytes)) return
    this.#isCompacting = true
    const compacting = this.#alone('invalidations', () => this.#compact()).finally(() => {
      this.#isCompacting = false
    })
    this.#options.background.run('compact the cache journal', compacting)
  }

  /** Removes what everybody has. Rejects with what the disk says. */
  async tidy(): Promise<void> {
    await this.#alone('invalidations', () => this.#removePassed('invalidations'))
    await this.#alone('values', () => this.#removePassed('values'))
    const { parts, readers, applied } = this.#options
    await parts.dirty.clean(
      readers().map(({ name }) => name),
      applied(),
    )
  }

  async idle(): Promise<void> {
    await Promise.all([this.#work.invalidations, this.#work.values])
  }

  #alone<T>(kind: LogKind, work: () => Promise<T>): Promise<T> {
    const working = this.#work[kind].then(work)
    this.#work[kind] = working.catch(() => {
      // Whoever asked for that work was told.
    })
    return working
  }

  async #removePassed(kind: LogKind): Promise<boolean> {
    const { parts, readers, applied } = this.#options
    const all = readers()
    const isPassed = ({ lastSeq, lastSeqs }: Segment): boolean =>
      lastSeq <= applied() && all.every((reader) => reader.hasPassed(kind, lastSeqs))
    // The newest stays: it is written to, and tells how far the numbers went.
    const passed = parts.logs[kind].segments.slice(0, -1).filter(isPassed)
    if (passed.length > 0) await parts.logs[kind].replace(new Set(passed), [], () => undefined)
    return passed.length > 0
  }

  /** Invalidations of which a newer one waits, or which everybody has, are left out. */
  async #compact(): Promise<boolean> {
    const { parts, readers, applied } = this.#options
    const log = parts.logs.invalidations
    if (log.bytes < this.#compactAgainBytes) return false
    const dropped = new Map(readers().map((reader) => [reader, new RecordCounts()]))
    const run = (): Promise<boolean> =>
      compact({
        log,
        isPassed: (record) =>
          seqOf(record, 0) <= applied() && readers().every((reader) => !reader.isOwed('invalidations', record)),
        onDropped: (record) => {
          for (const [reader, counts] of dropped) if (reader.isAhead('invalidations', record)) counts.add(record, 0)
        },
        onReplaced: () => {
          for (const [reader, counts] of dropped) reader.unnote('invalidations', counts)
        },
      })
    // What a reader has read by now it will acknowledge; what it has not must not be read while it may vanish.
    const paused = [...dropped.keys()].reduce((inner, reader) => () => reader.paused(inner), run)
    const isSmaller = await paused()
    this.compactions += isSmaller ? 1 : 0
    // Each time all of it is read: only when it has grown by a half again, the work stays in proportion.
    this.#compactAgainBytes = log.bytes * 1.5
    return isSmaller
  }

  /** The values of the oldest segment become deletes of their keys, and are on the disk as such before it goes. */
  async #giveUpOldest(): Promise<boolean> {
    const { parts, readers, applied, giveUp, log } = this.#options
    const [oldest, next] = parts.logs.values.segments
    if (oldest === undefined || next === undefined) return false
    const newest = new Map<string, Buffer>()
    const shipped: Buffer[] = []
    for await (const { bytes, seq } of records(parts.logs.values, oldest.lastSeq)) {
      const isOwed = readers().some((reader) => reader.isOwed('values', bytes))
      if (isOwed) shipped.push(bytes)
      if (!isOwed && seq <= applied()) continue
      const name = keyTextOf(bytes, 0)
      const before = newest.get(name)
      if (before === undefined || stampOf(before, 0) <= stampOf(bytes, 0)) newest.set(name, bytes)
    }
    const deletes = [...newest.values()].map((bytes) => giveUp(bytes, 0))
    if ((await Promise.all(deletes)).includes(false)) return false
    await parts.logs.values.replace(new Set([oldest]), [], () => {
      for (const reader of readers()) {
        const dropped = new RecordCounts()
        for (const bytes of shipped) if (reader.isAhead('values', bytes)) dropped.add(bytes, 0)
        reader.unnote('values', dropped)
      }
    })
    this.droppedValues += newest.size
    log.warn({ values: newest.size }, 'the cache journal has no room for more values: the oldest became deletes')
    return true
  }
}
