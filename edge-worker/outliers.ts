const failuresInARow = 5
const outMs = 5_000

/** Which sites, and which units at them, gave no answer lately, as this isolate saw it. Bounded by both. */
export class Outliers {
  readonly #failing = new Map<string, { failures: number; outUntil: number }>()

  add(name: string, failed: boolean, now: number): void {
    if (!failed) return void this.#failing.delete(name)
    const failures = (this.#failing.get(name)?.failures ?? 0) + 1
    this.#failing.set(name, { failures, outUntil: failures < failuresInARow ? 0 : now + outMs })
  }

  /**
   * Whether to ask elsewhere at once: for 5 s from the fifth failure in a row. Then one request finds out how it is, and the
   * others wait 5 s more for what becomes of it. Nothing is to be given back, as a cancelled request would never do so.
   */
  avoids(name: string, now: number): boolean {
    const failing = this.#failing.get(name)
    if (failing === undefined || failing.failures < failuresInARow) return false
    if (now < failing.outUntil) return true
    failing.outUntil = now + outMs
    return false
  }
}
