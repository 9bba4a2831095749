import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import type { Stamp } from './cache-store.ts'
import {
  type ConnectionOwner,
  type Ended,
  type FailureReason,
  failures,
  type NodeAccess,
  type NodeConnection,
} from './node-connection.ts'
import { type NodeFacts, type Refusal, refusals } from './node-probe.ts'
import { makeStamp } from './stamp.ts'
import type { NodeAddress, Reply } from './store-node.ts'

export interface NodeDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Default: plain TCP, and nobody is asked who we are. */
  readonly access?: NodeAccess
  /**
   * A stamp above all that this process has given or seen, for the moment of connecting: by the clock alone it could lie
   * below what another site wrote before, whose clock is ahead. Default: by the clock.
   */
  readonly newStamp?: () => Stamp
}

/** Failures in a row after which nobody waits for the node any more. */
const breakerFailures = 5
/** Nothing answered for so long while something was asked: the same, ms. */
const breakerSilenceMs = 100
const backOffMs = { first: 50, most: 2_000 }
const halfOpenMs = { first: 250, most: 5_000 }

/**
 * The way to one node: one connection at a time, which is made anew for ever. While the breaker is open every operation fails
 * in the same turn, and each reconnect is the half-open probe.
 */
export class NodeLink<Connection extends NodeConnection> {
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log
  readonly #newStamp: () => Stamp
  readonly #openConnection: (owner: ConnectionOwner) => Connection
  #connection: Connection | undefined
  #connected = false
  #facts: (NodeFacts & { readonly startedAtMs: number }) | undefined
  #retry: NodeJS.Timeout | undefined
  #closed = false
  #failuresInRow = 0
  #open = false
  /** Since when something is asked and nothing answered, on the monotonic clock. */
  #silentSince: number | undefined
  #lastReason: FailureReason = 'closed'
  #lastRefusal: Refusal | undefined
  #connectedAt: Stamp | undefined
  #flushesBefore = 0
  readonly #opened = Promise.withResolvers<void>()

  constructor(
    { host, port }: NodeAddress,
    { clock, random, log, newStamp }: NodeDependencies,
    openConnection: (owner: ConnectionOwner) => Connection,
  ) {
    this.#clock = clock
    this.#random = random
    this.#newStamp = newStamp ?? (() => makeStamp(Math.floor(clock.now()), 0, 0))
    this.#log = log.child({ node: `${host}:${port}` })
    this.#openConnection = openConnection
    this.#connect()
  }

  /** Asks by the connection of this moment, or fails at once; `ask` gets the end of its time on the monotonic clock, ms. */
  submit(
    deadlineMs: number,
    ask: (connection: Connection, deadlineAt: number, settle: (reply: Reply) => void) => void,
  ): Promise<Reply> {
    const connection = this.#connection
    if (connection === undefined || this.#open) return Promise.resolve(failures[this.#lastReason])
    const now = this.#clock.monotonic()
    this.#silentSince ??= now
    return new Promise((settle) => ask(connection, now + deadlineMs, settle))
  }

  get isUp(): boolean {
    return this.#connected && !this.#open
  }

  get opened(): Promise<void> {
    return this.#opened.promise
  }

  get startedAtMs(): number | undefined {
    return this.#facts?.startedAtMs
  }

  get connectedAt(): Stamp | undefined {
    return this.#connectedAt
  }

  get flushes(): number {
    return this.#flushesBefore + (this.#connection?.flushes ?? 0)
  }

  get itemSizeMax(): number {
    return this.#facts?.itemSizeMax ?? 1024 * 1024
  }

  get tellsCas(): boolean {
    return this.#facts?.tellsCas ?? false
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#connection?.close()
    this.#opened.resolve()
  }

  #connect(): void {
    this.#connection = this.#openConnection({
      ready: (facts) => this.#becameReady(facts),
      answered: () => {
        this.#silentSince = undefined
        this.#failuresInRow = 0
      },
      ended: (reason, ended) => this.#becameDead(reason, ended),
    })
  }

  #becameReady(facts: NodeFacts): void {
    this.#connected = true
    this.#connectedAt = this.#newStamp()
    this.#silentSince = undefined
    this.#opened.resolve()
    this.#facts = { ...facts, startedAtMs: this.#clock.now() - facts.uptimeSeconds * 1000 }
    if (!this.#open) return
    this.#open = false
    // Half-open: a node that answers probes but no operation is shut out again at its first failure.
    this.#failuresInRow = breakerFailures - 1
    this.#log.info({ version: facts.version, uptimeSeconds: facts.uptimeSeconds }, 'cache node is back')
  }

  #becameDead(reason: FailureReason, { answers, pending, refusal }: Ended): void {
    const wasConnected = this.#connected
    const isNews = reason !== this.#lastReason || refusal !== this.#lastRefusal
    this.#flushesBefore = this.flushes + 1
    this.#connection = undefined
    this.#connected = false
    this.#connectedAt = undefined
    this.#lastReason = reason
    this.#lastRefusal = refusal
    if (this.#closed) return
    // A connection that was closed while nobody waited (a restart, an idle limit) is no failure of the node.
    const isFailure = !wasConnected || pending > 0 || reason !== 'closed'
    if (isFailure) this.#failuresInRow++
    this.#maybeOpen(reason)
    if (isNews && refusal !== undefined) {
      this.#log.warn({ refusal }, `cache node cannot be used: ${refusals[refusal]}`)
    } else if (isNews && reason === 'protocol') {
      this.#log.warn({ wasConnected }, 'cache node does not speak as expected')
    }
    const delayMs = answers > 0 && !this.#open ? 0 : this.#backOff()
    // With no delay the successor stands before the next caller comes, who then waits for it within the own deadline.
    if (delayMs === 0) this.#connect()
    else this.#retry = setTimeout(() => this.#connect(), delayMs)
  }

  #maybeOpen(reason: FailureReason): void {
    if (this.#open) return
    const silentMs = this.#silentSince === undefined ? 0 : this.#clock.monotonic() - this.#silentSince
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
    return delayMs * (1 + this.#random.next() / 2)
  }
}
