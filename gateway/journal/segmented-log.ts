import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import { eachRecord, readFrameHead } from './frame.ts'
import {
  createSegment,
  type LogKind,
  type Segment,
  type SegmentPlace,
  segmentHeadBytes,
  segmentName,
  writeSegmentHead,
} from './segment.ts'
import type { SyncTimes } from './sync-times.ts'

export interface SegmentedLogOptions {
  readonly place: SegmentPlace
  readonly segmentBytes: number
  /** All segments together. */
  readonly limitBytes: number
  /** Frames that stay in memory for whoever reads right behind the writer, bytes. */
  readonly tailBytes: number
  /** Each frame is on the disk before it counts, and each segment has its room there before it is used. */
  readonly synced: boolean
  readonly nextNumber: () => number
  /** Writes down which segments there are; synced. */
  readonly saveList: () => Promise<void>
  readonly syncTimes: SyncTimes
  readonly now: () => number
  readonly log: Log
}

/** One row of frames over several files, and the newest of them in memory. It has one writer, who waits for each frame. */
export class SegmentedLog {
  readonly #options: SegmentedLogOptions
  #segments: Segment[] = []
  #spare: Promise<Segment | undefined> | undefined
  readonly #tail = new Map<string, Buffer>()
  #tailBytes = 0
  /** Another one when segments were taken out of the row: a place in it must be looked for anew. */
  generation = 0

  constructor(options: SegmentedLogOptions) {
    this.#options = options
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  get kind(): LogKind {
    return this.#options.place.kind
  }

  get limitBytes(): number {
    return this.#options.limitBytes
  }

  get segmentBytes(): number {
    return this.#options.segmentBytes
  }

  /** Of all files, in use or not. */
  get bytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.bytes
    return bytes
  }

  /** For the list that the state keeps: number and, when it is sealed, where it ends. */
  list(): readonly (readonly [number, number])[] {
    return this.#segments.map(({ number, sealed, end }) => [number, sealed ? end : 0] as const)
  }

  /** What a recovery found. The last of them is written on. */
  restore(segments: readonly Segment[]): void {
    this.#segments = [...segments]
    for (const segment of segments) segment.listed = true
  }

  /** Whether the frame finds a place without more room than the log may have. */
  hasRoom(frameBytes: number): boolean {
    return this.#fits(frameBytes) || this.bytes + this.#segmentBytesFor(frameBytes) <= this.#options.limitBytes
  }

  /**
   * Writes the frame behind all others, in a new segment where needed. `onWritten` is called when the operating system has it,
   * where the disk is still waited for.
   * Rejects when the disk does; then nothing is written to that segment any more, and the next call begins another one.
   */
  async append(frame: Buffer, onWritten: () => void): Promise<Segment> {
    if (!this.#fits(frame.length)) await this.#roll(frame.length)
    const segment = this.#segments.at(-1) as Segment
    if (!segment.listed) await this.#saveList()
    const at = segment.end
    try {
      await segment.file.write(frame, at)
      if (this.#options.synced) {
        onWritten()
        await this.sync(segment)
      }
    } catch (cause) {
      // What stands behind `end` now is unknown, and after a failed sync it may vanish later.
      segment.sealed = true
      throw cause
    }
    this.#count(segment, frame)
    this.#keep(segment.number, at, frame)
    return segment
  }

  async sync(segment = this.#segments.at(-1)): Promise<void> {
    if (segment === undefined) return
    const startedAt = this.#options.now()
    await segment.file.sync()
    this.#options.syncTimes.add(this.#options.now() - startedAt)
  }

  /** The frame, if it is among the newest. */
  remembered(number: number, at: number): Buffer | undefined {
    return this.#tail.get(`${number}:${at}`)
  }

  /** Puts `segments` (already in their files) in the place of `gone`. Rejects when the list cannot be written; all is as before. */
  async replace(gone: ReadonlySet<Segment>, segments: readonly Segment[], onReplaced: () => void): Promise<void> {
    const before = this.#segments
    this.#segments = [...segments, ...before.filter((segment) => !gone.has(segment))]
    try {
      await this.#saveList()
    } catch (cause) {
      this.#segments = [
        ...before,
        ...this.#segments.filter((each) => !before.includes(each) && !segments.includes(each)),
      ]
      throw cause
    }
    this.generation++
    onReplaced()
    await this.discard([...gone])
  }

