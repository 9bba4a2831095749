import type { Clock } from '#server-kit/clock.ts'

const everyMs = 50
/** How fast a late moment is forgotten: by half in about a third of a second. */
const keeps = 0.9

/**
 * How late this process hears of what happened: its event loop was busy meanwhile. A connection that seems to have been
 * idle for an age may have been so for longer by as much.
 */
export class LoopLag {
  readonly #clock: Clock
  readonly #timer: NodeJS.Timeout
  #dueMs: number
  #lateMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#dueMs = clock.monotonic() + everyMs
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  /** Of the last moments, and of this one. */
  get ms(): number {
    return Math.max(this.#lateMs, this.#clock.monotonic() - this.#dueMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = this.#clock.monotonic()
    this.#lateMs = Math.max(now - this.#dueMs, this.#lateMs * keeps)
    this.#dueMs = now + everyMs
  }
}
