import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { type Failure, type FailureReason, failures, MetaConnection, type NodeFacts } from './meta-connection.ts'
import { type Answer, metaDelete, metaGet, metaSet, type SetFlags, type Wanted } from './meta-protocol.ts'

export interface NodeAddress {
  readonly host: string
  readonly port: number
}

export interface NodeDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export type Reply = Answer | Failure

/** For connecting and the probe together, ms. */
const connectDeadlineMs = 50
/** Failures in a row after which nobody waits for the node any more. */
const breakerFailures = 5
/** Nothing answered for so long while something was asked: the same, ms. */
const breakerSilenceMs = 100
const backOffMs = { first: 50, most: 2_000 }
const halfOpenMs = { first: 250, most: 5_000 }

/**
 * One memcached node over one pipelined connection, which is made anew for ever. While the breaker is open every
 * operation fails in the same turn, and each reconnect is the half-open probe.
 */
export class MetaNode {
  readonly address: NodeAddress
  readonly #dependencies: NodeDependencies
  readonly #log: Log
  #connection: MetaConnection | undefined
  #connected = false
  #facts: (NodeFacts & { readonly startedAtMs: number }) | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false
  #opaque = 0
  #failuresInRow = 0
  #open = false
  /** Since when something is asked and nothing answered, on the monotonic clock. */
  #silentSince: number | undefined
  #lastReason: FailureReason = 'closed'
  #connectedAtMs = Number.POSITIVE_INFINITY
  #flushesBefore = 0
  readonly #opened = Promise.withResolvers<void>()

  constructor(address: NodeAddress, dependencies: NodeDependencies) {
    this.address = address
    this.#dependencies = dependencies
    this.#log = dependencies.log.child({ node: `${address.host}:${address.port}` })
    this.#connect()
  }

  get(key: string, wanted: Wanted, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaGet(key, wanted, opaque), undefined, undefined, deadlineMs)
  }

  /** `head` and `body` are the value; both must stay as they are until the reply. */
  set(key: string, head: Buffer, body: Buffer, flags: SetFlags, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaSet(key, head.length + body.length, flags, opaque), head, body, deadlineMs)
  }

  delete(key: string, cas: string | undefined, deadlineMs: number): Promise<Reply> {
    const opaque = this.#nextOpaque()
    return this.#submit(opaque, metaDelete(key, cas, opaque), undefined, undefined, deadlineMs)
  }

  /** Operations are being answered, as far as this process knows. */
  get isUp(): boolean {
    return this.#connected && !this.#open
  }

  /** Resolves when it is connected for the first time, or closed. */
  get opened(): Promise<void> {
    return this.#opened.promise
  }

  /** Unix ms of the start of the process behind the connection; undefined: never connected. */
  get startedAtMs(): number | undefined {
    return this.#facts?.startedAtMs
  }

  /** Unix ms since when this connection has stood, so that the node cannot have lost everything; infinite: it does not. */
  get connectedAtMs(): number {
    return this.#connectedAtMs
  }

  /** Grows with each write to the node. Two reads that were submitted at the same count are answered together. */
  get flushes(): number {
    return this.#flushesBefore + (this.#connection?.flushes ?? 0)
  }

  /** Bytes of the largest item that the node takes, its own head and the key included. */
  get itemSizeMax(): number {
    return this.#facts?.itemSizeMax ?? 1024 * 1024
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#connection?.close()
    this.#opened.resolve()
  }

  #nextOpaque(): number {
    this.#opaque = (this.#opaque + 1) >>> 0
    return this.#opaque
  }

  #submit(
    opaque: number,
    line: string,
    head: Buffer | undefined,
    body: Buffer | undefined,
    deadlineMs: number,
  ): Promise<Reply> {
    const connection = this.#connection
    if (connection === undefined || this.#open) return Promise.resolve(failures[this.#lastReason])
    const now = this.#dependencies.clock.monotonic()
    this.#silentSince ??= now
    const bytes = line.length + (head === undefined || body === undefined ? 0 : head.length + body.length + 2)
    return new Promise((settle) => {
      connection.submit({ opaque, line, head, body, bytes, deadlineAt: now + deadlineMs, settle })
    })
  }

  #connect(): void {
    this.#connection = new MetaConnection(
      { ...this.address, clock: this.#dependencies.clock, connectDeadlineMs },
      {
        ready: (facts) => this.#becameReady(facts),
        answered: () => {
          this.#silentSince = undefined
          this.#failuresInRow = 0
        },
        ended: (reason, ended) => this.#becameDead(reason, ended),
      },
    )
  }

  #becameReady(facts: NodeFacts): void {
    this.#connected = true
    this.#connectedAtMs = this.#dependencies.clock.now()
    this.#silentSince = undefined
    this.#opened.resolve()
    this.#facts = { ...facts, startedAtMs: this.#dependencies.clock.now() - facts.uptimeSeconds * 1000 }
    if (!this.#open) return
    this.#open = false
    // Half-open: a node that answers probes but no operation is shut out again at its first failure.
    this.#failuresInRow = breakerFailures - 1
    this.#log.info({ version: facts.version, uptimeSeconds: facts.uptimeSeconds }, 'cache node is back')
  }

  #becameDead(reason: FailureReason, { answers, pending }: { answers: number; pending: number }): void {
    const wasConnected = this.#connected
    const isNews = reason !== this.#lastReason
    this.#flushesBefore = this.flushes + 1
    this.#connection = undefined
    this.#connected = false
    this.#connectedAtMs = Number.POSITIVE_INFINITY
    this.#lastReason = reason
    if (this.#closed) return
    // A connection that was closed while nobody waited (a restart, an idle limit) is no failure of the node.
    const isFailure = !wasConnected || pending > 0 || reason !== 'closed'
    if (isFailure) this.#failuresInRow++
    this.#maybeOpen(reason)
    if (reason === 'protocol' && isNews) {
      this.#log.warn(
        { wasConnected },
        'cache node does not speak the meta protocol as expected; it needs memcached 1.6 or newer',
      )
    }
    const delayMs = answers > 0 && !this.#open ? 0 : this.#backOff()
    // With no delay the successor stands before the next caller comes, who then waits for it within the own deadline.
    if (delayMs === 0) this.#connect()
    else this.#retry = setTimeout(() => this.#connect(), delayMs)
  }

  #maybeOpen(reason: FailureReason): void {
    if (this.#open) return
    const silentMs = this.#silentSince === undefined ? 0 : this.#dependencies.clock.monotonic() - this.#silentSince
    if (this.#failuresInRow < breakerFailures && silentMs < breakerSilenceMs) return
    this.#open = true
    this.#log.warn(
      { reason, failuresInRow: this.#failuresInRow, silentMs },
      'cache node is shut out until it answers again',
    )
  }

  #backOff(): number {
    const { first, most } = this.#open ? halfOpenMs : backOffMs
    const doubled = this.#open ? this.#failuresInRow - breakerFailures : this.#failuresInRow - 1
    const delayMs = Math.min(most, first * 2 ** Math.max(0, doubled))
    // Spread, so that the gateways of a site do not all knock in the same millisecond.
    return delayMs * (1 + this.#dependencies.random.next() / 2)
  }
}
