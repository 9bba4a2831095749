import type { Acknowledgement, GatewayRegistration, RegistrationAnswer, TableOffer } from '#routes/messages.ts'
import { Problem } from '#routes/problem.ts'
import { limits } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import type { ControlPlaneCalls } from './control-plane-calls.ts'
import { events } from './event-stream.ts'
import { isSealed } from './kept-table.ts'
import type { TableHolder } from './table-holder.ts'

export interface LiveTableOptions {
  readonly calls: ControlPlaneCalls
  readonly holder: TableHolder
  readonly site: Site
  readonly instance: string
  /** How the control plane reaches our internal listener; known once that listens. */
  readonly internalUrl: () => string
  readonly startedAt: number
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly background: Background
  readonly log: Log
}

/** Pings come each 5 s: two missed ones are a dead connection. */
const silenceMs = 12_000
const backOffMs = { first: 50, most: 1_000 }
/** A waiting request asks for a fresh connection no more often than this. */
const refreshEveryMs = 1_000
/** A start waits so long for the first word of the control plane. */
const firstWordMs = 1_000
/** Both documents as JSON, escapes counted. */
const offerLimitChars = 2 * (limits.structureChars + limits.placementsChars)

/**
 * The channel to the control plane: registers this process, takes each offered table through the one door, acknowledges what
 * holds then, and comes back for ever when the connection breaks. Traffic never waits for it.
 */
export class LiveTable implements Part {
  readonly name = 'table channel'
  readonly #options: LiveTableOptions
  readonly #stopped = new AbortController()
  readonly #firstWord = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #connection: AbortController | undefined
  #wake: (() => void) | undefined
  #connected = false
  #since: number
  #refreshedMs = Number.NEGATIVE_INFINITY
  #heardMs = Number.NEGATIVE_INFINITY
  #lastWarning = ''
  #instance: string

  constructor(options: LiveTableOptions) {
    this.#options = options
    this.#since = options.clock.now()
    this.#instance = options.instance
  }

  /** Under which name this process is registered. One that was declared gone comes back under another. */
  get instance(): string {
    return this.#instance
  }