  /** A segment that is not in the row yet: for `replace`. */
  async createOutside(bytes: number): Promise<Segment> {
    return this.#withHead(await this.#create(bytes))
  }

  async writeOutside(segment: Segment, frame: Buffer): Promise<void> {
    await segment.file.write(frame, segment.end)
    this.#count(segment, frame)
  }

  async sealOutside(segment: Segment): Promise<void> {
    await this.sync(segment)
    segment.sealed = true
  }

  /** Removes files that are not in the row. */
  async discard(segments: readonly Segment[]): Promise<void> {
    await Promise.all(segments.map((segment) => this.#discard(segment)))
  }

  /** Makes the next segment before it is needed. */
  prepare(): void {
    if (this.#spare !== undefined || this.bytes + this.#options.segmentBytes > this.#options.limitBytes) return
    this.#spare = this.#create(this.#options.segmentBytes).catch((cause: unknown) => {
      this.#options.log.warn({ log: this.kind, err: cause }, 'no room for the next segment of the cache journal')
      return undefined
    })
  }

  async close(): Promise<void> {
    const spare = await this.#spare
    this.#spare = undefined
    if (spare !== undefined) await this.#discard(spare)
    for (const { file } of this.#segments) await file.close()
  }

  #fits(frameBytes: number): boolean {
    const last = this.#segments.at(-1)
    return last !== undefined && !last.sealed && last.end + frameBytes <= last.bytes
  }

  #segmentBytesFor(frameBytes: number): number {
    return Math.max(this.#options.segmentBytes, segmentHeadBytes + frameBytes)
  }

  async #roll(frameBytes: number): Promise<void> {
    const { limitBytes, synced } = this.#options
    const bytes = this.#segmentBytesFor(frameBytes)
    if (this.bytes + bytes > limitBytes) throw problems['cache-journal-full']({ log: this.kind, bytes: limitBytes })
    const last = this.#segments.at(-1)
    // Its frames count as history from now on: whatever is missing of them later is a loss.
    if (last !== undefined && !last.sealed && !synced) await this.sync(last)
    const segment = await this.#withHead(await this.#take(bytes))
    if (last !== undefined) last.sealed = true
    this.#segments.push(segment)
    await this.#saveList()
    this.prepare()
  }

  async #take(bytes: number): Promise<Segment> {
    const spare = bytes === this.#options.segmentBytes ? await this.#spare : undefined
    if (spare === undefined) {
      if (bytes === this.#options.segmentBytes) this.#spare = undefined
      return this.#create(bytes)
    }
    this.#spare = undefined
    return spare
  }

  #create(bytes: number): Promise<Segment> {
    const { place, nextNumber, synced } = this.#options
    return createSegment(place, nextNumber(), bytes, synced)
  }

  async #withHead(segment: Segment): Promise<Segment> {
    try {
      await writeSegmentHead(this.#options.place, segment)
    } catch (cause) {
      await this.#discard(segment)
      throw cause
    }
    return segment
  }

  async #saveList(): Promise<void> {
    const named = [...this.#segments]
    await this.#options.saveList()
    for (const segment of named) segment.listed = true
  }

  async #discard(segment: Segment): Promise<void> {
    const { files, folder } = this.#options.place
    try {
      await segment.file.close()
      await files.remove(`${folder}/${segmentName(segment.number)}`)
    } catch (cause) {
      // The next start removes what the state does not name.
      this.#options.log.warn({ log: this.kind, err: cause }, 'a segment of the cache journal could not be removed')
    }
  }

  /** The frame stands behind the others. */
  #count(segment: Segment, frame: Buffer): void {
    segment.end += frame.length
    const atMs = readFrameHead(frame, 0)?.atMs ?? 0
    eachRecord(frame, (record) => segment.note(frame, record, atMs))
  }

  #keep(number: number, at: number, frame: Buffer): void {
    this.#tail.set(`${number}:${at}`, frame)
    this.#tailBytes += frame.length
    for (const [place, oldest] of this.#tail) {
      if (this.#tailBytes <= this.#options.tailBytes) return
      this.#tail.delete(place)
      this.#tailBytes -= oldest.length
    }
  }
}
