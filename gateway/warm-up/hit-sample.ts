import type { Clock } from '#server-kit/clock.ts'
import { fnv1a } from '../store/fnv.ts'

/** A key that is not hit for so long is nobody's hot one, ms. */
const windowMs = 60 * 60_000
const keyLimit = 1_000
const namespaceLimit = 200
/** How much newer a hit must be to be noted: a key that is hit a thousand times a second is not written down each time, ms. */
const grainMs = 10_000

/**
 * Which keys were hit here in the last hour, as a fair sample of the distinct ones, however many there are: a namespace keeps the
 * keys whose hash is below its threshold, and halves that when they are too many (distinct sampling, Gibbons 2001).
 */
export class HitSample {
  readonly #clock: Clock
  readonly #namespaces = new Map<string, Sample>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(namespace: string, key: string): void {
    let sample = this.#namespaces.get(namespace)
    if (sample === undefined) {
      if (this.#namespaces.size >= namespaceLimit) return
      sample = { below: 2 ** 32, hitAt: new Map() }
      this.#namespaces.set(namespace, sample)
    }
    if (spread(key) >= sample.below) return
    const now = this.#clock.now()
    const before = sample.hitAt.get(key)
    if (before !== undefined && now - before < grainMs) return
    // Taken out and put in again: the map is in the order of the last hit.
    sample.hitAt.delete(key)
    sample.hitAt.set(key, now)
    if (sample.hitAt.size > keyLimit) this.#thin(sample, now)
  }

  /** At most 1,000 keys, the newest last; each distinct key that was hit has the same chance to be among them. */
  keys(namespace: string): readonly string[] {
    const sample = this.#namespaces.get(namespace)
    if (sample === undefined) return []
    this.#forgetOld(sample, this.#clock.now())
    return [...sample.hitAt.keys()]
  }

  namespaces(): readonly string[] {
    return [...this.#namespaces.keys()].filter((namespace) => this.keys(namespace).length > 0)
  }

  #thin(sample: Sample, now: number): void {
    this.#forgetOld(sample, now)
    while (sample.hitAt.size > keyLimit) {
      sample.below /= 2
      for (const key of sample.hitAt.keys()) if (spread(key) >= sample.below) sample.hitAt.delete(key)
    }
  }

  #forgetOld({ hitAt }: Sample, now: number): void {
    for (const [key, at] of hitAt) {
      if (now - at < windowMs) return
      hitAt.delete(key)
    }
  }
}

interface Sample {
  /** 1 .. 2^32 */
  below: number
  /** Unix ms, oldest first. */
  readonly hitAt: Map<string, number>
}

/** FNV alone leaves its high bits much alike for keys that differ at their ends. */
function spread(key: string): number {
  let h = fnv1a(key)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
