import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Answer, BodySink, BodyStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, type HeaderPairs } from '../header-pairs.ts'
import { answerFault } from './answer-fault.ts'
import type { Carrier } from './connections.ts'
import { type CallFailure, failureOf } from './failure.ts'
import { connectionOf, passAnswer, passTrailers, takesTrailers } from './hop-by-hop.ts'
import { upgradeAnswer, wantsUpgrade } from './upgrade.ts'

export interface CallRequest {
  readonly path: string
  readonly headers: HeaderPairs
  readonly body: Readable | Buffer | undefined
  /** From the last byte of the request to the answer's head, ms. */
  readonly firstByteMs: number
  /** From the start to the answer's end, ms; a stream has none. */
  readonly totalMs: number
}

/** Connections to one other program, and how many calls are under way on them. */
export interface Line {
  readonly pool: Dispatcher
  inFlight: number
}

export type CallOutcome =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly failure: CallFailure }

/** What an answer that comes before anybody takes its body may hold back here, bytes. */
const earlyLimitBytes = 64 * 1024
/** Informational answers to one request; more are a flood. */
const informLimit = 20
/** Between two pieces of an answer, where the route says nothing, ms: of a whole answer, and of a stream. */
const idleMs = 15_000
const streamIdleMs = 3_600_000

/**
 * One request to one service or peer, and its answer as it comes. Resolves when the head of the answer is there; a failure
 * after that is the body's. A client that leaves ends the call at once. A wanted change of protocol, once the other program
 * has agreed, is an answer with a tunnel.
 */
export function call(line: Line, x: Exchange, request: CallRequest): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const handler = new Call(line, x, request, resolve)
    line.pool.dispatch(dispatchOptions(x, request), handler)
  })
}

function dispatchOptions(x: Exchange, { path, headers, body }: CallRequest): Dispatcher.DispatchOptions {
  const options: Dispatcher.DispatchOptions = { method: x.method, path, headers, body: body ?? null }
  if (wantsUpgrade(x)) options.upgrade = 'websocket'
  // undici gives up the connection behind each HEAD, for services that send a body all the same. Such bytes end the connection
  // when they come, as those behind a 304 do; the other requests need not pay for them.
  else if (x.method === 'HEAD') options.reset = false
  return options
}

class Call implements Dispatcher.DispatchHandler, BodyStream {
  readonly #line: Line
  readonly #x: Exchange
  readonly #request: CallRequest
  readonly #settle: (outcome: CallOutcome) => void
  readonly #startedMs = performance.now()
  /** Monotonic ms by which the answer must be whole. */
  #untilMs: number
  #idleMs = 0
  #movedMs = 0
  #paused = false
  #controller: Dispatcher.DispatchController | undefined
  #carrier: Partial<Carrier> | undefined
  #timer: NodeJS.Timeout | undefined
  #sink: BodySink | undefined
  #early: Buffer[] = []
  #earlyBytes = 0
  #informed = 0
  #trailers: HeaderPairs | undefined
  #surplus = false
  #state: 'waiting' | 'flowing' | 'ended' | 'failed' = 'waiting'
  #cause: Error | undefined

