import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib'
import { type BodySink, type BodyStream, isStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Coding } from './accept-encoding.ts'

/**
 * What a service said waits no longer than this for more to be compressed with it. Also where it goes on saying little: else
 * a trickle would stay here, and nobody would see that its client has left.
 */
const flushAfterMs = 20

/**
 * A body that is compressed as it flows. Both sides hold back: a slow client stops the compressor, a full compressor stops
 * the service. Whoever leaves first frees the compressor's memory, which no garbage collector counts.
 */
export class CompressedBody implements BodyStream, BodySink {
  readonly #x: Exchange
  readonly #source: Buffer | BodyStream
  readonly #coding: Coding
  #compressor: ReturnType<typeof open> | undefined
  #sink: BodySink | undefined
  #trailers: HeaderPairs | undefined
  #flush: NodeJS.Timeout | undefined
  #over = false

  constructor(x: Exchange, source: Buffer | BodyStream, coding: Coding) {
    this.#x = x
    this.#source = source
    this.#coding = coding
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    const compressor = open(this.#coding)
    this.#compressor = compressor
    compressor.on('data', (chunk: Buffer) => {
      if (!sink.write(chunk)) compressor.pause()
    })
    compressor.once('end', () => {
      this.#finish()
      sink.end(undefined, this.#trailers)
    })
    compressor.once('error', (cause) => this.cancel(cause))
    if (isStream(this.#source)) {
      const source = this.#source
      compressor.on('drain', () => source.resume())
      source.flow(this)
    } else {
      this.end(this.#source)
    }
  }

  /** The client takes more. */
  resume(): void {
    this.#compressor?.resume()
  }

  cancel(cause: Error): void {
    if (isStream(this.#source)) this.#source.cancel(cause)
    this.fail(cause)
  }

  write(chunk: Buffer): boolean {
    if (this.#over || this.#compressor === undefined) return true
    this.#flush ??= setTimeout(flushPause, flushAfterMs, this)
    return this.#compressor.write(chunk)
  }

  end(last?: Buffer, trailers?: HeaderPairs): void {
    if (this.#over) return
    this.#trailers = trailers
    clearTimeout(this.#flush)
    // The service is done, so nobody else hears now that the client left.
    this.#x.whenGone = () => this.fail(problems['client-gone']())
    this.#compressor?.end(last)
  }

  fail(cause: unknown): void {
    if (this.#over) return
    this.#finish()
    this.#sink?.fail(cause)
  }

  flushNow(): void {
    this.#flush = undefined
    if (!this.#over && this.#compressor?.writableEnded === false) this.#compressor.flush()
  }

  #finish(): void {
    this.#over = true
    clearTimeout(this.#flush)
    this.#compressor?.destroy()
    this.#x.whenGone = undefined
  }
}

function flushPause(body: CompressedBody): void {
  body.flushNow()
}

/** Middle levels: answers are compressed once for one client, so time counts as much as size. */
function open(coding: Coding) {
  switch (coding) {
    case 'br':
      return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
    case 'zstd':
      return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } })
    case 'gzip':
      return createGzip({ level: 5 })
  }
}
