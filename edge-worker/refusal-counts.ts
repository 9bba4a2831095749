import type { Refusal, ToldRefusal } from '#routes/messages.ts'

/** How often which document was refused for what, with the last case. Bounded by itself: two kinds, a closed list of reasons. */
export class RefusalCounts {
  readonly #told = new Map<string, ToldRefusal>()

  /** Those of them that are new since the start: worth a line in a log, which repetitions are not. */
  add(refusals: readonly Refusal[], at: number): readonly Refusal[] {
    return refusals.filter((refusal) => {
      const key = `${refusal.kind} ${refusal.because}`
      const count = (this.#told.get(key)?.count ?? 0) + 1
      this.#told.set(key, { ...refusal, at, count })
      return count === 1
    })
  }

  get told(): readonly ToldRefusal[] {
    return [...this.#told.values()]
  }
}
