import { Redis } from 'ioredis'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import { connectionOptions, type RedisAccess } from './redis-client.ts'

export interface TrackingOptions {
  readonly url: string
  readonly access: RedisAccess
  /** The connection whose reads are tracked. */
  readonly reader: Redis
  readonly clock: Clock
  readonly log: Log
  /** How often both connections are tried, and how long they may take to answer, ms. Default 1,000. */
  readonly everyMs?: number
}

/** Who keeps what Redis said. */
export interface Keeper {
  /** That key changed, or is gone. */
  changed(key: string): void
  /** All may have changed; until `provenMs` (monotonic) all was certainly true. `lost`: and from now on nobody would tell. */
  cleared(because: 'flushed' | 'lost', provenMs: number): void
}

/**
 * Redis tells when a key that was read changes (`CLIENT TRACKING`). ioredis 6.0.0 drops the push frames that carry this under
 * RESP3, so they are redirected to a second connection in RESP2, which gets them as messages. What was read counts only while
 * both connections are proven alive, and to the same server.
 */
export class Tracking {
  readonly #options: Required<TrackingOptions>
  readonly #listener: Redis
  readonly #keepers = new Set<Keeper>()
  readonly #timer: NodeJS.Timeout
  #on = false
  #starting = false
  #pinging = false
  #warned = false
  /** Grows with each connection that breaks: what was begun before it counts for nothing. */
  #breaks = 0
  /** Which server the listener is at, and under which id; asked before it listens, since afterwards it may not ask. */
  #listening: { readonly runId: string; readonly id: number } | undefined
  #provenMs = Number.NEGATIVE_INFINITY

  constructor(options: TrackingOptions) {
    this.#options = { everyMs: 1_000, ...options }
    const { url, access, reader, everyMs } = this.#options
    this.#listener = new Redis(url, {
      ...connectionOptions(access),
      protocol: 2,
      autoResubscribe: false,
      enableAutoPipelining: false,
    })
    this.#listener.on('messageBuffer', (_channel: Buffer, keys: unknown) => this.#message(keys))
    this.#listener.on('error', () => {
      // The reader's own error is told; of the listener it matters that tracking ends, and `close` says so.
    })
    this.#listener.on('close', () => {
      this.#listening = undefined
    })
    for (const connection of [reader, this.#listener]) {
      connection.on('ready', () => this.#begin())
      connection.on('close', () => this.#lose())
    }
    this.#timer = setInterval(() => this.#prove(), everyMs)
    this.#timer.unref()
    this.#begin()
  }

  /** Whether an answer to a read that leaves now would be kept right. */
  get on(): boolean {
    return this.#on
  }

  add(keeper: Keeper): void {
    this.#keepers.add(keeper)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#lose()
    this.#listener.disconnect()
  }

  #message(keys: unknown): void {
    if (!Array.isArray(keys)) {
      // null: the whole database, or more keys than Redis could remember.
      this.#clear('flushed')
      return
    }
    for (const key of keys as Buffer[]) {
      const text = key.toString()
      for (const keeper of this.#keepers) keeper.changed(text)
    }
  }

  #begin(): void {
    const { reader, clock, log } = this.#options
    if (this.#starting || this.#on || reader.status !== 'ready' || this.#listener.status !== 'ready') return
    this.#starting = true
    const breaks = this.#breaks
    const asOf = clock.monotonic()
    this.#start().then(
      () => {
        this.#starting = false
        if (breaks !== this.#breaks) return
        this.#provenMs = asOf
        this.#on = true
        this.#warned = false
      },
      (cause: unknown) => {
        this.#starting = false
        if (!this.#warned) log.warn({ err: cause }, 'Redis does not track tokens for us; it is asked for each request')
        this.#warned = true
      },
    )
  }

  async #start(): Promise<void> {
    const { reader } = this.#options
    const listening = await this.#listen()
    // Behind a balancer the two may be at different servers: the id would be somebody else's, and nobody would tell us.
    if ((await runIdOf(reader)) !== listening.runId) {
      this.#listener.disconnect(true)
      throw problems['tracking-refused']({ because: 'two connections reached two servers' })
    }
    await reader.client('TRACKING', 'OFF')
    await reader.client('TRACKING', 'ON', 'REDIRECT', listening.id)
  }

  async #listen(): Promise<{ readonly runId: string; readonly id: number }> {
    if (this.#listening !== undefined) return this.#listening
    const runId = await runIdOf(this.#listener)
    const id = await this.#listener.client('ID')
    await this.#listener.subscribe('__redis__:invalidate')
    this.#listening = { runId, id }
    return this.#listening
  }

  #prove(): void {
    if (!this.#on) {
      this.#begin()
      return
    }
    const { reader, clock } = this.#options
    if (this.#pinging) {
      // A whole turn without an answer: an invalidation may be stuck on the same wire.
      this.#lose()
      reader.disconnect(true)
      this.#listener.disconnect(true)
      return
    }
    this.#pinging = true
    const asOf = clock.monotonic()
    Promise.all([reader.ping(), this.#listener.ping()]).then(
      () => {
        this.#pinging = false
        this.#provenMs = asOf
      },
      () => {
        // The connection that refused it is closing, and `close` ends tracking.
        this.#pinging = false
      },
    )
  }

  #lose(): void {
    this.#breaks++
    this.#pinging = false
    if (!this.#on) return
    this.#on = false
    this.#clear('lost')
  }

  #clear(because: 'flushed' | 'lost'): void {
    for (const keeper of this.#keepers) keeper.cleared(because, this.#provenMs)
  }
}

async function runIdOf(redis: Redis): Promise<string> {
  const runId = /run_id:(\w+)/.exec(await redis.info('server'))?.[1]
  if (runId === undefined) throw problems['tracking-refused']({ because: 'it does not say which server it is' })
  return runId
}
