/**
 * SHARED BODY: one body of a service, read once: into a whole for the store, and by any number of clients at their own pace.
 *
 *   const shared = SharedBody.open({ source, length, maxBytes, room, service, wanted, collected })
 *   undefined      -> no room in this process: use `source` as it is, release the waiters ('busy')
 *   shared.reader()   a BodyStream from the first byte on, for the leader and each waiter; undefined: over, go elsewhere
 *   shared.start()    lets the source flow without waiting for the first reader to do so
 *   shared.reconsider() after the last waiter left: cancels the source if nobody reads and `wanted()` is false
 *   shared.close()    no reader will be asked for any more (the flight has ended): its bytes go when the last reader has them
 *
 *   collected(outcome), once:  'whole'     -> `body`; every reader gets all of it
 *                              'given-up'  -> longer than maxBytes, no room, or trailers: readers that there are get all of it, at
 *                                             the pace of the slowest; nothing is stored; release who still waits
 *                              'failed'    -> cut off, or not as long as it said: every reader has failed
 *                              'cancelled' -> nobody wanted it any more
 *
 * While it collects, no reader holds the source back: the bytes are bounded by maxBytes, and of all bodies by `room`.
 */
import type { BodySink, BodyStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { CollectingRoom } from './collecting-room.ts'

export type Collected =
  | { readonly kind: 'whole'; readonly body: Buffer }
  | { readonly kind: 'given-up'; readonly because: 'too-large' | 'busy' | 'trailers' }
  | { readonly kind: 'failed'; readonly cause: unknown }
  | { readonly kind: 'cancelled' }

export interface SharedBodyOptions {
  readonly source: BodyStream
  /** What Content-Length says; undefined = not known before the end. Above `maxBytes`: do not share it. */
  readonly length: number | undefined
  /** More is not collected. */
  readonly maxBytes: number
  readonly room: CollectingRoom
  /** Whose share of the room it takes. */
  readonly service: string
  /** Asked when no reader is left: is it still wanted, for those who wait or for the store? */
  readonly wanted: () => boolean
  readonly collected: (outcome: Collected) => void
}

/** What may wait for the slowest reader once nothing is collected, bytes. */
const backlogBytes = 64 * 1024

export class SharedBody {
  readonly #options: SharedBodyOptions
  readonly #readers = new Set<Reader>()
  #chunks: Buffer[] = []
  /** Chunks that were freed before the first of `#chunks`. */
  #freed = 0
  /** Bytes of `#chunks`. */
  #heldBytes = 0
  #receivedBytes = 0
  #takenBytes: number
  #state: 'collecting' | 'passing' | 'ended' | 'over' = 'collecting'
  #started = false
  #closed = false
  /** The source was told to hold back. */
  #heldBack = false
  #told = false
  #trailers: HeaderPairs | undefined

  private constructor(options: SharedBodyOptions) {
    this.#options = options
    this.#takenBytes = options.length ?? 0
  }

  /** Undefined: this process has no room for it now, or it is too long: `source` was not touched. */
  static open(options: SharedBodyOptions): SharedBody | undefined {
    const { length = 0, maxBytes, room, service } = options
    // All at once where the length is known: whoever began to read gets to the end, and nothing is given up midway.
    return length <= maxBytes && room.take(service, length) ? new SharedBody(options) : undefined
  }

  /** From the first byte on. Undefined: it failed, its first bytes are gone, or its flight has ended. */
  reader(): BodyStream | undefined {
    if (this.#closed || this.#freed > 0 || this.#state === 'over') return undefined
    const reader = new Reader(this)
    this.#readers.add(reader)
    return reader
  }

  start(): void {
    if (this.#started || this.#state === 'over') return
    this.#started = true
    this.#options.source.flow({
      write: (chunk) => this.#write(chunk),
      end: (last, trailers) => this.#end(last, trailers),
      fail: (cause) => this.#fail(cause),
    })
  }

  reconsider(): void {
    if (this.#readers.size > 0 || this.#state === 'ended' || this.#state === 'over') return
    if (this.#state === 'collecting' && this.#options.wanted()) return
    this.#state = 'over'
    this.#tell({ kind: 'cancelled' })
    this.#free()
    this.#options.source.cancel(unwanted)
  }

  close(): void {
    this.#closed = true
    this.#free()
  }

  /** For its readers: the next piece, and whether the body ends with it. */
  next(at: number): Piece {
    const chunk = this.#chunks[at - this.#freed]
    const isLast = this.#state === 'ended' && at + 1 >= this.#freed + this.#chunks.length
    return { chunk, isLast, trailers: this.#trailers }
  }

  /** For its readers, after what it did not take at once: a source that was held back goes on. */
  taken(): void {
    this.#free()
    if (!this.#heldBack || this.#heldBytes >= backlogBytes) return
    this.#heldBack = false
    this.#options.source.resume()
  }

  /** For its readers: this one has all, or wants no more. */
  done(reader: Reader): void {
    this.#readers.delete(reader)
    this.taken()
    this.reconsider()
  }

  #write(chunk: Buffer): boolean {
    this.#take(chunk)
    for (const reader of this.#readers) reader.pump()
    this.#free()
    this.#heldBack = this.#state === 'passing' && this.#heldBytes >= backlogBytes
    return !this.#heldBack
  }

  #take(chunk: Buffer): void {
    const { length, maxBytes, room, service } = this.#options
    this.#receivedBytes += chunk.length
    if (length !== undefined && this.#receivedBytes > length) {
      this.#break(problems['upstream-invalid']({ because: 'a longer body than its length says' }))
      return
    }
    if (this.#state === 'collecting' && length === undefined) {
      if (this.#receivedBytes > maxBytes) this.#giveUp('too-large')
      else if (room.take(service, chunk.length)) this.#takenBytes += chunk.length
      else this.#giveUp('busy')
    }
    this.#chunks.push(chunk)
    this.#heldBytes += chunk.length
  }

  #end(last: Buffer | undefined, trailers: HeaderPairs | undefined): void {
    if (last !== undefined) this.#take(last)
    if (this.#state === 'over') return
    const { length } = this.#options
    if (length !== undefined && this.#receivedBytes < length) {
      this.#fail(problems['upstream-invalid']({ because: 'a shorter body than its length says' }))
      return
    }
    this.#trailers = trailers
    if (trailers !== undefined && this.#state === 'collecting') this.#giveUp('trailers')
    if (this.#isOver()) return
    const isWhole = this.#state === 'collecting'
    this.#state = 'ended'
    if (isWhole) this.#tell({ kind: 'whole', body: this.#whole() })
    for (const reader of this.#readers) reader.pump()
    this.#free()
  }

  #fail(cause: unknown): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#tell({ kind: 'failed', cause })
    for (const reader of this.#readers) reader.fail(cause)
    this.#readers.clear()
    this.#free()
  }

  /** The source is not to be believed any more. */
  #break(cause: Error): void {
    this.#fail(cause)
    this.#options.source.cancel(cause)
  }

  /** From now on it only passes through, to those who read already. */
  #giveUp(because: 'too-large' | 'busy' | 'trailers'): void {
    this.#state = 'passing'
    this.#tell({ kind: 'given-up', because })
    this.reconsider()
  }

  #isOver(): boolean {
    return this.#state === 'over'
  }

  #tell(outcome: Collected): void {
    if (this.#told) return
    this.#told = true
    this.#options.collected(outcome)
  }

  #whole(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#heldBytes)
  }

  /** Lets go of what no reader can ask for any more. */
  #free(): void {
    let needed = this.#freed + this.#chunks.length
    if (this.#state === 'collecting' || (this.#state === 'ended' && !this.#closed && this.#freed === 0)) return
    for (const reader of this.#readers) needed = Math.min(needed, reader.at)
    while (this.#freed < needed) {
      this.#heldBytes -= (this.#chunks.shift() as Buffer).length
      this.#freed++
    }
    const { room, service } = this.#options
    const takenBytes = Math.min(this.#takenBytes, this.#heldBytes)
    room.giveBack(service, this.#takenBytes - takenBytes)
    this.#takenBytes = takenBytes
  }
}

interface Piece {
  /** Undefined: it has not come yet, or there is none. */
  readonly chunk: Buffer | undefined
  readonly isLast: boolean
  readonly trailers: HeaderPairs | undefined
}

/** One client of a shared body. */
class Reader implements BodyStream {
  readonly #shared: SharedBody
  #sink: BodySink | undefined
  #paused = false
  #over = false
  #cause: unknown
  /** The chunk that it takes next. */
  at = 0

  constructor(shared: SharedBody) {
    this.#shared = shared
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    if (this.#over) sink.fail(this.#cause)
    else this.pump()
    this.#shared.taken()
    this.#shared.start()
  }

  resume(): void {
    this.#paused = false
    this.pump()
    this.#shared.taken()
  }

  cancel(cause: Error): void {
    if (this.#over) return
    this.fail(cause)
    this.#shared.done(this)
  }

  fail(cause: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#cause = cause
    this.#sink?.fail(cause)
  }

  /** Hands on all that is there, as far as its client takes it. */
  pump(): void {
    const sink = this.#sink
    if (sink === undefined) return
    while (!this.#paused && !this.#over) {
      const { chunk, isLast, trailers } = this.#shared.next(this.at)
      if (chunk === undefined && !isLast) break
      this.at++
      if (isLast) {
        this.#over = true
        sink.end(chunk, trailers)
        this.#shared.done(this)
      } else if (chunk !== undefined) this.#paused = !sink.write(chunk)
    }
  }
}

const unwanted = new Error('nobody wants the rest')
