import type { BodySink, BodyStream } from '../../../gateway/answer.ts'
import type { HeaderPairs } from '../../../gateway/header-pairs.ts'

/** A body of a service, as a test lets it come. */
export class PlantedSource implements BodyStream {
  #sink: BodySink | undefined
  readonly cancelled: Error[] = []
  /** The other side asked it to hold back. */
  heldBack = false
  resumed = 0

  flows = 0

  get flowing(): boolean {
    return this.#sink !== undefined
  }

  flow(sink: BodySink): void {
    this.flows++
    this.#sink = sink
  }

  resume(): void {
    this.heldBack = false
    this.resumed++
  }

  /** As a real one does: who reads it is told. */
  cancel(cause: Error): void {
    this.cancelled.push(cause)
    this.#sink?.fail(cause)
  }

  write(text: string | Buffer): void {
    const goesOn = this.#sink?.write(Buffer.from(text)) ?? true
    this.heldBack = !goesOn
  }

  end(last?: string, trailers?: HeaderPairs): void {
    this.#sink?.end(last === undefined ? undefined : Buffer.from(last), trailers)
  }

  fail(cause: unknown): void {
    this.#sink?.fail(cause)
  }
}

/** A client: what it got, and how it ended. It takes all at once, or `takes` chunks each time that it is asked on. */
export class PlantedClient implements BodySink {
  readonly #takes: number
  #left: number
  readonly chunks: string[] = []
  readonly ends: ('ended' | 'failed')[] = []
  cause: unknown
  trailers: HeaderPairs | undefined
  body: BodyStream | undefined

  constructor(takes: number = Number.POSITIVE_INFINITY) {
    this.#takes = takes
    this.#left = takes
  }

  get text(): string {
    return this.chunks.join('')
  }

  read(body: BodyStream | undefined): this {
    this.body = body
    body?.flow(this)
    return this
  }

  write(chunk: Buffer): boolean {
    this.chunks.push(chunk.toString('latin1'))
    return --this.#left > 0
  }

  end(last?: Buffer, trailers?: HeaderPairs): void {
    if (last !== undefined) this.chunks.push(last.toString('latin1'))
    this.trailers = trailers
    this.ends.push('ended')
  }

  fail(cause: unknown): void {
    this.cause = cause
    this.ends.push('failed')
  }

  /** It has taken what it got. */
  drain(): void {
    this.#left = this.#takes
    this.body?.resume()
  }
}
