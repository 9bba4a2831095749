import type { Clock } from '#server-kit/clock.ts'

const everyMs = 20
/** 2 s of them. */
const kept = 100
/** How late this process's event loop runs: p99 over the last 2 s, ms. */
export class LoopDelay {
  readonly #clock: Clock
  readonly #late = new Float64Array(kept)
  readonly #onSample: () => void
  #next = 0
  #dueMs = 0
  #timer: NodeJS.Timeout | undefined

  /** `onSample` is called after each. */
  constructor(clock: Clock, onSample: () => void) {
    this.#clock = clock
    this.#onSample = onSample
  }

  /** Of so many, p99 is the second worst: one stall (a collection, a large table) is no overload, two are. */
  get p99Ms(): number {
    let worst = 0
    let second = 0
    for (const late of this.#late) {
      if (late >= worst) [worst, second] = [late, worst]
      else if (late > second) second = late
    }
    return second
  }

  start(): void {
    this.#dueMs = this.#clock.monotonic() + everyMs
    this.#timer = setInterval(() => this.#sample(), everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    const now = this.#clock.monotonic()
    this.#late[this.#next] = Math.max(0, now - this.#dueMs)
    this.#next = (this.#next + 1) % kept
    this.#dueMs = now + everyMs
    this.#onSample()
  }
}
