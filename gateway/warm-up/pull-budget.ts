/**
 * How many misses may be asked of another site: a share of them, so that a cold start does not double its load, with a few in
 * hand for the first ones.
 */
export class PullBudget {
  readonly #share: number
  readonly #most: number
  #left: number

  /** `share`: of all misses, 0..1; `most`: saved up, at most and at the start. */
  constructor({ share, most }: { readonly share: number; readonly most: number }) {
    this.#share = share
    this.#most = most
    this.#left = most
  }

  /** Counts one miss; true: the other site may be asked about it. */
  take(): boolean {
    this.#left = Math.min(this.#most, this.#left + this.#share)
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
