import type { Clock } from '#server-kit/clock.ts'
import type { ZoneHealth } from '../store/cache-store.ts'
import type { Journal } from './journal.ts'

export interface AppliedMarkOptions {
  readonly journal: Pick<Journal, 'head' | 'applied'>
  readonly health: () => readonly ZoneHealth[]
  readonly clock: Clock
}

const everyMs = 100
/** A write is answered before its slowest zone is: what that zone missed shows as owed by then, ms. */
const afterMs = 1_000

/**
 * Tells the journal up to where all writes stand in every zone, so that a restart repeats no more than the last moments:
 * below the lowest seq under way, as it was a second ago, and only while no zone is owed anything.
 */
export class AppliedMark {
  readonly #options: AppliedMarkOptions
  /** In the order of the journal, so that the first is the lowest. */
  readonly #underWay = new Set<number>()
  readonly #timer: NodeJS.Timeout
  #candidates: { readonly through: number; readonly atMs: number }[] = []

  constructor(options: AppliedMarkOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  /** The zones are asked to take the write with this seq. To be called in the turn in which the journal gave it. */
  begin(seq: number): void {
    this.#underWay.add(seq)
  }

  /** The zones have answered. */
  end(seq: number): void {
    this.#underWay.delete(seq)
  }

  /** At the end, when all writes have been answered and the zones were given time. */
  close(): void {
    clearInterval(this.#timer)
    const { journal } = this.#options
    if (this.#underWay.size === 0 && this.#owesNothing()) journal.applied(journal.head)
  }

  #look(): void {
    const { journal, clock } = this.#options
    const now = clock.monotonic()
    const lowest = this.#underWay.values().next().value
    this.#candidates.push({ through: lowest === undefined ? journal.head : lowest - 1, atMs: now })
    if (!this.#owesNothing()) {
      // Whatever is told once the debt is paid, the newest that is ripe then is enough.
      this.#candidates = this.#candidates.slice(-2 * (afterMs / everyMs))
      return
    }
    const ripe = this.#candidates.findLast(({ atMs }) => atMs <= now - afterMs)
    if (ripe === undefined) return
    journal.applied(ripe.through)
    this.#candidates = this.#candidates.filter(({ atMs }) => atMs > ripe.atMs)
  }

  #owesNothing(): boolean {
    return this.#options.health().every(({ owed }) => owed === 0)
  }
}
