import { type Clock, systemClock } from '#server-kit/clock.ts'

/** A clock that is wrong by so many milliseconds, until it is set: ahead, behind, and backwards while a program runs. */
export class SkewedClock implements Clock {
  readonly #right: Clock
  offsetMs: number

  constructor(offsetMs = 0, right: Clock = systemClock) {
    this.offsetMs = offsetMs
    this.#right = right
  }

  now(): number {
    return this.#right.now() + this.offsetMs
  }

  /** Never skewed: no machine's is. */
  monotonic(): number {
    return this.#right.monotonic()
  }
}
