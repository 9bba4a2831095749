import { Redis } from 'ioredis'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { connectionOptions, type RedisAccess } from '../auth/redis-client.ts'
import type { StampClock } from '../store/stamp.ts'
import type { CacheEvent, CacheEventListener, EventChannel } from './event-channel.ts'
import { readMessage, writeMessage } from './event-text.ts'

export const eventOutcomes = ['sent', 'lost', 'heard', 'gap', 'unreadable'] as const

export interface RedisEventChannelOptions {
  readonly url: string
  readonly site: string
  /** Unlike that of every other process. */
  readonly instance: string
  readonly stamps: StampClock
  readonly clock: Clock
  readonly log: Log
  readonly events: Counter<'outcome'>
}

/** A process says so often that it is there, and must hear itself say so, ms. */
const beatMs = 200
/** What was announced longer ago than this has been heard, or the channel is not live, ms. */
export const hearingMs = 700
/** A subscription that is silent for so long is made anew: a cut wire tells nobody of its end. */
const deafMs = 2_000
/** An answer waits no longer for Redis to take an event, ms. */
const publishMs = 50
/** Processes whose numbers are remembered; beyond it, and after a minute of silence, one is as good as new. */
const sendersLimit = 1_000
const forgetMs = 60_000

interface Sender {
  number: number
  heardMs: number
}

/**
 * Redis publish/subscribe. Redis delivers to one subscriber in the order of publishing, so a process that hears its own
 * beat has heard all that was published before it; that, and numbers without a gap, is what `live` stands for.
 */
export class RedisEventChannel implements EventChannel {
  readonly #options: RedisEventChannelOptions
  readonly #name: string
  readonly #publisher: Redis
  readonly #subscriber: Redis
  readonly #listeners = new Set<CacheEventListener>()
  readonly #senders = new Map<string, Sender>()
  readonly #beats: NodeJS.Timeout
  #number = 0
  /** When the newest beat of ours that came back was sent, monotonic ms; -Infinity: none since the subscription began. */
  #beatHeardMs = Number.NEGATIVE_INFINITY
  #triedMs = 0
  #told = false
  #wasLive = false
  #closed = false

  constructor(options: RedisEventChannelOptions) {
    this.#options = options
    this.#name = `tidegate:{${options.site}}:cache-events`
    this.#publisher = this.#open()
    this.#subscriber = this.#open()
    this.#subscriber.on('ready', () => void this.#subscribe())
    this.#subscriber.on('message', (_, text: string) => this.#take(text))
    this.#subscriber.on('close', () => this.#deaf())
    this.#beats = setInterval(() => this.#beat(), beatMs).unref()
  }

  get live(): boolean {
    return this.#options.clock.monotonic() - this.#beatHeardMs <= hearingMs
  }

  listen(listener: CacheEventListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async announce(event: CacheEvent): Promise<void> {
    for (const listener of this.#listeners) listener.heard(event)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, publishMs)
    })
    await Promise.race([this.#publish(event), late])
    clearTimeout(timer)
  }

  async close(): Promise<void> {
    const { live } = this
    this.#closed = true
    clearInterval(this.#beats)
    this.#deaf()
    this.#subscriber.disconnect()
    // What was announced leaves before the connection does; one that is away is not waited for.
    if (live) await this.#publisher.quit().catch(() => undefined)
    this.#publisher.disconnect()
  }

  #open(): Redis {
    const place = { kind: 'single', url: this.#options.url } as const
    const access: RedisAccess = { place, username: undefined, password: undefined, tls: false, ca: undefined }
    const client = new Redis(this.#options.url, { ...connectionOptions(access), autoResubscribe: false })
    // Told once, by both: reconnecting goes on by itself.
    client.on('error', (cause: unknown) => {
      if (!this.#told) this.#options.log.warn({ err: cause }, 'the Redis of cache events is away')
      this.#told = true
    })
    return client
  }

  async #subscribe(): Promise<void> {
    this.#triedMs = this.#options.clock.monotonic()
    try {
      await this.#subscriber.subscribe(this.#name)
      this.#beat()
    } catch {
      // The connection ended meanwhile; its next one subscribes again.
    }
  }

  /** A number is spent whether or not Redis took it: what is lost leaves a gap behind. */
  async #publish(event?: CacheEvent): Promise<void> {
    const { instance: from, stamps, clock, events } = this.#options
    const message = { from, number: ++this.#number, sentMs: clock.monotonic(), stamp: stamps.next() }
    try {
      await this.#publisher.publish(this.#name, writeMessage(event === undefined ? message : { ...message, event }))
      if (event !== undefined) events.inc({ outcome: 'sent' })
    } catch {
      if (event !== undefined) events.inc({ outcome: 'lost' })
    }
  }

  #beat(): void {
    if (this.#closed) return
    const now = this.#options.clock.monotonic()
    if (this.#wasLive && !this.live) this.#deaf()
    if (this.#subscriber.status === 'ready' && now - Math.max(this.#beatHeardMs, this.#triedMs) > deafMs) {
      this.#triedMs = now
      this.#subscriber.disconnect(true)
    }
    void this.#publish()
  }

  #take(text: string): void {
    const { instance, stamps, clock, log, events } = this.#options
    const message = readMessage(text)
    if (message === undefined) {
      events.inc({ outcome: 'unreadable' })
      // A release that writes otherwise may have told anything.
      this.#miss()
      return
    }
    stamps.see(message.stamp)
    if (message.from === instance) {
      // Emptied before it counts as live again: what was kept before may be old.
      if (!this.live) this.#miss()
      this.#beatHeardMs = Math.max(this.#beatHeardMs, message.sentMs)
      if (!this.#wasLive && this.live) {
        if (this.#told) log.info({}, 'the Redis of cache events is back')
        this.#told = false
        this.#wasLive = true
      }
      return
    }
    if (this.#lacks(message.from, message.number, clock.monotonic())) this.#miss()
    if (message.event === undefined) return
    events.inc({ outcome: 'heard' })
    for (const listener of this.#listeners) listener.heard(message.event)
  }

  /** Whether messages of this sender were lost before this one. */
  #lacks(from: string, number: number, now: number): boolean {
    const known = this.#senders.get(from)
    if (known !== undefined) {
      const lacks = number !== known.number + 1
      known.number = number
      known.heardMs = now
      return lacks
    }
    if (this.#senders.size >= sendersLimit) this.#forget(now)
    // Where there are more processes than can be followed, nobody can tell whether one of them was missed.
    if (this.#senders.size >= sendersLimit) return true
    this.#senders.set(from, { number, heardMs: now })
    return false
  }

  #forget(now: number): void {
    for (const [from, { heardMs }] of this.#senders) if (now - heardMs > forgetMs) this.#senders.delete(from)
  }

  #deaf(): void {
    this.#beatHeardMs = Number.NEGATIVE_INFINITY
    this.#wasLive = false
    // Whoever is heard next may have said anything meanwhile, and what was kept is given up.
    this.#senders.clear()
    this.#miss()
  }

  #miss(): void {
    this.#options.events.inc({ outcome: 'gap' })
    for (const listener of this.#listeners) listener.missed()
  }
}
