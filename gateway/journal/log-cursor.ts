import { problems } from '../errors.ts'
import { type FrameHead, frameHeadBytes, frameTailBytes, isWholeFrame, readFrameHead } from './frame.ts'
import { endOf, laneOf, localLane, seqOf } from './raw-record.ts'
import type { Segment } from './segment.ts'
import { segmentHeadBytes } from './segment.ts'
import type { SegmentedLog } from './segmented-log.ts'

/** Read from the disk at once, bytes; more only for a frame that is longer. */
const readAheadBytes = 256 * 1024

export interface ReadRecord {
  readonly seq: number
  readonly bytes: Buffer
  /** Unix ms at which its frame was written. */
  readonly atMs: number
}

/** Which records somebody reads: of one lane, or all with those that are for this site alone. */
export type Wanted = number | 'all'

/** A place in a log that moves towards its end. Holds one piece of a file at most. */
export class LogCursor {
  readonly #log: SegmentedLog
  readonly #wanted: Wanted
  #seq: number
  #generation = -1
  #segment: Segment | undefined
  /** Of the frame, and in it of the next record; 0: its head. */
  #frameAt = 0
  #recordAt = 0
  #chunk: { readonly at: number; readonly bytes: Buffer } | undefined
  /** The frame at that place: its records were checked once. */
  #current: Frame | undefined

  /** Begins behind `after`. */
  constructor(log: SegmentedLog, wanted: Wanted, after: number) {
    this.#log = log
    this.#wanted = wanted
    this.#seq = after
  }

  /** What it has passed, given or not. */
  get seq(): number {
    return this.#seq
  }

  /**
   * Adds the next records until one of the limits is reached; at least one, if there is any. False: nothing is there yet.
   * What was added counts as read, also when it rejects for what follows.
   */
  async read(most: number, mostBytes: number, into: ReadRecord[]): Promise<boolean> {
    let records = 0
    let bytes = 0
    while (records < most && bytes < mostBytes) {
      const frame = this.#frame() ?? (await this.#load())
      if (frame === undefined) break
      if (frame === 'moved') continue
      const last = frame.at + frame.head.bytes - frameTailBytes
      let at = frame.at + frameHeadBytes + this.#recordAt
      while (at < last && records < most && bytes < mostBytes) {
        const end = endOf(frame.bytes, at)
        const seq = seqOf(frame.bytes, at)
        if (seq > this.#seq) {
          this.#seq = seq
          if (this.#wants(laneOf(frame.bytes, at))) {
            into.push({ seq, bytes: frame.bytes.subarray(at, end), atMs: frame.head.atMs })
            records++
            bytes += end - at
          }
        }
        at = end
      }
      this.#recordAt = at - frame.at - frameHeadBytes
      if (at < last) break
      this.#frameAt += frame.head.bytes
      this.#recordAt = 0
      this.#current = undefined
    }
    return records > 0
  }

  #wants(lane: number): boolean {
    return this.#wanted === 'all' || (lane === this.#wanted && lane !== localLane)
  }

  /** The frame at hand, without the disk. */
  #frame(): Frame | undefined {
    if (!this.#isPlaced()) return undefined
    if (this.#current !== undefined) return this.#current
    const remembered = this.#log.remembered((this.#segment as Segment).number, this.#frameAt)
    const chunk = this.#chunk
    if (remembered !== undefined) this.#current = framed(remembered, 0)
    else if (chunk !== undefined) this.#current = framed(chunk.bytes, this.#frameAt - chunk.at)
    return this.#current
  }

  /** Whether a frame is there to be read; steps into the next segment when one is at its end. */
  #isPlaced(): boolean {
    const { segments, generation } = this.#log
    if (this.#generation !== generation || this.#segment === undefined) {
      this.#generation = generation
      this.#enter(segments.find(({ lastSeq }) => lastSeq > this.#seq))
    }
    while (this.#segment !== undefined && this.#frameAt >= this.#segment.end) {
      const next = segments[segments.indexOf(this.#segment) + 1]
      if (next === undefined) return false
      this.#enter(next)
    }
    return this.#segment !== undefined
  }

  #enter(segment: Segment | undefined): void {
    this.#segment = segment
    this.#frameAt = segmentHeadBytes
    this.#recordAt = 0
    this.#chunk = undefined
    this.#current = undefined
  }

  async #load(): Promise<Frame | 'moved' | undefined> {
    if (!this.#isPlaced()) return undefined
    const segment = this.#segment as Segment
    const at = this.#frameAt
    const generation = this.#generation
    let bytes: Buffer
    try {
      bytes = await readFrames(segment, at)
    } catch (cause) {
      // Its file was closed under our hands.
      if (generation !== this.#log.generation) return 'moved'
      throw problems['cache-journal-unreadable']({ segment: segment.number, because: 'the disk fails', cause })
    }
    // What was read may have been given up meanwhile.
    if (generation !== this.#log.generation) return 'moved'
    this.#chunk = { at, bytes }
    this.#current = framed(bytes, 0)
    if (this.#current === undefined)
      throw problems['cache-journal-unreadable']({ segment: segment.number, because: `no whole frame at ${at}` })
    return this.#current
  }
}

interface Frame {
  readonly bytes: Buffer
  readonly at: number
  readonly head: FrameHead
}

function framed(bytes: Buffer, at: number): Frame | undefined {
  if (at < 0 || at >= bytes.length) return undefined
  const head = readFrameHead(bytes, at)
  return head === undefined || !isWholeFrame(bytes, at, head) ? undefined : { bytes, at, head }
}

/** From there on, with the first frame whole. */
async function readFrames(segment: Segment, at: number): Promise<Buffer> {
  const left = segment.end - at
  const bytes = await readAt(segment, at, Math.min(left, readAheadBytes))
  const needed = readFrameHead(bytes, 0)?.bytes ?? 0
  return needed > bytes.length && needed <= left ? readAt(segment, at, needed) : bytes
}

async function readAt({ file }: Segment, at: number, bytes: number): Promise<Buffer> {
  const into = Buffer.allocUnsafeSlow(bytes)
  return into.subarray(0, await file.read(into, at))
}
