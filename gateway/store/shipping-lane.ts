import { setAgeLimitMs } from './apply-if-newer.ts'
import { asDelete, type CacheOperation, type InvalidateOperation, operationName } from './cache-operation.ts'
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
 * that waits are deletes; then its namespace is dirty, and stays so. Invalidations of tags, scopes and namespaces are
 * shipped before anything else, since their stamps make any order right, and are never dropped: too many of one
 * namespace become one of all of it.
 */
export class ShippingLane {
  readonly #limits: LaneLimits
  readonly #queue = new Map<string, Queued>()
  readonly #invalidations = new Map<string, Queued>()
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
    return this.#queue.size + this.#invalidations.size
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
    const first = this.#queue.values().next().value?.queuedAtMs
    const urgent = this.#invalidations.values().next().value?.queuedAtMs
    return first === undefined || urgent === undefined ? (first ?? urgent) : Math.min(first, urgent)
  }

  append(operation: CacheOperation, nowMs: number): void {
    if (operation.kind === 'invalidate') {
      this.#appendInvalidation(operation, nowMs)
      if (this.#invalidations.size > this.#limits.operations / 2) this.#widen(nowMs)
      return
    }
    const at = operationName(operation)
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

  /**
   * All invalidations, then the oldest operations, by rising seq. They stay until they are acknowledged. At least one,
   * whatever its size, if any waits.
   */
  take(mostOperations: number, mostBytes: number, nowMs: number): Queued[] {
    const taken: Queued[] = []
    let bytes = 0
    for (const queued of this.#invalidations.values()) {
      if (taken.length === mostOperations) return taken
      taken.push(queued)
      bytes += overheadBytes
    }
    const urgent = taken.length
    for (const [at, queued] of this.#queue) {
      const next = isOver(queued.operation, nowMs) ? this.#giveUpValue(at, queued) : queued
      bytes += overheadBytes + (next.operation.kind === 'set' ? next.operation.value.length : 0)
      if (taken.length > 0 && (taken.length === mostOperations || bytes > mostBytes)) break
      taken.push(next)
    }
    return urgent === 0 ? taken : taken.sort((a, b) => a.seq - b.seq)
  }

  /** Those of `taken` up to `through` have reached the other site. One that was superseded meanwhile stays. */
  acknowledge(taken: readonly Queued[], through: number): void {
    for (const { seq, operation } of taken) {
      if (seq > through) return
      const at = operationName(operation)
      const queue = operation.kind === 'invalidate' ? this.#invalidations : this.#queue
      if (queue.get(at)?.seq === seq) this.#remove(at)
    }
  }

  #appendInvalidation(operation: InvalidateOperation, nowMs: number): void {
    const at = operationName(operation)
    const before = this.#invalidations.get(at)
    if (before !== undefined && !isNewer(operation, before.operation)) return
    this.#invalidations.delete(at)
    this.#invalidations.set(at, { seq: ++this.#seq, operation, queuedAtMs: nowMs })
    if (!this.#owed.has(at)) this.#owed.set(at, nowMs)
  }

  /** In place of all invalidations of the namespace that has most of them: one of the namespace, with the newest stamp. */
  #widen(nowMs: number): void {
    const counts = new Map<string, number>()
    let most = ''
    for (const { operation } of this.#invalidations.values()) {
      const { namespace } = operation
      counts.set(namespace, (counts.get(namespace) ?? 0) + 1)
      if ((counts.get(namespace) ?? 0) > (counts.get(most) ?? 0)) most = namespace
    }
    // One each: what waits is bounded by the number of namespaces.
    if ((counts.get(most) ?? 0) < 2) return
    let stamp = 0n
    let owedSinceMs = nowMs
    for (const [at, { operation }] of this.#invalidations) {
      if (operation.namespace !== most) continue
      if (operation.stamp > stamp) stamp = operation.stamp
      owedSinceMs = Math.min(owedSinceMs, this.#owed.get(at) ?? nowMs)
      this.#remove(at)
    }
    this.#appendInvalidation({ kind: 'invalidate', namespace: most, target: 'all', key: '', stamp }, owedSinceMs)
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
    if (queued.operation.kind !== 'set') return queued
    const left = { ...queued, operation: asDelete(queued.operation) }
    this.#forgetValue(at)
    this.#queue.set(at, left)
    this.#droppedSets++
    return left
  }

  #remove(at: string): void {
    this.#forgetValue(at)
    this.#queue.delete(at)
    this.#invalidations.delete(at)
    this.#owed.delete(at)
  }

  #forgetValue(at: string): void {
    this.#setBytes -= this.#sets.get(at) ?? 0
    this.#sets.delete(at)
  }
}

const firstKey = (map: ReadonlyMap<string, unknown>): string | undefined => map.keys().next().value

/** The order of `apply-if-newer.ts`: the higher stamp, on a tie the delete. */
const isNewer = (operation: CacheOperation, than: CacheOperation): boolean =>
  operation.stamp > than.stamp || (operation.stamp === than.stamp && operation.kind === 'delete' && than.kind === 'set')

/** Expired, or so old that the tombstone which would refuse it may be gone. */
const isOver = (operation: CacheOperation, nowMs: number): boolean =>
  operation.kind === 'set' &&
  (stampMs(operation.stamp) < nowMs - setAgeLimitMs || (operation.expiresAtMs > 0 && operation.expiresAtMs <= nowMs))
