import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Problem } from '#routes/problem.ts'
import { problems } from './errors.ts'

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
  readonly #goOn: (() => void) | undefined
  #opened = false
  #kept: Buffer | undefined
  #upload: Upload | undefined
  #broken: Problem | undefined
  /** Bytes read so far. */
  bytes = 0

  /** `goOn` sends `100 Continue`, for a client that asked for it. */
  constructor(message: IncomingMessage, present: boolean, length: number | undefined, goOn?: () => void) {
    this.#message = message
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
   * `client-gone` when the client breaks off, and `client-too-slow` when it has not sent all within `limitMs`: nobody else
   * watches the clock here, and who is held for ever holds a place for ever.
   */
  async keep(limitBytes: number, limitMs: number): Promise<void> {
    if (!this.present || this.#opened || this.length === undefined || this.length > limitBytes) return
    const timer = setTimeout(() => this.break(problems['client-too-slow']({ close: true })), limitMs)
    try {
      const chunks: Buffer[] = []
      for await (const chunk of this.#open(limitBytes)) chunks.push(chunk as Buffer)
      this.#kept = Buffer.concat(chunks)
    } finally {
      clearTimeout(timer)
    }
  }

  /** What is sent on: a stream that fails with `body-too-large` beyond `limitBytes`, never one that ends early. */
  forward(limitBytes: number): Readable | Buffer | undefined {
    if (!this.present) return undefined
    if (this.#kept !== undefined) {
      if (this.#kept.length > limitBytes) throw problems['body-too-large']({ limit: limitBytes })
      return this.#kept
    }
    if (this.length !== undefined && this.length > limitBytes) throw problems['body-too-large']({ limit: limitBytes })
    return this.#open(limitBytes)
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

  #open(limitBytes: number): Readable {
    if (this.#broken !== undefined) throw this.#broken
    this.#opened = true
    this.#goOn?.()
    this.#upload = new Upload(this.#message, limitBytes, (bytes) => {
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
  #left: number

  constructor(message: IncomingMessage, limitBytes: number, count: (bytes: number) => void) {
    super()
    this.#message = message
    this.#left = limitBytes
    message.on('data', (chunk: Buffer) => {
      if (this.destroyed) return
      count(chunk.length)
      this.#left -= chunk.length
      if (this.#left < 0) this.destroy(problems['body-too-large']({ limit: limitBytes }))
      else if (!this.push(chunk)) message.pause()
    })
    message.once('end', () => this.push(null))
    // A body that breaks off is told as a failure: to the service it must never look complete.
    message.once('error', (cause) => this.destroy(problems['client-gone']({ cause })))
    message.once('close', () => {
      if (!message.complete) this.destroy(problems['client-gone']())
    })
    message.pause()
    // Whoever reads it has a listener of its own; a failure when nobody reads any more must not end the process.
    this.on('error', () => {})
  }

  override _read(): void {
    this.#message.resume()
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    // What still comes is read and dropped, or the client could not see an answer behind its own upload.
    this.#message.resume()
    done(cause)
  }
}
