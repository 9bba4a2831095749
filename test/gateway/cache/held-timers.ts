import { HeldClock } from '#server-kit/clock.ts'
import type { Timers } from '../../../gateway/cache/timers.ts'

/** Waits that end when a test lets time pass. */
export class HeldTimers implements Timers {
  readonly clock = new HeldClock()
  readonly #waits = new Set<{ readonly untilMs: number; readonly run: () => void }>()

  get waits(): number {
    return this.#waits.size
  }

  after(ms: number, run: () => void): () => void {
    const wait = { untilMs: this.clock.monotonic() + ms, run }
    this.#waits.add(wait)
    return () => void this.#waits.delete(wait)
  }

  advance(ms: number): void {
    this.clock.advance(ms)
    for (const wait of this.#waits) {
      if (wait.untilMs > this.clock.monotonic()) continue
      this.#waits.delete(wait)
      wait.run()
    }
  }
}
