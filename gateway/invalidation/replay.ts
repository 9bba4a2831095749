import { setTimeout as pause } from 'node:timers/promises'
import type { EventReplay } from '#routes/gateway-answers.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import type { EventSink, EventSource, Message } from './event-source.ts'

export interface ReplaysOptions {
  readonly source: EventSource
  readonly sink: EventSink
  readonly clock: Clock
  readonly background: Background
}

/** A page, and how often one may come: what is live goes on beside it. */
const pageSize = 200
const pageEveryMs = 100

/** Applies what the source took in some time once more. One at a time; what has no stamp of its own counts as of now. */
export class Replays {
  readonly #options: ReplaysOptions
  #newest: EventReplay | undefined
  #closed = false

  constructor(options: ReplaysOptions) {
    this.#options = options
  }

  /** The one that is under way, or the last one. */
  get newest(): EventReplay | undefined {
    return this.#newest
  }

  /** Begins it. Throws `events-replay-busy`, or `events-source-away`. */
  async begin(from: number, to: number): Promise<EventReplay> {
    if (this.#newest?.state === 'running') throw problems['events-replay-busy']()
    this.#newest = { from, to, state: 'running', applied: 0, failed: 0 }
    try {
      const first = await this.#options.source.range(from, to, pageSize)
      const begun = this.#newest
      this.#options.background.run('replay events', this.#replay(first, to))
      return begun
    } catch (cause) {
      this.#settle('failed')
      throw cause
    }
  }

  /** The one that is under way stops at its next page. */
  end(): void {
    this.#closed = true
  }

  async #replay(first: readonly Message[], to: number): Promise<void> {
    const { source, clock } = this.#options
    try {
      for (let page = first; page.length > 0 && !this.#closed; ) {
        const beganMs = clock.monotonic()
        await this.#apply(page)
        await pause(Math.max(0, pageEveryMs - (clock.monotonic() - beganMs)))
        page = page.length < pageSize ? [] : await source.range(0, to, pageSize, page.at(-1)?.id)
      }
      this.#settle(this.#closed ? 'failed' : 'done')
    } catch (cause) {
      this.#settle('failed')
      throw cause
    }
  }

  async #apply(page: readonly Message[]): Promise<void> {
    const verdicts = await Promise.all(page.map((message) => this.#options.sink.take(message)))
    const applied = verdicts.filter(({ kind }) => kind === 'applied').length
    const now = this.#newest
    if (now !== undefined)
      this.#newest = { ...now, applied: now.applied + applied, failed: now.failed + page.length - applied }
  }

  #settle(state: 'done' | 'failed'): void {
    if (this.#newest !== undefined) this.#newest = { ...this.#newest, state }
  }
}
