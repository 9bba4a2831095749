import { setAgeLimitMs } from './apply-if-newer.ts'
import { asDelete, type CacheOperation } from './cache-operation.ts'
import { stampMs } from './stamp.ts'

export interface LaneLimits {
  /** Operations that wait, at most. */
  readonly operations: number
  /** Values that wait, at most, bytes together. */
  readonly setBytes: number
}

export interface Queued {
  /** Grows by one with each append of the lane. */
  readonly seq: number
  readonly operation: CacheOperation
  /** Unix ms. */
  readonly queuedAtMs: number
}

/** What an operation costs on the wire beside its value, roughly. */
const overheadBytes = 128
/** Names kept of dirty namespaces; past it all are. */
const dirtyLimit = 10_000

/**
 * One lane of what another site is still to be told: ordered by arrival, at most one operation a key, the newest.
 * Under pressure values go first (what is left of them is an invalidation), then sets, and a delete only when all
 * that waits are deletes; then its namespace is dirty, and stays so.
 */
export class ShippingLane {
  readonly #limits: LaneLimits
  readonly #queue = new Map<string, Queued>()
  /** Values that wait and their bytes, in the order of the queue. */
  readonly #sets = new Map<string, number>()
  /** Since when a delete of the key waits, oldest first; also when a newer set took its place, for that too invalidates. */
  readonly #owed = new Map<string, number>()
  readonly #dirty = new Set<string>()
  #setBytes = 0
  #seq = 0
  #droppedSets = 0

  constructor(limits: LaneLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#queue.size
  }

  /** The seq of the newest operation. */
  get head(): number {
    return this.#seq
  }

  get sets(): number {
    return this.#sets.size
  }

  get setBytes(): number {
    return this.#setBytes
  }

  /** Sets whose value was given up before it was shipped. */
  get droppedSets(): number {
    return this.#droppedSets
  }

  /** Namespaces of which a delete was lost: the other site may serve what was deleted here. `*`: too many to name. */
  get dirty(): ReadonlySet<string> {
    return this.#dirty
  }

  /** Deletes that the other site has not confirmed. A dirty namespace counts as one that never is. */
  get owed(): number {
    return this.#owed.size + this.#dirty.size
  }

  /** Unix ms; undefined: nothing is owed. */
  get owedSinceMs(): number | undefined {
    return this.#owed.values().next().value
  }

  get waitingSinceMs(): number | undefined {
    return this.#queue.values().next().value?.queuedAtMs
  }

  append(operation: CacheOperation, nowMs: number): void {
    const at = name(operation)
    const before = this.#queue.get(at)
    if (before !== undefined && !isNewer(operation, before.operation)) return
    this.#forgetValue(at)
    this.#queue.delete(at)
    this.#queue.set(at, { seq: ++this.#seq, operation, queuedAtMs: nowMs })
    if (operation.kind === 'set') {
      this.#sets.set(at, operation.value.length)
      this.#setBytes += operation.value.length
    } else if (!this.#owed.has(at)) this.#owed.set(at, nowMs)
    this.#yieldToPressure()
  }

  /** The oldest operations, which stay until they are acknowledged. At least one, whatever its size, if any waits. */
  take(mostOperations: number, mostBytes: number, nowMs: number): Queued[] {
    const taken: Queued[] = []
    let bytes = 0
    for (const [at, queued] of this.#queue) {
      const next = isOver(queued.operation, nowMs) ? this.#giveUpValue(at, queued) : queued
      bytes += overheadBytes + (next.operation.kind === 'set' ? next.operation.value.length : 0)
      if (taken.length > 0 && (taken.length === mostOperations || bytes > mostBytes)) break
      taken.push(next)
    }
    return taken
  }

  /** Those of `taken` up to `through` have reached the other site. One that was superseded meanwhile stays. */
  acknowledge(taken: readonly Queued[], through: number): void {
    for (const { seq, operation } of taken) {
      if (seq > through) return
      const at = name(operation)
      if (this.#queue.get(at)?.seq === seq) this.#remove(at)
    }
  }

  #yieldToPressure(): void {
    for (const at of this.#sets.keys()) {
      if (this.#setBytes <= this.#limits.setBytes) break
      this.#giveUpValue(at, this.#queue.get(at) as Queued)
    }
    if (this.#queue.size <= this.#limits.operations) return
    const at = firstKey(this.#sets) ?? firstKey(this.#queue) ?? ''
    const namespace = at.slice(0, at.indexOf('/'))
    if (this.#sets.has(at)) this.#droppedSets++
    if (this.#owed.has(at)) this.#dirty.add(this.#dirty.size < dirtyLimit ? namespace : '*')
    this.#remove(at)
  }

  #giveUpValue(at: string, queued: Queued): Queued {
    const left = { ...queued, operation: asDelete(queued.operation) }
    this.#forgetValue(at)
    this.#queue.set(at, left)
    this.#droppedSets++
    return left
  }

  #remove(at: string): void {
    this.#forgetValue(at)
    this.#queue.delete(at)
    this.#owed.delete(at)
  }

  #forgetValue(at: string): void {
    this.#setBytes -= this.#sets.get(at) ?? 0
    this.#sets.delete(at)
  }
}

const name = ({ namespace, key }: CacheOperation): string => `${namespace}/${key}`

const firstKey = (map: ReadonlyMap<string, unknown>): string | undefined => map.keys().next().value

/** The order of `apply-if-newer.ts`: the higher stamp, on a tie the delete. */
const isNewer = (operation: CacheOperation, than: CacheOperation): boolean =>
  operation.stamp > than.stamp || (operation.stamp === than.stamp && operation.kind === 'delete' && than.kind === 'set')

/** Expired, or so old that the tombstone which would refuse it may be gone. */
const isOver = (operation: CacheOperation, nowMs: number): boolean =>
  operation.kind === 'set' &&
  (stampMs(operation.stamp) < nowMs - setAgeLimitMs || (operation.expiresAtMs > 0 && operation.expiresAtMs <= nowMs))
