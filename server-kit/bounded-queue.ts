/** A first-in first-out queue that cannot grow beyond its limit, and says what it lost. */

/** `refuse`: the newcomer is not taken. `drop-oldest`: the longest waiting one goes. */
export type WhenFull = 'refuse' | 'drop-oldest'

export class BoundedQueue<Item> {
  readonly limit: number
  readonly #whenFull: WhenFull
  readonly #ring: (Item | undefined)[] = []
  #head = 0
  #size = 0
  #dropped = 0

  /** `limit`: most items at once, at least 1. */
  constructor(limit: number, whenFull: WhenFull) {
    this.limit = limit
    this.#whenFull = whenFull
  }

  get size(): number {
    return this.#size
  }

  /** How many items were lost: refused or pushed out. */
  get dropped(): number {
    return this.#dropped
  }

  /** False when the item was refused. */
  push(item: Item): boolean {
    if (this.#size === this.limit) {
      this.#dropped++
      if (this.#whenFull === 'refuse') return false
      this.#takeHead()
    }
    this.#ring[(this.#head + this.#size) % this.limit] = item
    this.#size++
    return true
  }

  /** The longest waiting item. */
  shift(): Item | undefined {
    return this.#size === 0 ? undefined : this.#takeHead()
  }

  /** The longest waiting item, which stays. */
  peek(): Item | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head]
  }

  clear(): void {
    this.#ring.length = 0
    this.#head = 0
    this.#size = 0
  }

  #takeHead(): Item | undefined {
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) % this.limit
    this.#size--
    return item
  }
}
