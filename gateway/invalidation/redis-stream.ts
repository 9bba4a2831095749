import { setTimeout as pause } from 'node:timers/promises'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import type { DeadLetter, EventSink, EventSource, Message, SourceStatus } from './event-source.ts'
import { type Pending, StreamGroup } from './stream-group.ts'
import { keepLife, keptLife } from './stream-life.ts'
import {
  type GroupLife,
  gapIn,
  idMs,
  isBefore,
  type NoGroup,
  removalOf,
  type StreamLook,
  textIn,
} from './stream-view.ts'

export interface RedisStreamOptions {
  readonly url: string
  readonly site: string
  /** Unlike that of every other live process; one that comes back by the same name goes on with what it had in its hands. */
  readonly consumer: string
  /** File of all processes of this home, by which they know after a restart that a group was there, and which. */
  readonly lifeFile: string
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  /** Default 30,000: entries in the hands of a process that was silent for so long are taken over. */
  readonly idleMs?: number
  /** Default a day: entries that are done and older are removed. */
  readonly keepMs?: number
}

/** Messages that are being applied at once. */
const atOnce = 64
/** An entry that was brought so often and never finished is dead. */
const deliveryLimit = 5
const lookEveryMs = 1_000
const tidyEveryMs = 60_000
const holdEveryMs = 10_000
/** For what can be applied later; and after Redis went: rising, ms. */
const firstPauseMs = 50
const longestPauseMs = 2_000
/** A consumer of a former process is forgotten after so long. */
const forgetMs = 3_600_000
/** Messages under way get so long to end in order; what is left is taken over by others. */
const partingMs = 2_000

const nextPause = (pauseMs: number): number => Math.min(pauseMs * 2, longestPauseMs)

/**
 * Events from a Redis stream, by a consumer group. An entry is acknowledged only after the verdict of the sink; what was lost
 * before anybody read it is noticed before anything else is read. Redis may be away for as long as it likes.
 */
export class RedisStreamSource implements EventSource {
  readonly name = 'redis-stream'
  readonly #options: RedisStreamOptions
  readonly #group: StreamGroup
  readonly #closing = new AbortController()
  /** Messages under way, and since when nobody was told that they are, monotonic ms. */
  readonly #inHand = new Map<string, number>()
  #running: Promise<void> | undefined
  #status: SourceStatus
  #slot: PromiseWithResolvers<void> | undefined
  #last = '0-0'
  #removal = ''
  #handled: string | undefined
  /** Of the group that this home has read by; undefined: by none as yet. */
  #life: GroupLife | undefined
  #ownTaken = false
  #lookedMs = Number.NEGATIVE_INFINITY
  #tidiedMs = Number.NEGATIVE_INFINITY

  constructor(options: RedisStreamOptions) {
    this.#options = options
    const { url, site, consumer, clock } = options
    // A failure is seen by whoever sends a command.
    this.#group = new StreamGroup({ url, site, consumer, onError: () => undefined })
    const nothing = { length: 0, lag: 0, pending: 0, oldestPendingMs: 0, dead: 0, consumers: [] }
    this.#status = { state: 'away', since: clock.now(), ...nothing }
  }

  start(sink: EventSink): void {
    this.#running = this.#run(sink)
    this.#options.background.run('read events', this.#running)
  }

  status(): SourceStatus {
    return this.#status
  }

  dead(limit: number): Promise<readonly DeadLetter[]> {
    return this.#ask(() => this.#group.dead(limit))
  }

  retry(id: string): Promise<'queued' | 'unknown'> {
    return this.#ask(() => this.#group.retry(id))
  }

