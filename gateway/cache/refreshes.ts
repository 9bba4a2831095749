import { LRUCache } from 'lru-cache'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'

/** What became of a wish to refresh. Closed: a label of metrics. */
export const refreshOutcomes = ['refreshed', 'failed', 'running', 'resting', 'full'] as const
export type RefreshOutcome = (typeof refreshOutcomes)[number]

export interface RefreshesOptions {
  readonly clock: Clock
  readonly background: Pick<Background, 'run'>
  /** Refreshes under way; further ones are skipped: their entries are stale for a moment longer. */
  readonly atMost?: number
  /** Keys of which it is remembered that they failed. */
  readonly failures?: number
  readonly told?: (outcome: RefreshOutcome) => void
}

const firstRestMs = 1_000
const longestRestMs = 10_000

interface Rest {
  readonly restMs: number
  /** Monotonic. */
  readonly untilMs: number
}

/**
 * Fetches behind the back of clients that were answered with a stale entry (R4, W7): one a key, so many a process, and after a
 * failure none for a second, then two, four, ten: a service in trouble is not asked by each client that it could not serve.
 */
export class Refreshes {
  readonly #clock: Clock
  readonly #background: Pick<Background, 'run'>
  readonly #atMost: number
  readonly #told: ((outcome: RefreshOutcome) => void) | undefined
  readonly #running = new Set<string>()
  readonly #resting: LRUCache<string, Rest>

  constructor({ clock, background, atMost = 256, failures = 10_000, told }: RefreshesOptions) {
    this.#clock = clock
    this.#background = background
    this.#atMost = atMost
    this.#told = told
    this.#resting = new LRUCache({ max: failures })
  }

  get running(): number {
    return this.#running.size
  }

  /**
   * Calls `work` at once, or says why not. `work` resolves with true when the key has a usable answer again; a throw is a
   * failure.
   */
  start(key: string, work: () => Promise<boolean>): 'started' | Exclude<RefreshOutcome, 'refreshed' | 'failed'> {
    const obstacle = this.#obstacle(key)
    if (obstacle !== undefined) {
      this.#told?.(obstacle)
      return obstacle
    }
    this.#running.add(key)
    // Already under way when it is handed over: a background that is full would not begin it, and the key never come back.
    this.#background.run('refresh a stale answer', this.#run(key, work))
    return 'started'
  }

  #obstacle(key: string): 'running' | 'resting' | 'full' | undefined {
    if (this.#running.has(key)) return 'running'
    if ((this.#resting.peek(key)?.untilMs ?? 0) > this.#clock.monotonic()) return 'resting'
    return this.#running.size >= this.#atMost ? 'full' : undefined
  }

  async #run(key: string, work: () => Promise<boolean>): Promise<void> {
    let ok = false
    try {
      ok = await work()
    } finally {
      this.#running.delete(key)
      if (ok) this.#resting.delete(key)
      else this.#rest(key)
      this.#told?.(ok ? 'refreshed' : 'failed')
    }
  }

  #rest(key: string): void {
    const now = this.#clock.monotonic()
    const before = this.#resting.peek(key)
    // A failure of long ago is no reason to be patient now.
    const isRow = before !== undefined && now < before.untilMs + longestRestMs
    const restMs = isRow ? Math.min(before.restMs * 2, longestRestMs) : firstRestMs
    this.#resting.set(key, { restMs, untilMs: now + restMs })
  }
}
