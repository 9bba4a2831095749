/** Pulses in a row: a garbage collection that is due may yet bring it down. */
const patience = 5

/** Whether a worker has outgrown its memory for good. Pure but for its own count. */
export class MemoryWatch {
  readonly #limitBytes: number
  #above = 0

  /** Infinity: never. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** True once, at the last of several pulses in a row above the limit. */
  outgrown(rssBytes: number): boolean {
    this.#above = rssBytes > this.#limitBytes ? this.#above + 1 : 0
    return this.#above === patience
  }
}
