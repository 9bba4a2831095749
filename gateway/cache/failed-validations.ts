import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'

export interface FailedValidationsOptions {
  readonly clock: Clock
  readonly keys?: number
  /** How long a failure is remembered, ms. */
  readonly forMs?: number
}

/**
 * Keys whose stale entry could not be validated a moment ago, with what went wrong: within that second the next clients get
 * the stale answer at once, instead of each waiting for a time-out of its own (R5).
 */
export class FailedValidations<Failure> {
  readonly #clock: Clock
  readonly #forMs: number
  readonly #failures: LRUCache<string, { readonly failure: Failure; readonly untilMs: number }>

  constructor({ clock, keys = 10_000, forMs = 1_000 }: FailedValidationsOptions) {
    this.#clock = clock
    this.#forMs = forMs
    this.#failures = new LRUCache({ max: keys })
  }

  failed(key: string, failure: Failure): void {
    this.#failures.set(key, { failure, untilMs: this.#clock.monotonic() + this.#forMs })
  }

  /** The service has answered. */
  succeeded(key: string): void {
    this.#failures.delete(key)
  }

  /** Undefined: none, or longer ago. */
  recent(key: string): Failure | undefined {
    const seen = this.#failures.peek(key)
    return seen !== undefined && this.#clock.monotonic() < seen.untilMs ? seen.failure : undefined
  }

  get size(): number {
    return this.#failures.size
  }
}
