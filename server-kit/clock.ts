/** Time as an argument, so that a test can hold it still. */

export interface Clock {
  /** Milliseconds since 1970, for what people and other machines read; it may jump. */
  now(): number
  /** Milliseconds since some moment, for measuring and deadlines; it never goes back. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** A clock that moves only when it is told to. */
export class HeldClock implements Clock {
  readonly #startMs: number
  #passedMs = 0

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
  }

  now(): number {
    return this.#startMs + this.#passedMs
  }

  monotonic(): number {
    return this.#passedMs
  }

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): void {
    this.#passedMs += ms
  }
}
