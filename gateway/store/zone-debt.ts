import type { Stamp } from './cache-store.ts'

export interface Owed {
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
}

/**
 * What one zone missed. A write that a zone did not confirm may have left the old value there, so the key is owed a
 * delete, and is not read from that zone until it has one.
 */
export class ZoneDebt {
  readonly #limit: number
  readonly #owed = new Map<string, Owed>()
  #floor: Stamp = 0n

  /** `limit`: keys that can be owed; beyond it the zone starts from nothing, which needs no list. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#owed.size
  }

  /** Values with a lower stamp are not served: cold, never stale. */
  get floor(): Stamp {
    return this.#floor
  }

  owes(namespace: string, key: string): boolean {
    return this.#owed.size > 0 && this.#owed.has(name(namespace, key))
  }

  /** False when the list is full: every value below `floor` is given up instead, and nothing is owed any more. */
  owe(owed: Owed, floor: () => Stamp): boolean {
    const at = name(owed.namespace, owed.key)
    const before = this.#owed.get(at)
    if (before === undefined && this.#owed.size >= this.#limit) {
      this.#owed.clear()
      this.#floor = floor()
      return false
    }
    if (before === undefined || before.stamp < owed.stamp) this.#owed.set(at, owed)
    return true
  }

  /** The zone confirmed a write of this key with this stamp, or holds a newer one. */
  settle(namespace: string, key: string, stamp: Stamp): void {
    if (this.#owed.size === 0) return
    const at = name(namespace, key)
    const owed = this.#owed.get(at)
    if (owed !== undefined && owed.stamp <= stamp) this.#owed.delete(at)
  }

  /** The longest owed, at most `most`. */
  oldest(most: number): Owed[] {
    const found: Owed[] = []
    for (const owed of this.#owed.values()) {
      if (found.length === most) break
      found.push(owed)
    }
    return found
  }
}

const name = (namespace: string, key: string): string => `${namespace}/${key}`
