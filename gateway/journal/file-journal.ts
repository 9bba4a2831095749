import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { asDelete, type CacheOperation, operationName } from '../store/cache-operation.ts'
import { fnv1a } from '../store/fnv.ts'
import { encodeRecord, type Intent, mustSurvive, type Recorded } from '../store/operation-record.ts'
import type { DestinationReader } from './destination-reader.ts'
import { eachRecord } from './frame.ts'
import { type Batch, GroupCommit, refused } from './group-commit.ts'
import { Housekeeping } from './housekeeping.ts'
import {
  type Appended,
  type AppendOptions,
  type Journal,
  type JournalReader,
  type JournalStats,
  laneCount,
} from './journal.ts'
import type { JournalParts } from './journal-parts.ts'
import { formatMarks } from './journal-state.ts'
import { LogCursor } from './log-cursor.ts'
import { deleteOf, isIntent, keyOf, laneOf, localLane, namespaceOf, stampOf } from './raw-record.ts'
import type { LogKind } from './segment.ts'
import { unapplied } from './unapplied.ts'

/** Records that wait for the disk, bytes. */
const waitingLimitBytes = { invalidations: 32 * 1024 * 1024, values: 64 * 1024 * 1024 }
const defaultStallMs = 10_000
/** Marks are written at most so often. */
const marksEveryMs = 100
const tellEveryMs = 10_000

export interface FileJournalOptions {
  readonly parts: JournalParts
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  /** Called when it is closed or retired, and its files are let go. */
  readonly onEnd: () => void
  /** After which a write that the disk does not answer counts as standing nowhere, ms; default 10,000. */
  readonly stallMs?: number
}

/** The journal of one slot, in the files that `openParts` found or made. */
export class FileJournal implements Journal {
  readonly #parts: JournalParts
  readonly #clock: Clock
  readonly #log: Log
  readonly #background: Background
  readonly #lossKnownTo = new Set<string>()
  readonly #onEnd: () => void
  readonly #commits: Readonly<Record<LogKind, GroupCommit>>
  readonly #readers = new Map<string, DestinationReader>()
  readonly #housekeeping: Housekeeping
  #head: number
  #newestStamp: bigint
  #applied: number
  #replayed: boolean
  #marksTimer: NodeJS.Timeout | undefined
  #ending: Promise<void> | undefined
  readonly #toldAt = new Map<string, number>()

