import type { ServerResponse } from 'node:http'
import { type Answer, type BodySink, isStream } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending } from '../phase.ts'

/** Only what may stand in a status line; Node throws on anything else. */
const phrase = /^[\t\x20-\x7e]{1,200}$/

/**
 * Writes an answer to the client. `ended` is called once: after the last byte, or when there will be none. A body that
 * breaks off upstream breaks off here too: the socket is destroyed, so that no client takes it for whole (RFC 9112 section 8).
 */
export function send(x: Exchange, response: ServerResponse, answer: Answer, ended: (ending: Ending) => void): void {
  const { status, reason, headers, body } = answer
  if (x.gone || response.destroyed) {
    if (isStream(body)) body.cancel(gone)
    ended('client-aborted')
    return
  }
  if (answer.close) headers.push('connection', 'close')
  if (phrase.test(reason)) response.writeHead(status, reason, headers)
  else response.writeHead(status, headers)
  if (!isStream(body)) {
    x.bytesOut = body?.length ?? 0
    response.end(body)
    ended('done')
    return
  }
  const sink = new ResponseSink(x, response, ended)
  body.flow(sink)
  if (response.writableEnded) return
  // Nothing has come with the head: an event stream's client, or one that waits, sees the head now.
  if (!sink.touched) response.flushHeaders()
  response.on('drain', () => body.resume())
}

const gone = new Error('the client is gone')

class ResponseSink implements BodySink {
  readonly #x: Exchange
  readonly #response: ServerResponse
  readonly #ended: (ending: Ending) => void
  touched = false

  constructor(x: Exchange, response: ServerResponse, ended: (ending: Ending) => void) {
    this.#x = x
    this.#response = response
    this.#ended = ended
  }

  write(chunk: Buffer): boolean {
    this.touched = true
    this.#x.bytesOut += chunk.length
    return this.#response.write(chunk)
  }

  end(last?: Buffer): void {
    this.touched = true
    this.#x.bytesOut += last?.length ?? 0
    this.#response.end(last)
    this.#ended('done')
  }

  fail(): void {
    this.touched = true
    this.#response.destroy()
    this.#ended(this.#x.gone ? 'client-aborted' : 'upstream-truncated')
  }
}
