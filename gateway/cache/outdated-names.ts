import type { ItemTags, Stamp } from '../store/cache-store.ts'

export interface Dated {
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
  readonly tags: ItemTags
}

/** Of how many names the last invalidation is known by itself. */
const mostNames = 16_384

/**
 * The invalidations that this process was told of: the highest stamp of each name. Bounded: of names that had to be forgotten,
 * the highest stamp counts for everything, so forgetting makes more outdated and never less.
 */
export class OutdatedNames {
  readonly #stampOf = new Map<string, Stamp>()
  readonly #most: number
  #floor: Stamp = 0n
  #told = 0

  constructor(most = mostNames) {
    this.#most = most
  }

  /** Grows with each word: who was current at this number still is. */
  get told(): number {
    return this.#told
  }

  tell(namespace: string, kind: 'tag' | 'scope', name: string, stamp: Stamp): void {
    this.#note(`${namespace}/${kind}/${name}`, stamp)
  }

  tellKey(namespace: string, key: string, stamp: Stamp): void {
    this.#note(`${namespace}/key/${key}`, stamp)
  }

  tellNamespace(namespace: string, stamp: Stamp): void {
    this.#note(namespace, stamp)
  }

  /** Nothing that it can be invalidated by was, after its stamp. */
  isCurrent({ namespace, key, stamp, tags }: Dated): boolean {
    if (stamp < this.#floor || this.#isBelow(namespace, stamp)) return false
    if (this.#isBelow(`${namespace}/key/${key}`, stamp)) return false
    for (const name of tags.exact) if (this.#isBelow(`${namespace}/tag/${name}`, stamp)) return false
    for (const name of tags.scopes) if (this.#isBelow(`${namespace}/scope/${name}`, stamp)) return false
    return true
  }

  #isBelow(at: string, stamp: Stamp): boolean {
    const told = this.#stampOf.get(at)
    return told !== undefined && stamp < told
  }

  #note(at: string, stamp: Stamp): void {
    this.#told++
    const before = this.#stampOf.get(at)
    // Set anew, so that the one told longest ago stands first.
    this.#stampOf.delete(at)
    this.#stampOf.set(at, before === undefined || before < stamp ? stamp : before)
    if (this.#stampOf.size <= this.#most) return
    const [oldest] = this.#stampOf
    if (oldest === undefined) return
    this.#stampOf.delete(oldest[0])
    if (this.#floor < oldest[1]) this.#floor = oldest[1]
  }
}
