import type { Socket } from 'node:net'
import { type Response, Server, Utils } from 'memjs'
import type { Clock } from '#server-kit/clock.ts'
import {
  type ConnectionOwner,
  type FailureReason,
  failures,
  inFlightLimitBytes,
  type NodeConnection,
  operationLimit,
} from './node-connection.ts'
import type { NodeFacts, NodeLogin, Refusal } from './node-probe.ts'
import type { Reply } from './store-node.ts'

/** One request of the binary protocol. */
export interface BinaryRequest {
  readonly opcode: number
  readonly key: string
  readonly extras: Buffer
  readonly value: Buffer
  /** Eight bytes; absent: none. */
  readonly cas?: Buffer
  readonly read: (response: Response) => Reply
  /** On the monotonic clock, ms. */
  readonly deadlineAt: number
  readonly settle: (reply: Reply) => void
}

export interface MemjsConnectionOptions {
  readonly host: string
  readonly port: number
  readonly login: NodeLogin | undefined
  readonly clock: Clock
  /** For connecting, SASL and the first questions together, ms. */
  readonly connectDeadlineMs: number
}

interface Pending {
  readonly deadlineAt: number
  readonly bytes: number
  readonly settle: (reply: Reply) => void
}

const stat = 0x10
const empty = Buffer.alloc(0)
const casAt = 16
/** Ours hold; memjs' own would be idle timers, which each new request puts off. Seconds. */
const noDeadlineS = 24 * 3600

/**
 * One instance of memjs' transport, thrown away with whatever happens to it: it keeps bytes of a dead connection for the next
 * one, and says nothing of a connection that was closed in good order. So deadlines, close and error are ours, and no second
 * connection is ever made by it.
 */
export class MemjsConnection implements NodeConnection {
  readonly #server: Server
  readonly #owner: ConnectionOwner
  readonly #clock: Clock
  readonly #login: NodeLogin | undefined
  readonly #pending = new Map<number, Pending>()
  readonly #connectDeadline: NodeJS.Timeout
  readonly #stats = new Map<string, string>()
  #waiting: BinaryRequest[] = []
  #ready = false
  #endReason: FailureReason | undefined
  #opaque = 0
  #bytesInFlight = 0
  #answers = 0
  #flushes = 0
  #timer: NodeJS.Timeout | undefined
  #timerAt = 0

  constructor({ host, port, login, clock, connectDeadlineMs }: MemjsConnectionOptions, owner: ConnectionOwner) {
    this.#owner = owner
    this.#clock = clock
    this.#login = login
    const options = { timeout: noDeadlineS, conntimeout: noDeadlineS, keepAlive: true }
    // A user from the environment of this process is nobody that the configuration knows.
    const { user: username, password } = login ?? {}
    this.#server = Object.assign(new Server(host, port, username, password, options), { username, password })
    this.#connectDeadline = setTimeout(() => {
      if (!this.#ready) this.#end('timeout')
    }, connectDeadlineMs)
    this.#askStats('settings', () => this.#askStats('', () => this.#becomeReady()))
    // Not public, and yet the only place that tells of an end. It stands from the first write on.
    const { _socket: socket } = this.#server as unknown as { readonly _socket: Socket }
    socket.setNoDelay(true)
    socket.on('end', () => this.#end('closed'))
    socket.on('close', () => this.#end('closed'))
  }

  get flushes(): number {
    return this.#flushes
  }

  /** Beyond the bounds it fails at once. */
  submit(request: BinaryRequest): void {
    const bytes = request.key.length + request.value.length
    const isFull =
      this.#pending.size + this.#waiting.length >= operationLimit || this.#bytesInFlight + bytes > inFlightLimitBytes
    const refusal = this.#endReason ?? (isFull ? 'overload' : undefined)
    if (refusal !== undefined) {
      request.settle(failures[refusal])
      return
    }
    if (this.#ready) this.#send(request, bytes)
    else this.#waiting.push(request)
    if (this.#timer === undefined || request.deadlineAt < this.#timerAt) this.#arm(request.deadlineAt)
  }

  close(): void {
    this.#end('closed')
  }

  #send({ opcode, key, extras, value, cas, read, deadlineAt, settle }: BinaryRequest, bytes: number): void {
    const opaque = this.#nextOpaque()
    this.#flushes++
    this.#bytesInFlight += bytes
    this.#pending.set(opaque, { deadlineAt, bytes, settle })
    this.#server.onResponse(opaque, (response) => {
      if (!this.#pending.delete(opaque)) return
      this.#bytesInFlight -= bytes
      this.#answers++
      this.#owner.answered()
      settle(read(response))
    })
    this.#server.onError(opaque, (error) => this.#fail(error))
    const request = Utils.makeRequestBuffer(opcode, Buffer.from(key, 'latin1'), extras, value, opaque)
    if (cas !== undefined) cas.copy(request, casAt)
    this.#server.write(request)
  }

  /** Several answers, one a line; the last one is empty. */
  #askStats(group: string, done: () => void): void {
    const opaque = this.#nextOpaque()
    const take = ({ header, key, val }: Response): void => {
      if (header.totalBodyLength === 0 || header.status !== 0) done()
      else this.#stats.set(key.toString('latin1'), val.toString('latin1'))
    }
    this.#server.onResponse(opaque, Object.assign(take, { quiet: true }))
    this.#server.onError(opaque, (error) => this.#fail(error))
    this.#server.write(Utils.makeRequestBuffer(stat, group, empty, empty, opaque))
  }

