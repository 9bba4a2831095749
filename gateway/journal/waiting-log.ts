import type { CacheOperation } from '../store/cache-operation.ts'
import type { TakenRecord } from './journal.ts'

export interface Waiting extends TakenRecord {
  readonly operation: CacheOperation
}

/** One log of one lane in memory: at most one write of a name, the newest, by rising seq. */
export class WaitingLog {
  readonly #waiting = new Map<string, Waiting>()
  /** Unix ms since which the destination lacks something under this name. */
  readonly #since = new Map<string, number>()
  #lastSinceMs = 0
  /** Something came that had waited elsewhere before: the first is not the oldest for certain. */
  #mixed = false
  /** Seq up to which all is acknowledged. */
  through = 0
  bytes = 0

  get size(): number {
    return this.#waiting.size
  }

  get first(): Waiting | undefined {
    return this.#waiting.values().next().value
  }

  get oldestSinceMs(): number | undefined {
    if (!this.#mixed) return this.#since.values().next().value
    let oldest = Number.POSITIVE_INFINITY
    for (const since of this.#since.values()) oldest = Math.min(oldest, since)
    return oldest
  }

  get(name: string): Waiting | undefined {
    return this.#waiting.get(name)
  }

  sinceMs(name: string): number | undefined {
    return this.#since.get(name)
  }

  all(): IterableIterator<[string, Waiting]> {
    return this.#waiting.entries()
  }

  /** In the place of what waits under this name, at the end. */
  put(name: string, waiting: Waiting, sinceMs: number): void {
    const held = this.#waiting.get(name)
    if (held !== undefined) {
      this.bytes -= held.bytes.length
      this.#waiting.delete(name)
    }
    this.#waiting.set(name, waiting)
    this.bytes += waiting.bytes.length
    // It is a newer word on what is lacking there, which lacks since the older one.
    if (this.#since.has(name)) return
    this.#since.set(name, sinceMs)
    this.#mixed ||= sinceMs < this.#lastSinceMs
    this.#lastSinceMs = Math.max(this.#lastSinceMs, sinceMs)
  }

  remove(name: string): Waiting | undefined {
    const held = this.#waiting.get(name)
    if (held === undefined) return undefined
    this.#waiting.delete(name)
    this.#since.delete(name)
    this.bytes -= held.bytes.length
    this.#mixed &&= this.#since.size > 0
    return held
  }
}
