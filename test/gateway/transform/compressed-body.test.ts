import { randomBytes } from 'node:crypto'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { BodySink, BodyStream } from '../../../gateway/answer.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { CompressedBody } from '../../../gateway/transform/compressed-body.ts'
import { eventually } from '../../support/eventually.ts'
import { exchangeOf } from '../exchange.ts'

/** A source that a test drives, and that tells what was asked of it. */
class Source implements BodyStream {
  sink: BodySink | undefined
  whenResumed: () => void = () => {}
  cancelled: Error | undefined
  flow(sink: BodySink): void {
    this.sink = sink
  }
  resume(): void {
    this.whenResumed()
  }
  cancel(cause: Error): void {
    this.cancelled = cause
  }
}

class Client implements BodySink {
  readonly chunks: Buffer[] = []
  takes = true
  ended = false
  trailers: readonly string[] | undefined
  failed: unknown
  write(chunk: Buffer): boolean {
    this.chunks.push(chunk)
    return this.takes
  }
  end(last?: Buffer, trailers?: string[]): void {
    if (last !== undefined) this.chunks.push(last)
    this.trailers = trailers
    this.ended = true
  }
  fail(cause: unknown): void {
    this.failed = cause
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

function flowing(coding: 'br' | 'gzip' | 'zstd' = 'gzip') {
  const x: Exchange = exchangeOf()
  const source = new Source()
  const client = new Client()
  const body = new CompressedBody(x, source, coding)
  body.flow(client)
  return { x, source, client, body, sink: source.sink as BodySink }
}

describe('a compressed body', () => {
  it.each([
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
  ] as const)('in %s is what the service sent, with its trailers', async (coding, decompress) => {
    const { client, sink } = flowing(coding)

    sink.write(Buffer.from('first '))
    sink.end(Buffer.from('last'), ['x-sum', '1'])

    await eventually(() => client.ended)
    expect(String(decompress(client.bytes))).toBe('first last')
    expect(client.trailers).toEqual(['x-sum', '1'])
  })

  it('of an answer that is at hand needs no source', async () => {
    const client = new Client()
    new CompressedBody(exchangeOf(), Buffer.from('a'.repeat(5000)), 'gzip').flow(client)

    await eventually(() => client.ended)
    expect(gunzipSync(client.bytes).length).toBe(5000)
    expect(client.bytes.length).toBeLessThan(100)
  })

  it('reaches its client while the service pauses', async () => {
    const { client, sink } = flowing()

    sink.write(Buffer.from('{"line":1}\n'))

    // `finishFlush` of an unfinished stream: what has come so far.
    await eventually(() => client.bytes.length > 12 && partOf(client.bytes) === '{"line":1}\n')
    sink.end()
    await eventually(() => client.ended)
  })

  it('U4: holds the service back while its client takes nothing, and lets it go on after', async () => {
    const { client, source, sink, body } = flowing()
    const chunk = randomBytes(64 * 1024)
    let sent = 0
    source.whenResumed = () => {
      while (sent < 200) {
        sent++
        if (!sink.write(chunk)) return
      }
      sink.end()
    }
    client.takes = false

    source.resume()
    // Time enough for a compressor that nobody holds to work off 12 MiB.
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(sent).toBeLessThan(20)

    client.takes = true
    body.resume()
    await eventually(() => client.ended, { deadlineMs: 20_000 })
    expect(gunzipSync(client.bytes).length).toBe(200 * chunk.length)
  })

  it('F13: breaks off where the service broke off, and is never made to look whole', async () => {
    const { client, sink } = flowing()
    sink.write(Buffer.from('half'))

    sink.fail(new Error('reset'))

    expect(client.failed).toEqual(new Error('reset'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(client.ended).toBe(false)
  })

  it('C1: tells the service when its client leaves', () => {
    const { source, body, client } = flowing()

    body.cancel(new Error('gone'))

    expect(source.cancelled).toEqual(new Error('gone'))
    expect(client.failed).toEqual(new Error('gone'))
  })

  it('is freed when its client leaves after the service is done', async () => {
    const { x, client, sink } = flowing()
    client.takes = false
    sink.end(randomBytes(1024 * 1024))

    x.leave()

    expect(client.failed).toMatchObject({ code: 'client-gone' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(client.ended).toBe(false)
  })
})

function partOf(bytes: Buffer): string | undefined {
  try {
    return String(gunzipSync(bytes, { finishFlush: 2 }))
  } catch {
    return undefined
  }
}