  #becomeReady(): void {
    if (this.#endReason !== undefined) return
    clearTimeout(this.#connectDeadline)
    this.#ready = true
    const facts: NodeFacts = {
      itemSizeMax: Number(this.#stats.get('item_size_max') ?? 1024 * 1024),
      uptimeSeconds: Number(this.#stats.get('uptime') ?? 0),
      version: this.#stats.get('version') ?? 'unknown',
      tellsCas: true,
      takesCas: false,
    }
    this.#owner.ready(facts)
    const waiting = this.#waiting
    this.#waiting = []
    for (const request of waiting) this.#send(request, request.key.length + request.value.length)
  }

  /** Of a failed login memjs tells by a text instead of an error. */
  #fail(error: Error | string): void {
    if (typeof error === 'string')
      this.#end('refused', this.#login === undefined ? 'unauthenticated' : 'wrong-password')
    else this.#end((error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'refused' : 'closed')
  }

  #nextOpaque(): number {
    this.#opaque = (this.#opaque + 1) >>> 0
    return this.#opaque
  }

  #arm(deadlineAt: number): void {
    clearTimeout(this.#timer)
    this.#timerAt = deadlineAt
    const leftMs = Math.max(0, Math.ceil(deadlineAt - this.#clock.monotonic()))
    // If it was this process that stood still, the answers are in the socket already: they are read first.
    this.#timer = setTimeout(() => setImmediate(() => this.#expire()), leftMs)
  }

  #expire(): void {
    this.#timer = undefined
    if (this.#endReason !== undefined) return
    const now = this.#clock.monotonic()
    const sent = soonest(this.#pending.values())
    if (sent <= now) {
      this.#end('timeout')
      return
    }
    const overdue = this.#waiting.filter(({ deadlineAt }) => deadlineAt <= now)
    this.#waiting = this.#waiting.filter(({ deadlineAt }) => deadlineAt > now)
    for (const { settle } of overdue) settle(failures.timeout)
    const next = Math.min(sent, soonest(this.#waiting))
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next)
  }

  #end(reason: FailureReason, refusal?: Refusal): void {
    if (this.#endReason !== undefined) return
    this.#endReason = reason
    clearTimeout(this.#timer)
    clearTimeout(this.#connectDeadline)
    // Destroys the socket, and calls those who wait for errors, which is over by now.
    this.#server.error(new Error('disposed of'))
    const left = [...this.#pending.values(), ...this.#waiting]
    this.#pending.clear()
    this.#waiting = []
    for (const { settle } of left) settle(failures[reason])
    const ended = { answers: this.#answers, pending: left.length }
    this.#owner.ended(reason, refusal === undefined ? ended : { ...ended, refusal })
  }
}

function soonest(operations: Iterable<{ readonly deadlineAt: number }>): number {
  let at = Number.POSITIVE_INFINITY
  for (const { deadlineAt } of operations) at = Math.min(at, deadlineAt)
  return at
}
