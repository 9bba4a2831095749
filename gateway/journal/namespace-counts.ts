import { laneCount } from './journal.ts'
import { endOf, laneOf, namespaceOf } from './raw-record.ts'

const nameLimit = 10_000
/** The name under which those beyond the limit are counted together. */
export const otherNamespaces = '*'

/** How many records, and how many bytes of them, by namespace. */
export class NamespaceCounts {
  readonly #byNamespace = new Map<string, number>()
  records = 0
  bytes = 0

  /** `sign`: 1 or -1. */
  add(bytes: Buffer, at: number, sign: 1 | -1): void {
    this.bytes += sign * (endOf(bytes, at) - at)
    this.#count(namespaceOf(bytes, at), sign)
  }

  #count(namespace: string, by: number): void {
    this.records += by
    // One that was beyond the limit when it was added is taken away from where it was counted.
    const known = this.#byNamespace.get(namespace)
    const isOther = known === undefined && (by < 0 || this.#byNamespace.size >= nameLimit)
    const name = isOther ? otherNamespaces : namespace
    const left = (isOther ? (this.#byNamespace.get(name) ?? 0) : (known ?? 0)) + by
    if (left === 0) this.#byNamespace.delete(name)
    else this.#byNamespace.set(name, left)
  }

  addAll(other: NamespaceCounts, sign: 1 | -1): void {
    for (const [namespace, count] of other.#byNamespace) this.#count(namespace, sign * count)
    this.bytes += sign * other.bytes
  }

  get byNamespace(): ReadonlyMap<string, number> {
    return this.#byNamespace
  }
}

/** The same, and how many of them in each lane. */
export class RecordCounts {
  readonly names = new NamespaceCounts()
  readonly lanes = new Uint32Array(laneCount)

  add(bytes: Buffer, at: number): void {
    const lane = laneOf(bytes, at)
    this.names.add(bytes, at, 1)
    this.lanes[lane] = (this.lanes[lane] ?? 0) + 1
  }
}