  range(fromMs: number, toMs: number, limit: number, after?: string): Promise<readonly Message[]> {
    return this.#ask(() => this.#group.range(fromMs, toMs, limit, after))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const deadline = this.#options.clock.monotonic() + partingMs
    while (this.#inHand.size > 0 && this.#options.clock.monotonic() < deadline) await pause(10)
    if (this.#inHand.size === 0 && this.#status.state === 'reading') {
      try {
        await this.#group.drop()
      } catch {
        // Another process forgets it later.
      }
    }
    this.#group.close()
    await this.#running
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted
  }

  async #run(sink: EventSink): Promise<void> {
    this.#life = await keptLife(this.#options.lifeFile, this.#options.log)
    let pauseMs = firstPauseMs
    while (!this.#closed) {
      try {
        await this.#group.connected(this.#closing.signal)
        await this.#turn(sink)
        this.#is('reading')
        pauseMs = firstPauseMs
      } catch (cause) {
        if (this.#closed) return
        this.#is('away', cause)
        await this.#wait(pauseMs)
        pauseMs = nextPause(pauseMs)
      }
    }
  }

  /** One look at the stream, with what it brought. */
  async #turn(sink: EventSink): Promise<void> {
    const room = atOnce - this.#inHand.size
    if (room === 0) {
      this.#slot = Promise.withResolvers()
      await Promise.race([this.#slot.promise, this.#wait(lookEveryMs)])
    }
    const look = await this.#group.read(Math.max(0, room), this.#removal)
    if (look.view === undefined) return this.#begin(sink, look)
    const { view, life, entries } = look
    const isAnother = this.#life !== undefined && this.#life !== life
    const because = isAnother ? 'group-missing' : gapIn(view, { last: this.#last, handled: this.#handled })
    if (because !== undefined) {
      await sink.missed(because)
      return this.#goOn(look)
    }
    await this.#keep(life)
    // Not before what was lost is given up: entries that are read would hide it.
    this.#removal = removalOf(view)
    if (isBefore(this.#last, view.last)) this.#last = view.last
    for (const { id, fields } of entries ?? []) this.#handle(sink, { id, deliveries: 1 }, textIn(fields))
    await this.#keepHouse(sink, look)
    if (entries?.length === 0 && room > 0 && this.#ownTaken) await this.#group.changed(view.last)
  }

  /** A group is made: for the first time, or since the one that was there is lost with what it knew. */
  async #begin(sink: EventSink, { life, isWhole }: NoGroup): Promise<void> {
    const isFirst = this.#life === undefined && life === '' && isWhole
    if (!isFirst) await sink.missed('group-missing')
    const { consumer, clock } = this.#options
    const next = `${consumer} ${clock.now()}`
    // Kept first: whoever is killed in between gives up too much at its next start, the other way round too little.
    await this.#keep(next)
    await this.#group.create(next)
    const created = await this.#group.read(0, '')
    if (created.view !== undefined) await this.#goOn(created)
  }

  async #keep(life: GroupLife): Promise<void> {
    if (this.#life === life) return
    await keepLife(this.#options.lifeFile, life)
    this.#life = life
  }

  /** What was lost is given up: from here on it is no gap any more. */
  async #goOn({ view, life }: StreamLook): Promise<void> {
    await this.#keep(life)
    await this.#group.countRemoved(view)
    this.#removal = removalOf(view)
    this.#handled = this.#removal
    this.#last = view.last
    // A look that found a stream begun anew may have read from it.
    this.#ownTaken = false
  }

  #handle(sink: EventSink, pending: Pending, text: string | undefined): void {
    this.#inHand.set(pending.id, this.#options.clock.monotonic())
    this.#options.background.run('apply an event', this.#finish(sink, pending, text))
  }

  /** Until it is done, dead, or left to whoever takes it over. */
  async #finish(sink: EventSink, { id, deliveries }: Pending, text: string | undefined): Promise<void> {
    try {
      if (text === undefined) return await this.#bury(id, text, 'it has no field event, and no field value', deliveries)
      for (let pauseMs = firstPauseMs; ; pauseMs = nextPause(pauseMs)) {
        const verdict = await sink.take({ id, text, atMs: idMs(id) })
        if (verdict.kind === 'applied') return await this.#group.done(id)
        if (verdict.kind === 'dead') return await this.#bury(id, text, verdict.because, deliveries)
        // It stays in our hands: while nothing can be applied, nothing more is read either.
        if (this.#closed) return
        await this.#wait(pauseMs)
      }
    } finally {
      this.#inHand.delete(id)
      this.#slot?.resolve()
    }
  }

  async #bury(id: string, text: string | undefined, because: string, deliveries: number): Promise<void> {
    this.#options.log.warn({ id, because, deliveries }, 'an event cannot be applied and is kept as a dead letter')
    await this.#group.bury(id, text, because, deliveries)
  }

  async #keepHouse(sink: EventSink, look: StreamLook): Promise<void> {
    const { clock, keepMs = 86_400_000, idleMs = 30_000 } = this.#options
    const now = clock.monotonic()
    if (!this.#ownTaken) {
      // What this process had in its hands when it ended: nobody else need wait for half a minute.
      this.#ownTaken = await this.#takeOver(sink, 0, true)
      return
    }
    if (now - this.#lookedMs < lookEveryMs) return
    this.#lookedMs = now
    const { length } = look.view
    this.#status = { ...this.#status, length, pending: look.pending, ...(await this.#seen(look)) }
    await this.#holdOn(now)
    await this.#takeOver(sink, idleMs, false)
    if (now - this.#tidiedMs < tidyEveryMs) return
    this.#tidiedMs = now
    await this.#group.trim(clock.now() - keepMs, look.view)
    for (const { name, pending, idleMs: silentMs } of this.#status.consumers)
      if (pending === 0 && silentMs > forgetMs) await this.#group.drop(name, forgetMs)
  }

  async #seen(look: StreamLook) {
    const { oldestPendingMs, ...counts } = await this.#group.counts(look)
    const ageMs = oldestPendingMs === 0 ? 0 : Math.max(0, this.#options.clock.now() - oldestPendingMs)
    return { ...counts, oldestPendingMs: ageMs }
  }

  /** What takes long is ours still: nobody else is to take it for forgotten. */
  async #holdOn(now: number): Promise<void> {
    const long = [...this.#inHand].filter(([, heldMs]) => now - heldMs > holdEveryMs).map(([id]) => id)
    if (long.length === 0) return
    await this.#group.hold(long)
    for (const id of long) if (this.#inHand.has(id)) this.#inHand.set(id, now)
  }

  /** Takes what others, or this process before, left unfinished; true when there is no more of it. */
  async #takeOver(sink: EventSink, idleMs: number, own: boolean): Promise<boolean> {
    const room = atOnce - this.#inHand.size
    if (room <= 0) return false
    const found = await this.#group.pending(room, idleMs, own)
    const left = found.filter(({ id }) => !this.#inHand.has(id))
    // Their contents first: to claim an entry that was removed is to forget it.
    const entries = await this.#group.entries(left.map(({ id }) => id))
    const gone = left.filter((_, at) => entries[at] === undefined)
    if (gone.length > 0) await sink.missed('body-gone')
    for (const { id } of gone) await this.#group.done(id)
    const there = left.filter((_, at) => entries[at] !== undefined)
    const ours = await this.#group.claim(
      there.map(({ id }) => id),
      idleMs,
    )
    for (const [at, { id, deliveries }] of left.entries()) {
      const fields = entries[at]
      if (fields === undefined || !ours.has(id)) continue
      const text = textIn(fields)
      const because = `it was brought ${deliveries} times, and no process finished it`
      if (deliveries >= deliveryLimit) await this.#bury(id, text, because, deliveries)
      else this.#handle(sink, { id, deliveries: deliveries + 1 }, text)
    }
    return found.length < room
  }

  #is(state: SourceStatus['state'], cause?: unknown): void {
    if (this.#status.state === state) return
    const { log, clock } = this.#options
    this.#status = { ...this.#status, state, since: clock.now() }
    if (state === 'away') log.warn({ err: cause }, 'the stream of events cannot be read now')
    else log.info({}, 'the stream of events is read')
  }

  async #wait(waitMs: number): Promise<void> {
    try {
      await pause(waitMs, undefined, { signal: this.#closing.signal })
    } catch {
      // Closed meanwhile: whoever waits looks next whether it is.
    }
  }

  async #ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (cause) {
      throw problems['events-source-away']({ cause, retryAfterS: 1 })
    }
  }
}
