import type { ServerResponse } from 'node:http'
import { type Answer, type BodySink, isStream } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Ending } from '../phase.ts'

/** Only what may stand in a status line; Node throws on anything else. */
const phrase = /^[\t\x20-\x7e]{1,200}$/

/**
 * Writes an answer to the client. `ended` is called once: after the last byte, or when there will be none. A body that
 * breaks off upstream breaks off here too: the socket is destroyed, so that no client takes it for whole (RFC 9112 section 8).
 * A client that takes no byte of the rest for `takingMs` loses its connection.
 */
export function send(
  x: Exchange,
  response: ServerResponse,
  answer: Answer,
  ended: (ending: Ending) => void,
  takingMs = 30_000,
): void {
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
    limitTaking(response, takingMs)
    ended('done')
    return
  }
  const sink = new ResponseSink(x, response, ended, takingMs)
  body.flow(sink)
  if (response.writableEnded) return
  // Nothing has come with the head: an event stream's client, or one that waits, sees the head now.
  if (!sink.touched) response.flushHeaders()
  response.on('drain', () => body.resume())
}

/**
 * Ends the connection in the midst of this answer. One that still waits behind the answers to earlier requests does so when
 * its turn comes: destroyed before, it would stay at the head of the queue for ever, and the connection with it.
 */
export function breakOff(response: ServerResponse): void {
  if (response.socket === null) response.once('socket', (socket) => socket.destroy())
  else response.destroy()
}

/** Who asks and never reads would keep its place for ever: from the last byte on, no clock but this one runs. */
function limitTaking(response: ServerResponse, takingMs: number): void {
  if (response.writableLength > 0) response.setTimeout(takingMs, () => response.destroy())
}

const gone = new Error('the client is gone')

class ResponseSink implements BodySink {
  readonly #x: Exchange
  readonly #response: ServerResponse
  readonly #ended: (ending: Ending) => void
  readonly #takingMs: number
  touched = false

  constructor(x: Exchange, response: ServerResponse, ended: (ending: Ending) => void, takingMs: number) {
    this.#x = x
    this.#response = response
    this.#ended = ended
    this.#takingMs = takingMs
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
    limitTaking(this.#response, this.#takingMs)
    this.#ended('done')
  }

  fail(): void {
    this.touched = true
    breakOff(this.#response)
    this.#ended(this.#x.gone ? 'client-aborted' : 'upstream-truncated')
  }
}