  get #base(): string {
    return `/api/v1/sites/${encodeURIComponent(this.#options.site)}/gateways/${encodeURIComponent(this.#instance)}`
  }

  get state(): { readonly connected: boolean; readonly since: number } {
    return { connected: this.#connected, since: this.#since }
  }

  /** Tells the control plane that this process is there. Undefined when it cannot be told now. */
  async register(): Promise<RegistrationAnswer | undefined> {
    const { calls, holder, internalUrl, startedAt, version } = this.#options
    const held = holder.numbers
    const registration: GatewayRegistration = {
      internalUrl: internalUrl(),
      startedAt,
      version,
      ...(held === undefined ? {} : { held }),
    }
    try {
      return (await calls.send('PUT', this.#base, registration)) as RegistrationAnswer
    } catch (cause) {
      this.#warn(cause)
      if (cause instanceof Problem && cause.code === 'gateway-removed') this.#instance = this.#options.random.id()
      return undefined
    }
  }

  /**
   * Resolves when the first offer is taken, or it is clear that none comes now, within a second: who was away during a
   * flip must not begin by executing what has another owner since.
   */
  async start(): Promise<void> {
    this.#running = this.#run()
    const late = setTimeout(this.#firstWord.resolve, firstWordMs)
    await this.#firstWord.promise
    clearTimeout(late)
  }

  /** The last word: this process serves no more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#connection?.abort()
    this.#wake?.()
    await this.#running
    await this.#options.calls.send('DELETE', this.#base).catch((cause) => {
      // It finds out by itself, from the closed channel and the refused probe.
      this.#options.log.debug({ err: cause }, 'not deregistered')
    })
  }

  /** A request waits for a newer table: a connection that may be dead is made anew. */
  refresh(): void {
    const now = this.#options.clock.monotonic()
    if (now - this.#refreshedMs < refreshEveryMs) return
    // A table that takes longer than this to come over a slow line would never come if it were cut off each time.
    if (now - this.#heardMs < refreshEveryMs) return
    this.#refreshedMs = now
    this.#connection?.abort()
    this.#wake?.()
  }

  /** Sends what was counted; false when it did not arrive. */
  async report(counters: unknown): Promise<boolean> {
    try {
      await this.#options.calls.send('POST', `${this.#base}/counters`, counters)
      return true
    } catch (cause) {
      this.#warn(cause)
      return false
    }
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stopped.signal.aborted) {
      try {
        if ((await this.register()) !== undefined) {
          await this.#listen(() => {
            failures = 0
          })
        }
      } catch (cause) {
        if (!this.#stopped.signal.aborted) this.#warn(cause)
      }
      this.#firstWord.resolve()
      this.#tellConnected(false)
      await this.#pause(failures++)
    }
  }

  async #listen(onEvent: () => void): Promise<void> {
    const connection = new AbortController()
    this.#connection = connection
    const watchdog = setTimeout(() => connection.abort(), silenceMs)
    try {
      const bytes = await this.#options.calls.stream(`${this.#base}/table`, connection.signal)
      this.#tellConnected(true)
      for await (const event of events(this.#heard(bytes, watchdog), offerLimitChars)) {
        if (event === undefined) return
        onEvent()
        if (event.event !== 'offer') continue
        await this.#take(event.data)
        this.#firstWord.resolve()
      }
    } finally {
      clearTimeout(watchdog)
      this.#connection = undefined
    }
  }

  /** By the piece, not by the event: a large table is one event, and may take longer than any silence. */
  async *#heard(bytes: AsyncIterable<Buffer>, watchdog: NodeJS.Timeout): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      watchdog.refresh()
      this.#heardMs = this.#options.clock.monotonic()
      yield chunk
    }
  }

  async #take(data: string): Promise<void> {
    const { holder, background, calls } = this.#options
    const offer = offerOf(data)
    if (offer === undefined) return this.#warn('an offer that is not JSON')
    const refusals = await holder.offer(offer)
    const held = holder.numbers
    if (held === undefined) return
    const acknowledgement: Acknowledgement = { held, refusals }
    // Not awaited: the next offer is taken meanwhile, and an acknowledgement that is lost comes again with it.
    background.run('acknowledge a table', calls.send('POST', `${this.#base}/acknowledgement`, acknowledgement))
  }

  #tellConnected(connected: boolean): void {
    if (connected === this.#connected) return
    this.#connected = connected
    this.#since = this.#options.clock.now()
    this.#lastWarning = ''
    this.#options.log.info({ connected }, 'the control plane channel changed')
  }

  /** Spread over half of its length, so that all gateways do not come back in one moment. */
  #pause(failures: number): Promise<void> {
    const longest = Math.min(backOffMs.first * 2 ** Math.min(failures, 10), backOffMs.most)
    const ms = longest * (0.5 + this.#options.random.next() / 2)
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms)
      this.#wake = done
      function done(): void {
        clearTimeout(timer)
        resolve()
      }
      if (this.#stopped.signal.aborted) done()
    })
  }

  /** The same trouble each second is one line. */
  #warn(cause: unknown): void {
    const text = cause instanceof Error ? cause.message : String(cause)
    if (text === this.#lastWarning) return
    this.#lastWarning = text
    this.#options.log.warn({ err: cause }, 'the control plane channel failed')
  }
}

/** Only what has the shape of sealed documents goes on; whether it is believed `receive` says. */
function offerOf(data: string): TableOffer | undefined {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value !== 'object' || value === null) return undefined
    const { structure, placements } = value as Record<string, unknown>
    return { ...(isSealed(structure) ? { structure } : {}), ...(isSealed(placements) ? { placements } : {}) }
  } catch {
    // Cut off by whoever stands between: the next connection brings it whole.
    return undefined
  }
}
