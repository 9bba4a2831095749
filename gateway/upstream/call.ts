import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Answer, BodySink, BodyStream } from '../answer.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, type HeaderPairs } from '../header-pairs.ts'
import { type CallFailure, failureOf } from './failure.ts'
import { passAnswer } from './hop-by-hop.ts'

export interface CallRequest {
  readonly path: string
  readonly headers: HeaderPairs
  readonly body: Readable | Buffer | undefined
  /** From the start to the answer's head, ms. */
  readonly firstByteMs: number
  /** From the start to the answer's end, ms; event streams have none. */
  readonly totalMs: number
}

/** Connections to one other program, and how many calls are under way on them. */
export interface Line {
  readonly pool: Dispatcher
  inFlight: number
}

/** What an answer that comes before anybody takes its body may hold back here, bytes. */
const earlyLimitBytes = 64 * 1024

export type CallOutcome =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly failure: CallFailure }

/**
 * One request to one service or peer, and its answer as it comes. Resolves when the head of the answer is there; a failure
 * after that is the body's. A client that leaves ends the call at once.
 */
export function call(line: Line, x: Exchange, request: CallRequest): Promise<CallOutcome> {
  return new Promise((resolve) => {
    const handler = new Call(line, x, request, resolve)
    line.pool.dispatch(
      { method: x.method, path: request.path, headers: request.headers, body: request.body ?? null },
      handler,
    )
  })
}

class Call implements Dispatcher.DispatchHandler, BodyStream {
  readonly #line: Line
  readonly #x: Exchange
  readonly #totalMs: number
  readonly #startedMs = performance.now()
  readonly #settle: (outcome: CallOutcome) => void
  readonly #body: Readable | Buffer | undefined
  #controller: Dispatcher.DispatchController | undefined
  #timer: NodeJS.Timeout
  #sink: BodySink | undefined
  #early: Buffer[] = []
  #earlyBytes = 0
  /** An event stream has no end to be late for. */
  #endless = false
  #state: 'waiting' | 'flowing' | 'ended' | 'failed' = 'waiting'
  #cause: Error | undefined

  constructor(line: Line, x: Exchange, request: CallRequest, settle: (outcome: CallOutcome) => void) {
    line.inFlight++
    this.#line = line
    this.#x = x
    this.#totalMs = request.totalMs
    this.#body = request.body
    this.#settle = settle
    this.#timer = setTimeout(firstByteLate, Math.min(request.firstByteMs, request.totalMs), this)
    x.whenGone = () => this.cancel(problems['client-gone']())
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It was given up while it waited for a connection.
    if (this.#cause !== undefined) controller.abort(this.#cause)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _: unknown, reason = ''): void {
    if (status < 200) return
    if (status > 599) {
      this.cancel(problems['upstream-invalid']({ status }))
      return
    }
    this.#state = 'flowing'
    this.#x.firstByteMs = performance.now()
    clearTimeout(this.#timer)
    const headers = passAnswer(controller.rawHeaders as Buffer[])
    this.#endless = firstValue(headers, 'content-type')?.startsWith('text/event-stream') ?? false
    this.#settle({ ok: true, answer: { status, reason, headers, body: this } })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) controller.pause()
      return
    }
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > earlyLimitBytes) controller.pause()
  }

  onResponseEnd(): void {
    this.#state = 'ended'
    this.#finish()
    this.#sink?.end()
  }

  onResponseError(_: unknown, error: Error): void {
    const before = this.#state
    // Given up while it waited for a connection, and told then.
    if (before === 'failed') return
    this.#state = 'failed'
    this.#finish()
    const cause = this.#cause ?? bodyFailure(this.#body) ?? error
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
      sink.end(last)
      return
    }
    if (!this.#endless) {
      const leftMs = this.#totalMs - (performance.now() - this.#startedMs)
      this.#timer = setTimeout(totalLate, Math.max(1, leftMs), this)
    }
    let whole = true
    for (const chunk of early) whole = sink.write(chunk) && whole
    if (whole && this.#earlyBytes > earlyLimitBytes) this.#controller?.resume()
    else if (!whole) this.#controller?.pause()
  }

  resume(): void {
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

  #finish(): void {
    this.#line.inFlight--
    clearTimeout(this.#timer)
    this.#x.whenGone = undefined
  }
}

function firstByteLate(call: Call): void {
  call.cancel(problems['first-byte-timeout']())
}

function totalLate(call: Call): void {
  call.cancel(problems['total-timeout']())
}

/** The client's upload failed: that, and not the broken connection that follows from it, is what happened. */
function bodyFailure(body: Readable | Buffer | undefined): Error | undefined {
  return body === undefined || Buffer.isBuffer(body) ? undefined : (body.errored ?? undefined)
}
