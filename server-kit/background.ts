/** Work that nobody waits for: named, counted, told when it fails, waited for when the process ends. */
import type { Log } from './log.ts'
import type { Counter, Metrics } from './metrics.ts'

type Work = Promise<unknown> | (() => Promise<unknown>)

export class Background {
  readonly #log: Log
  readonly #limit: number
  readonly #outcomes: Counter<'name' | 'outcome'> | undefined
  readonly #running = new Map<Promise<void>, string>()
  #failed = 0
  #refused = 0

  /** At most `limit` works at once; `metrics` counts failures and refusals by name. */
  constructor(log: Log, limit = 10_000, metrics?: Metrics) {
    this.#log = log
    this.#limit = limit
    this.#outcomes = metrics?.counter(
      'tidegate_background_failures_total',
      'Background work that failed or was refused.',
      {
        name: { atMost: 100 },
        outcome: ['failed', 'refused'],
      },
    )
  }

  /**
   * Takes over the waiting for `work`, which the caller does not await. `name` is a fixed phrase ("shadow to the other site").
   * Above the limit a function is not called; a promise is already under way, so its failure is still told.
   */
  run(name: string, work: Work): void {
    if (this.#running.size >= this.#limit) {
      this.#refused++
      this.#outcomes?.inc({ name, outcome: 'refused' })
      // One line for the first and then each thousandth: the log must not drown in the overload it tells of.
      if (this.#refused % 1000 === 1)
        this.#log.warn({ work: name, limit: this.#limit, refused: this.#refused }, 'too much background work')
      if (typeof work === 'function') return
    }
    const watched = this.#watch(name, work)
    this.#running.set(watched, name)
    // `watched` never rejects, and its removal cannot fail.
    void watched.then(() => this.#running.delete(watched))
  }

  /** How many works are under way. */
  get running(): number {
    return this.#running.size
  }

  get failed(): number {
    return this.#failed
  }

  get refused(): number {
    return this.#refused
  }

  /** Resolves when nothing is under way, after `deadlineMs` at the latest, and tells what was left behind. */
  async settle(deadlineMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(deadlineMs)
    const passed = new Promise<void>((resolve) => deadline.addEventListener('abort', () => resolve(), { once: true }))
    while (this.#running.size > 0 && !deadline.aborted) {
      await Promise.race([Promise.all(this.#running.keys()), passed])
    }
    if (this.#running.size === 0) return
    const left = [...new Set(this.#running.values())].slice(0, 20)
    this.#log.warn({ running: this.#running.size, left, deadlineMs }, 'background work left behind')
  }

  async #watch(name: string, work: Work): Promise<void> {
    try {
      await (typeof work === 'function' ? work() : work)
    } catch (cause) {
      this.#failed++
      this.#outcomes?.inc({ name, outcome: 'failed' })
      this.#log.warn({ work: name, err: cause }, 'background work failed')
    }
  }
}
