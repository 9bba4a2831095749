import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '#server-kit/clock.ts'
import { type Answer, MetaParser } from './meta-protocol.ts'
import {
  type ConnectionOwner,
  type Failure,
  type FailureReason,
  failures,
  inFlightLimitBytes,
  type NodeAccess,
  type NodeConnection,
  operationLimit,
} from './node-connection.ts'
import { NodeProbe, type Refusal } from './node-probe.ts'

/** One request on its way: written once, answered or failed once. */
export interface Operation {
  readonly opaque: number
  readonly line: string
  /** Head and body of a set, not yet joined; the CR LF after them is written here. */
  readonly head: Buffer | undefined
  readonly body: Buffer | undefined
  readonly bytes: number
  /** On the monotonic clock, ms. */
  readonly deadlineAt: number
  readonly settle: (reply: Answer | Failure) => void
}

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly access: NodeAccess
  readonly clock: Clock
  /** For connecting and the probe together, ms. */
  readonly connectDeadlineMs: number
}

const answerLimitBytes = 8 * 1024 * 1024
/** Values from this size on are handed to the socket in slices of it, never copied; smaller ones are joined into one write. */
const sliceBytes = 64 * 1024
const crlf = Buffer.from('\r\n')

/**
 * One socket and everything that belongs to it: parser, buffers, operations. Bytes of a dead socket cannot reach its
 * successor, since nothing here outlives it. Close, error, time-out and parse error are one path: `#end`.
 */
