import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Problem } from '#routes/problem.ts'
import type { Clock } from '#server-kit/clock.ts'
import { BodyClock, type BodyPace } from './body-clock.ts'
import { ChunkMarks } from './chunk-marks.ts'
import { problems } from './errors.ts'

/** How slowly a client may send, and by which clock. */
export interface BodyTiming {
  readonly pace: BodyPace
  readonly clock: Clock
}

/**
 * The body of a client's request: read by whoever needs it, once, and not before. A client that waits for `100 Continue`
 * is told to go on at the first read, so that a refusal comes without an upload. RFC 9110 section 10.1.1.
 */
export class RequestBody {
  /** False: neither Content-Length above 0 nor Transfer-Encoding. */
  readonly present: boolean
  /** Content-Length; undefined = not told. */
  readonly length: number | undefined
  readonly #message: IncomingMessage
  readonly #pace: BodyPace
  readonly #clock: Clock
  readonly #goOn: (() => void) | undefined
  #opened = false
  #kept: Buffer | undefined
  #upload: Upload | undefined
  #broken: Problem | undefined
  /** Bytes read so far. */
  bytes = 0

  /** `goOn` sends `100 Continue`, for a client that asked for it. */
  constructor(
    message: IncomingMessage,
    { present, length }: { readonly present: boolean; readonly length: number | undefined },
    { pace, clock }: BodyTiming,
    goOn?: () => void,
  ) {
    this.#message = message
    this.#pace = pace
    this.#clock = clock
    this.present = present
    this.length = length
    this.#goOn = goOn
  }

  /** It can be sent now, and if it was kept, again. */
  get sendable(): boolean {
    return !this.present || !this.#opened || this.#kept !== undefined
  }

  /** All of it has come from the client, or there is none. */
  get complete(): boolean {
    return !this.present || this.#message.complete
  }

  /**
   * Reads a body that says it has at most `limitBytes`, so that it can be sent twice; any other one is left alone. Throws
   * `client-gone` when the client breaks off, and `client-too-slow` when it has not sent all within `limitMs`.
   */
  async keep(limitBytes: number, limitMs: number): Promise<void> {
    if (!this.present || this.#opened || this.length === undefined || this.length > limitBytes) return
    await this.whole(limitBytes, limitMs)
  }

  /** All of the body, kept so that it can still be sent; one beyond `limitBytes` fails with `body-too-large`. Throws as `keep`. */
  async whole(limitBytes: number, limitMs: number): Promise<Buffer> {
    const source = this.forward(limitBytes)
    if (source === undefined || Buffer.isBuffer(source)) return source ?? Buffer.alloc(0)
    const timer = setTimeout(() => this.break(problems['client-too-slow']({ close: true })), limitMs)
    try {
      const chunks: Buffer[] = []
      for await (const chunk of source) chunks.push(chunk as Buffer)
      this.#kept = Buffer.concat(chunks)
      return this.#kept
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * What is sent on: a stream that fails with `body-too-large` beyond `limitBytes`, and with `client-too-slow` when the client
   * falls behind its pace (`idleMs` = the route's own limit between two pieces); never one that ends early.
   */
  forward(limitBytes: number, idleMs?: number): Readable | Buffer | undefined {
    if (!this.present) return undefined
    if (this.#kept !== undefined) {
      if (this.#kept.length > limitBytes) throw problems['body-too-large']({ limit: limitBytes })
      return this.#kept
    }
    if (this.length !== undefined && this.length > limitBytes) throw problems['body-too-large']({ limit: limitBytes })
    return this.#open(limitBytes, idleMs)
  }

  /** The rest cannot be read: whoever reads it, now or later, fails with `problem`. */
  break(problem: Problem): void {
    this.#broken = problem
    this.#upload?.destroy(problem)
  }

  /** Nobody reads the rest: it is dropped as it comes. */
  discard(): void {
    this.#upload?.destroy()
  }

  #open(limitBytes: number, idleMs = this.#pace.idleMs): Readable {
    if (this.#broken !== undefined) throw this.#broken
    this.#opened = true
    this.#goOn?.()
    const pace = { ...this.#pace, idleMs }
    const clock = new BodyClock(pace, this.#clock, () => this.break(problems['client-too-slow']({ close: true })))
    this.#upload = new Upload(this.#message, limitBytes, clock, (bytes) => {
      this.bytes += bytes
    })
    return this.#upload
  }
}

/**
 * The message's bytes as a stream of our own: destroying it, as an HTTP client does when it is finished, must not destroy
 * the socket that the answer goes out on.
 */
class Upload extends Readable {
  readonly #message: IncomingMessage
  readonly #clock: BodyClock
  readonly #marks: ChunkMarks | undefined
  #left: number

  constructor(message: IncomingMessage, limitBytes: number, clock: BodyClock, count: (bytes: number) => void) {
    super()
    this.#message = message
    this.#clock = clock
    this.#left = limitBytes
    this.#marks = message.headers['transfer-encoding'] === undefined ? undefined : new ChunkMarks(message)
    message.on('data', (chunk: Buffer) => {
      if (this.destroyed) return
      count(chunk.length)
      clock.heard(chunk.length)
      this.#left -= chunk.length
      if (this.#marks?.tooManyAt(chunk.length))
        return void this.destroy(problems['framing-invalid']({ because: 'long chunk extensions', close: true }))
      if (this.#left < 0) this.destroy(problems['body-too-large']({ limit: limitBytes }))
      else if (!this.push(chunk)) this.#hold()
    })
    message.once('end', () => {
      clock.stop()
      this.push(null)
    })
    // A body that breaks off is told as a failure: to the service it must never look complete.
    message.once('error', (cause) => this.destroy(problems['client-gone']({ cause })))
    message.once('close', () => {
      if (!message.complete) this.destroy(problems['client-gone']())
    })
    message.pause()
    // Whoever reads it has a listener of its own; a failure when nobody reads any more must not end the process.
    this.on('error', () => {})
  }

  /** The reader is behind: what the client does not send now is not its fault. */
  #hold(): void {
    this.#clock.hold()
    this.#message.pause()
  }

  override _read(): void {
    if (!this.#message.complete) this.#clock.run()
    this.#message.resume()
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.#clock.stop()
    // What still comes is read and dropped, or the client could not see an answer behind its own upload.
    this.#message.resume()
    done(cause)
  }
}
