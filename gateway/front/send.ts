import type { ServerResponse } from 'node:http'
import { type Answer, type BodySink, type BodyStream, isStream } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Ending } from '../phase.ts'
import { EventBoundary } from './event-boundary.ts'
import type { EventStream, Streams } from './streams.ts'
import { TakingClock } from './taking-clock.ts'
import type { Tunnels } from './tunnels.ts'

export interface Sending {
  /** Where answers go that have no end of their own. */
  readonly streams: Streams
  readonly tunnels: Tunnels
  /** A client that takes no byte of an answer for so long loses its connection, ms. */
  readonly takingMs: number
}

/** Only what may stand in a status line; Node throws on anything else. */
const phrase = /^[\t\x20-\x7e]{1,200}$/

/**
 * Writes an answer to the client. `ended` is called once: after the last byte, or when there will be none. A body that
 * breaks off upstream breaks off here too: the socket is destroyed, so that no client takes it for whole (RFC 9112 section 8).
 * A client that takes no byte of the rest for `takingMs` loses its connection. With a tunnel, the socket of `response` is
 * joined to it.
 */
export function send(
  x: Exchange,
  response: ServerResponse,
  answer: Answer,
  ended: (ending: Ending) => void,
  { streams, tunnels, takingMs }: Sending,
): void {
  const { status, reason, headers, body, tunnel } = answer
  if (x.gone || response.destroyed) {
    if (isStream(body)) body.cancel(gone)
    tunnel?.destroy()
    ended('client-aborted')
    return
  }
  // With 101 the connection is not HTTP's any more.
  if (answer.close && tunnel === undefined) headers.push('connection', 'close')
  if (tunnel !== undefined) response.sendDate = false
  if (phrase.test(reason)) response.writeHead(status, reason, headers)
  else response.writeHead(status, headers)
  if (tunnel !== undefined) {
    response.flushHeaders()
    tunnels.join(x, response, tunnel, ended)
    return
  }
  if (!isStream(body)) {
    x.bytesOut = body?.length ?? 0
    response.end(body)
    limitTaking(response, takingMs)
    ended('done')
    return
  }
  const sink = answer.events
    ? new EventSink(x, response, body, ended, takingMs, streams)
    : new ResponseSink(x, response, ended, takingMs)
  response.on('drain', () => body.resume())
  body.flow(sink)
  // Nothing has come with the head: an event stream's client, or one that waits, sees the head now.
  if (!sink.touched && !response.writableEnded) response.flushHeaders()
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
  if (response.writableLength > 0) new TakingClock(response, takingMs).run()
}

const gone = new Error('the client is gone')

class ResponseSink implements BodySink {
  readonly #x: Exchange
  readonly #response: ServerResponse
  readonly #ended: (ending: Ending) => void
  readonly #takingMs: number
  #clock: TakingClock | undefined
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
    if (this.#response.write(chunk)) return true
    this.#expectTaking()
    return false
  }

  /** Trailers of an answer with a stated length have no place to stand: Node leaves them out. */
  end(last?: Buffer, trailers?: HeaderPairs): void {
    this.touched = true
    this.#x.bytesOut += last?.length ?? 0
    if (trailers !== undefined && trailers.length > 0) this.#response.addTrailers(inPairs(trailers))
    this.#response.end(last)
    if (this.#response.writableLength > 0) this.#expectTaking()
    this.#ended('done')
  }

  fail(cause: unknown): void {
    this.touched = true
    breakOff(this.#response)
    this.#ended(this.#x.gone ? 'client-aborted' : endingOf(cause))
  }

  #expectTaking(): void {
    this.#clock ??= new TakingClock(this.#response, this.#takingMs)
    this.#clock.run()
  }
}

/** An event stream, which may be asked to leave: it then ends behind the event that is under way, cleanly. */
class EventSink extends ResponseSink implements EventStream {
  readonly #body: BodyStream
  readonly #streams: Streams
  readonly #boundary = new EventBoundary()
  #leaving = false
  #over = false

  constructor(
    x: Exchange,
    response: ServerResponse,
    body: BodyStream,
    ended: (ending: Ending) => void,
    takingMs: number,
    streams: Streams,
  ) {
    super(x, response, ended, takingMs)
    this.#body = body
    this.#streams = streams
    streams.begin(this)
  }

  override write(chunk: Buffer): boolean {
    if (this.#over) return true
    const at = this.#leaving ? this.#boundary.within(chunk) : undefined
    if (at === undefined) {
      this.#boundary.passed(chunk)
      return super.write(chunk)
    }
    this.#stop(chunk.subarray(0, at))
    return true
  }

  override end(last?: Buffer, trailers?: HeaderPairs): void {
    if (this.#over) return
    this.#close()
    super.end(last, trailers)
  }

  override fail(cause: unknown): void {
    if (this.#over) return
    this.#close()
    super.fail(cause)
  }

  leave(): void {
    this.#leaving = true
    if (this.#boundary.here) this.#stop()
  }

  #stop(last?: Buffer): void {
    if (this.#over) return
    this.#close()
    // The connection stays until the listener has ended: a client that comes again on it at once is answered, and told to
    // go elsewhere. Closed here, it would be closed under that request.
    super.end(last)
    this.#body.cancel(left)
  }

  #close(): void {
    this.#over = true
    this.#streams.end(this)
  }
}

const left = new Error('the gateway is ending')

function endingOf(cause: unknown): Ending {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return code === 'idle-timeout' ? 'idle-timeout' : 'upstream-truncated'
}

function inPairs(flat: HeaderPairs): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] as string, flat[at + 1] as string])
  return pairs
}
