import type { Stamp } from '../../../gateway/store/cache-store.ts'
import { later } from '../../../gateway/store/tag-record.ts'
import { namespaceAt, namespaces, tagAt, tagsPerNamespace } from './key-space.ts'

/** Pairs of place and stamp, alternating: how knowledge travels between processes. */
export type Raised = BigUint64Array

/**
 * What writes were acknowledged: per key, tag and namespace the newest stamp of an invalidation, and per key that of a
 * value. Nothing with a lower stamp may be read any more by whoever this knowledge is about. It only grows.
 */
export class KnownWrites {
  readonly #keys: number
  readonly #stamps: BigUint64Array
  #changed = new Set<number>()
  #onNews: (() => void) | undefined

  constructor(keys: number) {
    this.#keys = keys
    this.#stamps = new BigUint64Array(2 * keys + namespaces.length * (tagsPerNamespace + 1))
  }

  deleted(index: number, stamp: Stamp): void {
    this.#raise(index, stamp)
  }

  stored(index: number, stamp: Stamp): void {
    this.#raise(this.#keys + index, stamp)
  }

  tagInvalidated(namespace: number, tag: number, stamp: Stamp): void {
    this.#raise(this.#tagPlace(namespace, tag), stamp)
  }

  bumped(namespace: number, stamp: Stamp): void {
    this.#raise(this.#tagPlace(namespace, tagsPerNamespace), stamp)
  }

  /** Below this stamp the key was invalidated. */
  invalidatedBelow(index: number): Stamp {
    const tag = tagAt(index)
    const namespace = namespaceAt(index)
    const byTag = tag === undefined ? 0n : this.#at(this.#tagPlace(namespace, tag))
    const byBump = this.#at(this.#tagPlace(namespace, tagsPerNamespace))
    return later(later(byTag, byBump), this.#at(index))
  }

  /** By what `invalidatedBelow` came: for people. */
  invalidatedBy(index: number): 'a delete' | 'a tag' | 'a bump' {
    const stamp = this.invalidatedBelow(index)
    if (stamp === this.#at(index)) return 'a delete'
    return stamp === this.#at(this.#tagPlace(namespaceAt(index), tagsPerNamespace)) ? 'a bump' : 'a tag'
  }

  /** Below this stamp a newer value was acknowledged. */
  replacedBelow(index: number): Stamp {
    return this.#at(this.#keys + index)
  }

  /** Called at each raise. */
  onNews(listener: () => void): void {
    this.#onNews = listener
  }

  /** What was raised since the last call. */
  news(): Raised {
    const out = new BigUint64Array(this.#changed.size * 2)
    let at = 0
    for (const place of this.#changed) {
      out[at++] = BigInt(place)
      out[at++] = this.#at(place)
    }
    this.#changed = new Set()
    return out
  }

  /** The same, of invalidations alone: values are no promise at another site. */
  all({ invalidationsOnly = false } = {}): Raised {
    const out: bigint[] = []
    for (let place = 0; place < this.#stamps.length; place++) {
      const isValue = place >= this.#keys && place < 2 * this.#keys
      if (this.#at(place) > 0n && !(isValue && invalidationsOnly)) out.push(BigInt(place), this.#at(place))
    }
    return BigUint64Array.from(out)
  }

  learn(raised: Raised): void {
    for (let at = 0; at < raised.length; at += 2) this.#raise(Number(raised[at]), raised[at + 1] ?? 0n)
  }

  #tagPlace(namespace: number, tag: number): number {
    return 2 * this.#keys + namespace * (tagsPerNamespace + 1) + tag
  }

  #raise(place: number, stamp: Stamp): void {
    if (stamp <= this.#at(place)) return
    this.#stamps[place] = stamp
    this.#changed.add(place)
    this.#onNews?.()
  }

  #at(place: number): Stamp {
    return this.#stamps[place] ?? 0n
  }
}
