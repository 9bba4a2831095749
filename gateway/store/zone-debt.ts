import { type Invalidation, operationName } from './cache-operation.ts'
import type { Stamp } from './cache-store.ts'

/**
 * What one zone missed. A write that a zone did not confirm may have left the old value there, so the key is owed a
 * delete, and is not read from that zone until it has one. While the zone is owed an invalidation, nothing of its namespace
 * is read there: nobody can tell which items it would have taken.
 */
export class ZoneDebt {
  readonly #limit: number
  readonly #owed = new Map<string, Invalidation>()
  /** Invalidations among them, by namespace. */
  readonly #namespaces = new Map<string, number>()
  #floor: Stamp = 0n

  /** `limit`: deletes and invalidations that can be owed; beyond it the zone starts from nothing, which needs no list. */
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
    if (this.#owed.size === 0) return false
    return this.#namespaces.has(namespace) || this.#owed.has(`${namespace}/${key}`)
  }

  /** False when the list is full: every value below `floor` is given up instead, and nothing is owed any more. */
  owe(owed: Invalidation, floor: () => Stamp): boolean {
    const at = operationName(owed)
    const before = this.#owed.get(at)
    if (before === undefined && this.#owed.size >= this.#limit) {
      this.#owed.clear()
      this.#namespaces.clear()
      this.#floor = floor()
      return false
    }
    if (before === undefined && owed.kind === 'invalidate') {
      this.#namespaces.set(owed.namespace, (this.#namespaces.get(owed.namespace) ?? 0) + 1)
    }
    if (before === undefined || before.stamp < owed.stamp) this.#owed.set(at, owed)
    return true
  }

  /** The zone confirmed a write of the same name with this stamp, or holds a newer one. */
  settle(done: Invalidation): void {
    if (this.#owed.size === 0) return
    const at = operationName(done)
    const owed = this.#owed.get(at)
    if (owed === undefined || owed.stamp > done.stamp) return
    this.#owed.delete(at)
    if (owed.kind !== 'invalidate') return
    const left = (this.#namespaces.get(owed.namespace) ?? 1) - 1
    if (left === 0) this.#namespaces.delete(owed.namespace)
    else this.#namespaces.set(owed.namespace, left)
  }

  /** The longest owed, at most `most`. */
  oldest(most: number): Invalidation[] {
    const found: Invalidation[] = []
    for (const owed of this.#owed.values()) {
      if (found.length === most) break
      found.push(owed)
    }
    return found
  }
}