export class MetaConnection implements NodeConnection {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #owner: ConnectionOwner
  readonly #parser = new MetaParser(answerLimitBytes, (answer) => this.#take(answer))
  readonly #probe: NodeProbe
  #ready = false
  #endReason: FailureReason | undefined
  /** Not written yet, in order. */
  #unsent: Operation[] = []
  /** Written, in order; those before `#sentFrom` are answered. */
  #sent: Operation[] = []
  #sentFrom = 0
  #bytesInFlight = 0
  #flushing = false
  #flushes = 0
  #answers = 0
  readonly #connectDeadline: NodeJS.Timeout
  /** Armed for the soonest deadline of all operations; a later operation never puts it off. */
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#clock = options.clock
    this.#owner = owner
    const { access } = options
    this.#probe = new NodeProbe(access.login)
    this.#socket = openSocket(options)
    this.#socket.on(access.tls === undefined ? 'connect' : 'secureConnect', () => {
      this.#socket.write(this.#probe.request, 'latin1')
    })
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#endReason === undefined && !this.#parser.push(chunk)) this.#end('protocol')
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#end(error.code === 'ECONNREFUSED' ? 'refused' : 'closed')
    })
    // Not left to `close`, which waits until what we wrote is taken: by a peer that has gone, never.
    this.#socket.on('end', () => this.#end('closed'))
    this.#socket.on('close', () => this.#end('closed'))
    this.#connectDeadline = setTimeout(() => {
      afterReading(() => {
        if (!this.#ready) this.#end('timeout')
      })
    }, options.connectDeadlineMs)
  }

  /** Writes at the end of this turn of the event loop, together with all others. Beyond the bounds it fails at once. */
  submit(operation: Operation): void {
    const refusal = this.#endReason ?? (this.#isFull(operation.bytes) ? 'overload' : undefined)
    if (refusal !== undefined) {
      operation.settle(failures[refusal])
      return
    }
    this.#bytesInFlight += operation.bytes
    this.#unsent.push(operation)
    if (this.#timer === undefined || operation.deadlineAt < this.#timerAt) this.#arm(operation.deadlineAt)
    if (this.#ready) this.#flushSoon()
  }

  get flushes(): number {
    return this.#flushes
  }

  close(): void {
    this.#end('closed')
  }

  #isFull(bytes: number): boolean {
    const inFlight = this.#unsent.length + this.#sent.length - this.#sentFrom
    return inFlight >= operationLimit || this.#bytesInFlight + bytes > inFlightLimitBytes
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      if (this.#endReason === undefined) this.#flush()
    })
  }

  #flush(): void {
    const operations = this.#unsent
    if (operations.length === 0) return
    this.#unsent = []
    this.#flushes++
    for (const operation of operations) this.#sent.push(operation)
    this.#socket.cork()
    for (const part of wireParts(operations)) this.#socket.write(part)
    this.#socket.uncork()
  }

  #take(answer: Answer): void {
    if (this.#endReason !== undefined) return
    if (!this.#ready) {
      this.#takeProbe(answer)
      return
    }
    const operation = this.#sent[this.#sentFrom]
    // An error without an opaque answers the head of the queue (a value too large, no memory); after any other kind
    // of error nobody knows how the node reads our bytes.
    const answersHead = answer.code === 'SERVER_ERROR' || answer.opaque === operation?.opaque
    if (operation === undefined || !answersHead) {
      this.#end('protocol')
      return
    }
    this.#sent[this.#sentFrom++] = undefined as unknown as Operation
    if (this.#sentFrom === this.#sent.length) {
      this.#sent = []
      this.#sentFrom = 0
    } else if (this.#sentFrom >= operationLimit) {
      this.#sent = this.#sent.slice(this.#sentFrom)
      this.#sentFrom = 0
    }
    this.#bytesInFlight -= operation.bytes
    this.#answers++
    this.#owner.answered()
    operation.settle(answer)
  }

  #takeProbe(answer: Answer): void {
    const result = this.#probe.take(answer)
    if (result === undefined) return
    if (typeof result === 'string') {
      this.#end(result === 'no-meta' ? 'protocol' : 'refused', result)
      return
    }
    clearTimeout(this.#connectDeadline)
    this.#ready = true
    this.#owner.ready(result)
    this.#flushSoon()
  }

  #arm(deadlineAt: number): void {
    clearTimeout(this.#timer)
    this.#timerAt = deadlineAt
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        // If it was this process that stood still, the answers are in the socket already: they are read first.
        afterReading(() => this.#expire())
      },
      Math.max(0, Math.ceil(deadlineAt - this.#clock.monotonic())),
    )
  }

  #expire(): void {
    if (this.#endReason !== undefined) return
    const now = this.#clock.monotonic()
    const soonestSent = soonest(this.#sent, this.#sentFrom)
    if (soonestSent <= now) {
      this.#end('timeout')
      return
    }
    // What was never written may fail alone: the connection may still be on its way.
    const overdue = this.#unsent.filter((operation) => operation.deadlineAt <= now)
    if (overdue.length > 0) {
      this.#unsent = this.#unsent.filter((operation) => operation.deadlineAt > now)
      for (const operation of overdue) {
        this.#bytesInFlight -= operation.bytes
        operation.settle(failures.timeout)
      }
    }
    const next = Math.min(soonestSent, soonest(this.#unsent, 0))
    if (next === Number.POSITIVE_INFINITY) return
    if (this.#timer === undefined || next < this.#timerAt) this.#arm(next)
  }

  #end(reason: FailureReason, refusal?: Refusal): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    clearTimeout(this.#timer)
    clearTimeout(this.#connectDeadline)
    this.#socket.destroy()
    const left = [...this.#sent.slice(this.#sentFrom), ...this.#unsent]
    this.#sent = []
    this.#unsent = []
    for (const operation of left) operation.settle(failures[reason])
    const ended = { answers: this.#answers, pending: left.length }
    this.#owner.ended(reason, refusal === undefined ? ended : { ...ended, refusal })
  }
}

function openSocket({ host, port, access: { tls } }: ConnectionOptions): Socket {
  if (tls === undefined) return connect({ host, port, noDelay: true, keepAlive: true })
  const socket = connectTls({ host, port, ...(tls.ca === undefined ? {} : { ca: tls.ca }) })
  return socket.setNoDelay(true).setKeepAlive(true)
}

/** Immediates run after the event loop has read its sockets once more. */
const afterReading = (act: () => void): void => {
  setImmediate(act)
}

function soonest(operations: readonly Operation[], from: number): number {
  let at = Number.POSITIVE_INFINITY
  for (let i = from; i < operations.length; i++) at = Math.min(at, (operations[i] as Operation).deadlineAt)
  return at
}

/** Small requests joined into one buffer; a large body stands alone and is never copied. */
function wireParts(operations: readonly Operation[]): Buffer[] {
  let joinedBytes = 0
  for (const { bytes, body } of operations) {
    joinedBytes += body !== undefined && body.length >= sliceBytes ? bytes - body.length : bytes
  }
  const joined = Buffer.allocUnsafe(joinedBytes)
  const parts: Buffer[] = []
  let from = 0
  let at = 0
  for (const { line, head, body } of operations) {
    at += joined.write(line, at, 'latin1')
    if (head === undefined || body === undefined) continue
    at += head.copy(joined, at)
    if (body.length >= sliceBytes) {
      parts.push(joined.subarray(from, at))
      for (let cut = 0; cut < body.length; cut += sliceBytes) parts.push(body.subarray(cut, cut + sliceBytes))
      from = at
    } else at += body.copy(joined, at)
    at += crlf.copy(joined, at)
  }
  if (at > from) parts.push(joined.subarray(from, at))
  return parts
}
