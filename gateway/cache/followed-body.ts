import type { BodySink, BodyStream } from '../answer.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Ending } from '../phase.ts'

/** A body of which somebody wants to know how it ended: told once, also where nobody ever read it. */
export class FollowedBody implements BodyStream, BodySink {
  readonly #source: BodyStream
  readonly #ended: (ending: Ending) => void
  #sink: BodySink | undefined
  #over = false

  constructor(source: BodyStream, ended: (ending: Ending) => void) {
    this.#source = source
    this.#ended = ended
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    this.#source.flow(this)
  }

  resume(): void {
    this.#source.resume()
  }

  cancel(cause: Error): void {
    this.#source.cancel(cause)
    this.#end('client-aborted')
  }

  write(chunk: Buffer): boolean {
    return this.#sink?.write(chunk) ?? true
  }

  end(last?: Buffer, trailers?: HeaderPairs): void {
    this.#end('done')
    this.#sink?.end(last, trailers)
  }

  fail(cause: unknown): void {
    this.#end('upstream-truncated')
    this.#sink?.fail(cause)
  }

  #end(ending: Ending): void {
    if (this.#over) return
    this.#over = true
    this.#ended(ending)
  }
}
