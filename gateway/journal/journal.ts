import type { CacheOperation } from '../store/cache-operation.ts'
import type { Intent } from '../store/operation-record.ts'

/**
 * PORT: what this process has written to the cache and somebody has still to be told, on its disk. Two logs with one row of
 * sequence numbers: `invalidations` (deletes, tags, scopes, bumps), of which nothing is ever lost, and `values` (sets,
 * touches, intents), of which the oldest are given up for deletes of their keys when room is short.
 */
export interface Journal {
  /** Names one life of the files: a lost or damaged journal goes on under another one. 32 hex digits. */
  readonly id: string
  /** The same across restarts and losses: host, home and slot, hashed. A peer tells by it that a journal was replaced. */
  readonly place: string
  /** What was there before could not be read whole: invalidations may be lost, here and at the other sites. Until `settleLoss`. */
  readonly lost: boolean
  /** An earlier life was lost, and not every destination has answered this one. Each batch says so until then. */
  readonly afterLoss: boolean
  /** The destination has answered this life. */
  knowsLoss(destination: string): void
  /** The floor of this site is raised: the next process need not do it again. False: the disk did not take it. */
  settleLoss(): Promise<boolean>
  /** Newest seq given. */
  readonly head: number
  /** The highest stamp of all that was ever appended at this place, as far as the files tell; 0: none. */
  readonly newestStamp: bigint

  /**
   * Takes note of a write, before the zones are asked. Returns at once and never throws. `seq` rises with each call.
   * `written` resolves when the operating system has it (it survives this process); `durable` when the disk has it (it
   * survives the machine); only invalidations are synced, for others `durable` is `written`. Both settle within bounded time:
   * `false` means that it stands nowhere, and whoever asked must be told so.
   */
  append(operation: CacheOperation, options?: AppendOptions): Appended
  /** The same for a key that is about to be written, for what is decided elsewhere. Not shipped. Nobody needs to wait for it. */
  intend(intent: Intent): Appended

  /**
   * All writes up to this seq stand in every zone of this site: they need not be repeated after a restart. Taken only after
   * `unapplied` was read to its end.
   */
  applied(through: number): void
  /**
   * What a process that ended did not bring to its zones for certain, in order; read once, at the start, before anything is
   * appended. Intents that nothing followed come as deletes, and are appended as such for the other sites.
   */
  unapplied(): AsyncIterable<CacheOperation>

  /** Who is waited for: all that ever had a reader here and were not forgotten, whether or not they have one now. */
  destinations(): readonly string[]
  /** For one other site: one object a destination, whose marks outlive the process. A new one begins with the oldest record. */
  reader(destination: string): JournalReader
  /** What a reader left behind is nobody's: its destination was taken out of the configuration. */
  forget(destination: string): Promise<void>

  stats(): JournalStats
  /** Syncs, keeps the marks, releases the files. What readers have not acknowledged stays for the next process. */
  close(): Promise<void>
  /** Instead of `close`, when everybody has everything and was told that this journal ends: the slot is empty afterwards. */
  retire(): Promise<void>
}

export interface AppendOptions {
  /** Received from another site and not yet in each zone of this one: for `unapplied` alone, readers never see it. */
  readonly local?: boolean
}

export interface Appended {
  readonly seq: number
  readonly written: Promise<boolean>
  readonly durable: Promise<boolean>
}

export const laneCount = 4

/** One destination's view: what it has not acknowledged, lane by lane, in order. Survives restarts with its marks. */
export interface JournalReader {
  /**
   * The next records of a lane, invalidations first, at most so many and so many bytes, at least one if any waits. Reads
   * ahead from the disk when they are no longer in memory. They stay until they are acknowledged; called again before that,
   * it gives the same ones (and perhaps more). Only what is durable (invalidations) or written (values) is given. A set that
   * is over (`apply-if-newer.ts`) comes as a delete with its seq and stamp. Rejects with `cache-journal-unreadable` when the
   * disk cannot be read: what waits stays owed.
   */
  take(lane: number, most: number, mostBytes: number): Promise<Taken>
  /** The destination has these. */
  acknowledge(lane: number, through: Through): void
  /** Bumps that stand for invalidations which found no room on the disk: shipped before all else, once each until settled. */
  bumps(): readonly PendingBump[]
  settleBump(bump: PendingBump): void
  /** Called (in the same turn, without argument of content) when a lane that had nothing to give has something. */
  onMore(listener: (lane: number) => void): () => void
  debt(): ReaderDebt
}

/** Per log, the newest seq that is acknowledged or was given up for a newer one; with nothing between it and the first given. */
export interface Through {
  readonly invalidations: number
  readonly values: number
}

export interface TakenLog {
  /** Seq of the last record that the destination has, or that was superseded: the receiver can tell a gap. */
  readonly after: number
  /** Whole records (`operation-record.ts`), as they go on the wire. */
  readonly records: readonly TakenRecord[]
}

export interface TakenRecord {
  readonly seq: number
  readonly bytes: Buffer
}

export interface Taken {
  readonly invalidations: TakenLog
  readonly values: TakenLog
}

export interface PendingBump {
  readonly namespace: string
  readonly stamp: bigint
}

export interface ReaderDebt {
  /** Invalidations that the destination has not acknowledged; a pending bump counts as one. */
  readonly invalidations: number
  readonly values: number
  readonly bytes: number
  /** Unix ms at which the oldest of the invalidations was appended; undefined: there is none. */
  readonly oldestSinceMs: number | undefined
  /** Oldest of all that waits. */
  readonly waitingSinceMs: number | undefined
  /** Invalidations by namespace; at most 10,000 names, the rest under `*`. */
  readonly byNamespace: ReadonlyMap<string, number>
}

export interface JournalStats {
  readonly bytes: { readonly invalidations: number; readonly values: number }
  /** Values given up for deletes since the start. */
  readonly droppedValues: number
  readonly compactions: number
  /** Namespaces of which invalidations found no room, until every destination has had their bump. */
  readonly dirty: readonly string[]
  /** ms, of the last syncs: median and 99th percentile. */
  readonly sync: { readonly p50: number; readonly p99: number }
}
