/** Looks in a row: a garbage collection that is due may yet bring it down. */
const patience = 3
const firstBackOffMs = 5_000
const mostBackOffMs = 300_000
/** Below the ceiling for so long: the next growth is a first one. */
const wellAfterMs = 60_000

/**
 * Whether the process of a slot has outgrown its memory for good, and may be replaced now. A successor that outgrows it at
 * once is replaced later and later: whatever makes it grow, new processes do not cure it. Pure but for its own counts.
 */
export class MemoryWatch {
  #above = 0
  #failures = 0
  #notBeforeMs = Number.NEGATIVE_INFINITY

  /** `ceilingBytes`: Infinity = never. `nowMs`: of a clock that does not go back. */
  outgrown(rssBytes: number, ceilingBytes: number, nowMs: number): boolean {
    this.#above = rssBytes > ceilingBytes ? this.#above + 1 : 0
    return this.#above >= patience && nowMs >= this.#notBeforeMs
  }

  /** It is about to be replaced. */
  tried(nowMs: number): void {
    this.#failures = nowMs < this.#notBeforeMs + wellAfterMs ? this.#failures + 1 : 0
    const waitMs = Math.min(firstBackOffMs * 2 ** (this.#failures - 1), mostBackOffMs)
    this.#notBeforeMs = nowMs + (this.#failures === 0 ? 0 : waitMs)
    this.#above = 0
  }
}