  constructor(line: Line, x: Exchange, request: CallRequest, settle: (outcome: CallOutcome) => void) {
    line.inFlight++
    this.#line = line
    this.#x = x
    this.#request = request
    this.#settle = settle
    const { body, totalMs } = request
    this.#untilMs = Math.min(this.#startedMs + totalMs, x.deadlineMs)
    if (body === undefined || Buffer.isBuffer(body)) this.#expectHead()
    else {
      // While an upload is on its way nobody may expect an answer yet.
      this.#arm(totalLate, this.#untilMs - this.#startedMs)
      body.once('end', () => this.#state === 'waiting' && this.#expectHead())
    }
    x.whenGone = () => this.cancel(problems['client-gone']())
  }

  onRequestStart(controller: Dispatcher.DispatchController, carrier: Partial<Carrier>): void {
    this.#controller = controller
    this.#carrier = carrier
    // It was given up while it waited for a connection.
    if (this.#cause !== undefined) controller.abort(this.#cause)
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, _: number, __: unknown, socket: Duplex): void {
    const answer = upgradeAnswer(this.#x, controller.rawHeaders as Buffer[], socket)
    this.#x.firstByteMs = performance.now()
    this.#state = 'ended'
    this.#finish()
    if (answer !== undefined) {
      this.#x.whenGone = () => socket.destroy()
      this.#settle({ ok: true, answer })
    } else {
      socket.destroy()
      const problem = problems['upstream-invalid']({ because: 'another protocol than the one asked for' })
      this.#settle({ ok: false, failure: failureOf(problem, true) })
    }
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _: unknown, reason = ''): void {
    const raw = controller.rawHeaders as Buffer[]
    if (status > 101 && status < 200) {
      this.#inform(status, raw)
      return
    }
    const because = answerFault(status, raw)
    if (because !== undefined) {
      this.cancel(problems['upstream-invalid']({ because, status }))
      return
    }
    this.#x.firstByteMs = performance.now()
    const headers = passAnswer(raw, status, takesTrailers(this.#x))
    if (this.#x.method === 'HEAD' || status === 204 || status === 304) {
      // Whole with its head, whatever its length says; what the service sends behind it is no answer to anybody.
      this.#state = 'ended'
      this.#finish()
      this.#give({ status, reason, headers, body: undefined }, raw)
      return
    }
    this.#state = 'flowing'
    clearTimeout(this.#timer)
    this.#give(this.#streaming(status, reason, headers), raw)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#sink !== undefined) {
      this.#movedMs = performance.now()
      if (!this.#sink.write(chunk)) this.#pause()
      return
    }
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > earlyLimitBytes) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    // A turn later what came with its last bytes is read as well. Before anybody knows of the end, so that the word is there first.
    if (this.#isCached()) queueMicrotask(() => this.#lookBehind())
    if (this.#state !== 'flowing') return
    this.#state = 'ended'
    this.#finish()
    this.#trailers = passTrailers(controller.rawTrailers, takesTrailers(this.#x))
    this.#sink?.end(undefined, this.#trailers)
  }

  onResponseError(_: unknown, error: Error): void {
    const before = this.#state
    // Given up while it waited for a connection, and told then; or whole with its head.
    if (before === 'failed' || before === 'ended') return
    this.#state = 'failed'
    this.#finish()
    const cause = this.#cause ?? bodyFailure(this.#request.body) ?? error
    this.#cause = cause
    if (before === 'waiting') this.#settle({ ok: false, failure: failureOf(cause, this.#controller !== undefined) })
    else this.#sink?.fail(cause)
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    const early = this.#early
    this.#early = []
    if (this.#state === 'failed') {
      sink.fail(this.#cause)
      return
    }
    if (this.#state === 'ended') {
      // A small answer is all here by now: it leaves with its end, in one write.
      const last = early.length === 1 ? early[0] : Buffer.concat(early)
      sink.end(last, this.#trailers)
      return
    }
    this.#movedMs = performance.now()
    this.watch()
    let whole = true
    for (const chunk of early) whole = sink.write(chunk) && whole
    if (!whole) this.#pause()
    else if (this.#earlyBytes > earlyLimitBytes) this.#controller?.resume()
  }

  resume(): void {
    this.#paused = false
    this.#movedMs = performance.now()
    this.#controller?.resume()
  }

  cancel(cause: Error): void {
    if (this.#state === 'ended' || this.#state === 'failed') return
    this.#cause ??= cause
    if (this.#controller !== undefined) {
      this.#controller.abort(cause)
    } else if (this.#state === 'waiting') {
      // Still in the pool's queue: whoever waits is told now, `onRequestStart` ends the rest.
      this.#state = 'failed'
      this.#finish()
      this.#settle({ ok: false, failure: failureOf(cause, false) })
    }
  }

  /** Ends an answer that is late as a whole, or of which nothing has come for too long; else looks again when it could be. */
  watch(): void {
    const now = performance.now()
    // While the client holds us back, the service is not late.
    if (this.#paused) this.#movedMs = now
    const idleLeft = this.#movedMs + this.#idleMs - now
    const left = this.#untilMs - now
    if (left <= 0) this.cancel(problems['total-timeout']())
    else if (idleLeft <= 0) this.cancel(problems['idle-timeout']())
    else this.#arm(watchAnswer, Math.min(left, idleLeft))
  }

  #give(answer: Answer, raw: readonly Buffer[]): void {
    if (!this.#isCached()) {
      this.#settle({ ok: true, answer })
      return
    }
    const connection = connectionOf(raw)
    const told = { ...answer, surplus: () => this.#surplus }
    this.#settle({ ok: true, answer: connection === undefined ? told : { ...told, connection } })
  }

  #isCached(): boolean {
    return this.#x.decision?.route?.policy.cache !== undefined
  }

  #lookBehind(): void {
    this.#surplus = this.#carrier?.surplus === true
  }

  #streaming(status: number, reason: string, headers: HeaderPairs): Answer {
    const { stream, timeout } = this.#x.decision?.route?.policy ?? {}
    const events = isEventStream(headers)
    // It has no end to be late for.
    if (stream || events) this.#untilMs = Number.POSITIVE_INFINITY
    this.#idleMs = timeout?.idleMs ?? (stream || events ? streamIdleMs : idleMs)
    const answer = { status, reason, headers, body: this }
    // Compressed, or of a stated length, it cannot be ended between two events.
    const plain = firstValue(headers, 'content-encoding') ?? firstValue(headers, 'content-length')
    return events && plain === undefined ? { ...answer, events } : answer
  }

  #inform(status: number, raw: readonly Buffer[]): void {
    if (++this.#informed > informLimit) {
      this.cancel(problems['upstream-invalid']({ because: 'a flood of informational answers' }))
      return
    }
    const { inform, isDirect, decision } = this.#x
    if (isDirect && decision?.route?.policy.earlyHints && (status === 103 || status === 102)) {
      inform?.(status, passAnswer(raw, status))
    }
  }

  #expectHead(): void {
    const now = performance.now()
    const left = this.#untilMs - now
    const { firstByteMs } = this.#request
    if (left < firstByteMs) this.#arm(totalLate, left)
    else this.#arm(firstByteLate, firstByteMs)
  }

  #arm(late: (call: Call) => void, inMs: number): void {
    clearTimeout(this.#timer)
    // Node takes nothing beyond 2^31 - 1 ms.
    this.#timer = setTimeout(late, Math.min(Math.max(1, inMs), 2 ** 31 - 1), this)
  }

  #pause(): void {
    this.#paused = true
    this.#controller?.pause()
  }

  #finish(): void {
    this.#line.inFlight--
    clearTimeout(this.#timer)
    this.#x.whenGone = undefined
  }
}

function isEventStream(headers: HeaderPairs): boolean {
  return firstValue(headers, 'content-type')?.toLowerCase().startsWith('text/event-stream') ?? false
}

function firstByteLate(call: Call): void {
  call.cancel(problems['first-byte-timeout']())
}

function totalLate(call: Call): void {
  call.cancel(problems['total-timeout']())
}

function watchAnswer(call: Call): void {
  call.watch()
}

/** The client's upload failed: that, and not the broken connection that follows from it, is what happened. */
function bodyFailure(body: Readable | Buffer | undefined): Error | undefined {
  return body === undefined || Buffer.isBuffer(body) ? undefined : (body.errored ?? undefined)
}
