import type { UnitId } from '#routes/vocabulary.ts'

/** A copy that was cancelled with its request never says that it ended: its place is free again after this long. */
const placeMs = 11_000

/** Copies under way in this isolate, a unit. */
export class Places {
  readonly #taken = new Map<UnitId, Set<{ readonly until: number }>>()

  /** A place among `most`, and what gives it back; undefined = all are taken. */
  take(unit: UnitId, most: number, now: number): (() => void) | undefined {
    const taken = this.#taken.get(unit) ?? new Set()
    for (const place of taken) if (place.until <= now) taken.delete(place)
    if (taken.size >= most) return undefined
    const place = { until: now + placeMs }
    this.#taken.set(unit, taken.add(place))
    return () => void taken.delete(place)
  }
}
