import type { Clock } from '#server-kit/clock.ts'

/** A call is believed for 60 s either way of its time stamp: after twice that no replay of it is. */
const memoryMs = 120_000

/** Signed calls that must not be made twice, remembered for as long as their signature is believed. */
export class SeenCalls {
  readonly #clock: Clock
  readonly #limit: number
  /** In the order of arrival, so that the first is the oldest. */
  readonly #seen = new Map<string, number>()

  /** At most `limit` calls in two minutes; beyond that calls are refused rather than forgotten. */
  constructor(clock: Clock, limit = 200_000) {
    this.#clock = clock
    this.#limit = limit
  }

  /** False when this very call was made before, or when no more can be remembered. */
  first(mac: string): boolean {
    const now = this.#clock.monotonic()
    for (const [old, at] of this.#seen) {
      if (now - at <= memoryMs) break
      this.#seen.delete(old)
    }
    if (this.#seen.has(mac) || this.#seen.size >= this.#limit) return false
    this.#seen.set(mac, now)
    return true
  }
}