  constructor({ parts, clock, log, background, onEnd, stallMs = defaultStallMs }: FileJournalOptions) {
    this.#parts = parts
    this.#clock = clock
    this.#log = log
    this.#background = background
    this.#onEnd = onEnd
    this.#head = parts.head
    this.#newestStamp = parts.newestStamp
    this.#applied = parts.applied
    this.#replayed = parts.applied >= parts.head && parts.dirty.size === 0
    for (const reader of parts.readers) this.#join(reader)
    this.#housekeeping = new Housekeeping({
      parts,
      log,
      background,
      readers: () => [...this.#readers.values()],
      applied: () => this.#applied,
      giveUp: (bytes, at) => this.#giveUp(bytes, at),
    })
    const onStall = (): void =>
      this.#tell('error', { stallMs }, 'the disk of the cache journal does not answer: writes to the cache are refused')
    const committing = { stallMs, now: () => clock.now(), onStall }
    this.#commits = {
      invalidations: new GroupCommit({
        ...committing,
        synced: true,
        waitingLimitBytes: waitingLimitBytes.invalidations,
        commit: (batch, frame) => this.#commitInvalidations(batch, frame),
      }),
      values: new GroupCommit({
        ...committing,
        synced: false,
        waitingLimitBytes: waitingLimitBytes.values,
        commit: (batch, frame) => this.#commitValues(batch, frame),
      }),
    }
  }

  get id(): string {
    return this.#parts.identity.id
  }

  get place(): string {
    return this.#parts.place
  }

  get lost(): boolean {
    return this.#parts.identity.lost
  }

  get afterLoss(): boolean {
    return this.#parts.identity.afterLoss
  }

  get head(): number {
    return this.#head
  }

  get newestStamp(): bigint {
    return this.#newestStamp
  }

  knowsLoss(destination: string): void {
    const { identity, saveState } = this.#parts
    if (!identity.afterLoss) return
    this.#lossKnownTo.add(destination)
    if (!this.destinations().every((each) => this.#lossKnownTo.has(each))) return
    identity.afterLoss = false
    // Not there after a crash: they are told once more, and know it already.
    this.#background.run('note that the loss of a cache journal is known', saveState())
  }

  async settleLoss(): Promise<boolean> {
    const { identity, saveState } = this.#parts
    identity.lost = false
    try {
      await saveState()
      return true
    } catch (cause) {
      identity.lost = true
      this.#log.warn({ err: cause }, 'the cache journal could not note that its loss is settled')
      return false
    }
  }

  append(operation: CacheOperation, { local = false }: AppendOptions = {}): Appended {
    return this.#append(operation, local ? localLane : laneFor(operation))
  }

  intend(intent: Intent): Appended {
    return this.#append(intent, localLane)
  }

  applied(through: number): void {
    if (!this.#replayed || through <= this.#applied) return
    this.#applied = through
    this.#marksChanged()
  }

  async *unapplied(): AsyncGenerator<CacheOperation, void> {
    const { logs, dirty, head } = this.#parts
    for (const { namespace, stamp } of dirty.all())
      yield { kind: 'invalidate', namespace, target: 'all', key: '', stamp }
    const cursors = [logs.invalidations, logs.values].map((log) => new LogCursor(log, 'all', this.#applied))
    const told: Promise<boolean>[] = []
    yield* unapplied(cursors, head, (abandoned) => told.push(this.append(abandoned).durable))
    // Else the next process finds the intents again.
    if ((await Promise.all(told)).includes(false)) return
    dirty.replayed(this.#head)
    this.#replayed = true
  }

  destinations(): readonly string[] {
    return [...this.#readers.keys()]
  }

  reader(destination: string): JournalReader {
    const known = this.#readers.get(destination)
    if (known !== undefined) return known
    const reader = this.#parts.openReader(destination)
    for (const kind of ['invalidations', 'values'] as const)
      for (const segment of this.#parts.logs[kind].segments) reader.noteAll(kind, segment)
    this.#join(reader)
    this.#marksChanged()
    return reader
  }

  async forget(destination: string): Promise<void> {
    if (!this.#readers.delete(destination)) return
    await this.#writeMarks(true)
  }

  stats(): JournalStats {
    const { logs, dirty, syncTimes } = this.#parts
    const { droppedValues, compactions } = this.#housekeeping
    return {
      bytes: { invalidations: logs.invalidations.bytes, values: logs.values.bytes },
      droppedValues,
      compactions,
      dirty: dirty.names,
      sync: syncTimes.quantiles(),
    }
  }

  close(): Promise<void> {
    this.#ending ??= this.#close()
    return this.#ending
  }

  retire(): Promise<void> {
    this.#ending ??= this.#retire()
    return this.#ending
  }

  /** Resolves when nothing is on its way to the disk. */
  async idle(): Promise<void> {
    // Values first: what of them finds no room goes on as invalidations.
    await this.#commits.values.idle()
    await this.#commits.invalidations.idle()
    await this.#housekeeping.idle()
  }

  async #close(): Promise<void> {
    clearTimeout(this.#marksTimer)
    await this.idle()
    try {
      await this.#parts.logs.values.sync()
      await this.#writeMarks(true)
    } finally {
      await this.#parts.close()
      this.#onEnd()
    }
  }

  async #retire(): Promise<void> {
    clearTimeout(this.#marksTimer)
    await this.idle()
    // They outlive the rest: whoever has the slot next must stay above its stamps.
    await this.#writeMarks(true)
    await this.#parts.remove()
    this.#onEnd()
  }

  #join(reader: DestinationReader): void {
    this.#readers.set(reader.name, reader)
    reader.onMarked = () => this.#marksChanged()
  }

  #append(operation: Recorded, lane: number): Appended {
    const seq = ++this.#head
    if (this.#ending !== undefined) return { seq, ...refused }
    if (operation.stamp > this.#newestStamp) this.#newestStamp = operation.stamp
    const batch = this.#commits[mustSurvive(operation) ? 'invalidations' : 'values'].add(
      encodeRecord({ seq, lane, operation }),
    )
    return batch === undefined ? { seq, ...refused } : { seq, written: batch.written, durable: batch.durable }
  }

  /** In place of a value, for those who wait for it: the delete of its key, with its stamp. True: it is on the disk. */
  #giveUp(bytes: Buffer, at: number): Promise<boolean> {
    const place = { namespace: namespaceOf(bytes, at), key: keyOf(bytes, at), stamp: stampOf(bytes, at) }
    // What was to become of an intent nobody elsewhere was told yet.
    const lane = isIntent(bytes, at) ? laneFor(asDelete(place)) : laneOf(bytes, at)
    const record = deleteOf(bytes, at, ++this.#head, lane)
    return this.#commits.invalidations.add([record])?.durable ?? refused.durable
  }

  async #commitInvalidations(batch: Batch, frame: Buffer): Promise<boolean> {
    if (await this.#write('invalidations', batch, frame)) return true
    const lost = new Map<string, { stamp: bigint; seq: number }>()
    eachRecord(frame, (at) => {
      const namespace = namespaceOf(frame, at)
      const stamp = stampOf(frame, at)
      const before = lost.get(namespace)
      if (before === undefined || before.stamp < stamp) lost.set(namespace, { stamp, seq: this.#head })
    })
    const isMarked = await this.#parts.dirty.mark(lost)
    const namespaces = [...lost.keys()].slice(0, 20)
    if (isMarked)
      this.#tell('error', { namespaces }, 'invalidations found no room: their namespaces start anew at every site')
    else this.#tell('error', { namespaces }, 'invalidations found no room on the disk, and are refused')
    for (const reader of this.#readers.values()) reader.wakeForBump()
    return isMarked
  }

  async #commitValues(batch: Batch, frame: Buffer): Promise<boolean> {
    if (await this.#write('values', batch, frame)) return true
    const deletes: Promise<boolean>[] = []
    eachRecord(frame, (at) => deletes.push(this.#giveUp(frame, at)))
    return !(await Promise.all(deletes)).includes(false)
  }

  /** False: there is no room, or the disk fails in two segments, one after the other. */
  async #write(kind: LogKind, batch: Batch, frame: Buffer): Promise<boolean> {
    const log = this.#parts.logs[kind]
    for (let tries = 0; tries < 2; tries++) {
      try {
        if (!log.hasRoom(frame.length) && !(await this.#housekeeping.makeRoom(kind))) return false
        await log.append(frame, () => batch.isWritten(true))
        this.#note(kind, frame)
        return true
      } catch (cause) {
        this.#tell('warn', { log: kind, err: cause }, 'the disk did not take a write to the cache journal')
      }
    }
    return false
  }

  #note(kind: LogKind, frame: Buffer): void {
    const atMs = this.#clock.now()
    for (const reader of this.#readers.values()) {
      eachRecord(frame, (at) => reader.note(kind, frame, at, atMs))
      reader.wake()
    }
    if (kind === 'invalidations') this.#housekeeping.grown()
  }

  #marksChanged(): void {
    if (this.#marksTimer !== undefined || this.#ending !== undefined) return
    this.#marksTimer = setTimeout(() => {
      this.#marksTimer = undefined
      this.#background.run('keep the marks of the cache journal', () => this.#keepMarks())
    }, marksEveryMs)
    this.#marksTimer.unref()
  }

  #writeMarks(synced: boolean): Promise<void> {
    return this.#parts.marksFile.write(
      () =>
        formatMarks({
          applied: this.#applied,
          head: this.#head,
          stamp: String(this.#newestStamp),
          destinations: Object.fromEntries([...this.#readers].map(([name, reader]) => [name, reader.marks()])),
        }),
      synced,
    )
  }

  /** A line of each kind now and then: while a disk is full each write would say so. */
  #tell(level: 'warn' | 'error', facts: object, text: string): void {
    const now = this.#clock.monotonic()
    if (now - (this.#toldAt.get(text) ?? Number.NEGATIVE_INFINITY) < tellEveryMs) return
    this.#toldAt.set(text, now)
    this.#log[level](facts, text)
  }

  async #keepMarks(): Promise<void> {
    await this.#writeMarks(false)
    await this.#housekeeping.tidy()
  }
}

const laneFor = (operation: CacheOperation): number => fnv1a(operationName(operation)) % laneCount
