const kept = 256

/** How long the last syncs of a disk took. */
export class SyncTimes {
  readonly #ms = new Float64Array(kept)
  #count = 0

  add(ms: number): void {
    this.#ms[this.#count++ % kept] = ms
  }

  /** ms; 0 before the first. */
  quantiles(): { readonly p50: number; readonly p99: number } {
    const sorted = this.#ms.slice(0, Math.min(kept, this.#count)).sort()
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
    return { p50: at(0.5), p99: at(0.99) }
  }
}
