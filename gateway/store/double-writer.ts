import type { Clock } from '#server-kit/clock.ts'
import type { CacheOperation, InvalidateOperation } from './cache-operation.ts'
import {
  type CacheStore,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type ZoneHealth,
} from './cache-store.ts'
import { matchesNamespace } from './namespace-pattern.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import type { Shipper, ShippingDebt } from './shipper.ts'
import { makeStamp, type StampClock } from './stamp.ts'
import { isTagName, type TagKind } from './tag-key.ts'
import { readSoftMs } from './tag-record.ts'

export interface DoubleWriterOptions {
  /** The zones of this site. What other sites ship is applied there, never here, so nothing can echo. */
  readonly inner: CacheStore
  readonly shippers: readonly Shipper[]
  readonly stamps: StampClock
  readonly clock: Clock
  /** Namespaces that are shipped; default all. */
  readonly namespaces?: readonly string[]
}

/** Writes here and, behind the caller's back, at the other sites: what the inner store took is queued for each of them. */
export class DoubleWriter implements CacheStore {
  readonly #inner: CacheStore
  readonly #shippers: readonly Shipper[]
  readonly #stamps: StampClock
  readonly #clock: Clock
  readonly #namespaces: readonly string[]

  constructor({ inner, shippers, stamps, clock, namespaces = ['*'] }: DoubleWriterOptions) {
    this.#inner = inner
    this.#shippers = shippers
    this.#stamps = stamps
    this.#clock = clock
    this.#namespaces = namespaces
  }

  /** Here alone: the other sites' first value with a new tag may be a miss there, and the next one is not. */
  prepare(namespace: string, tags: ItemTags): Promise<void> {
    return this.#inner.prepare(namespace, tags)
  }

  async get(namespace: string, key: string, options: GetOptions): Promise<Hit | Miss> {
    const found = await this.#inner.get(namespace, key, options)
    // Whoever has read what is there and then writes is newer, also when it came from a clock ahead of ours.
    if (found.stamp !== undefined) this.#stamps.see(found.stamp)
    // So is whoever makes it anew after a soft invalidation: else the new value would be stale from the beginning.
    if (found.kind === 'hit' && found.soft !== undefined) this.#stamps.see(makeStamp(found.soft.sinceMs, 0xfff, 0xff))
    return found
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    const outcome = await this.#inner.put(namespace, key, value, put)
    const { stamp, flags = 0, ttlMs, contentType, tags } = put
    if (outcome === 'stored') {
      this.#ship({
        kind: 'set',
        namespace,
        key,
        stamp,
        value: owned(value),
        flags,
        expiresAtMs: ttlMs === noExpiry ? 0 : Math.floor(this.#clock.now() + ttlMs),
        ...(contentType === undefined ? {} : { contentType }),
        ...(tags === undefined ? {} : { tags }),
      })
    }
    // What it would have replaced is not true any more, here or there.
    else if (outcome === 'failed') this.#ship({ kind: 'delete', namespace, key, stamp })
    return outcome
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    const outcome = await this.#inner.delete(namespace, key, del)
    const unknown = outcome === 'failed'
    const took = outcome === 'deleted' || (outcome === 'not-found' && del.ifStamp === undefined)
    if (took || unknown) this.#ship({ kind: 'delete', namespace, key, stamp: del.stamp })
    return outcome
  }

  async invalidate(namespace: string, target: TagKind, name: string, options: InvalidateOptions) {
    const outcome = await this.#inner.invalidate(namespace, target, name, options)
    if (isTagName(name)) this.#shipInvalidation({ namespace, target, key: name }, options)
    return outcome
  }

  async bump(namespace: string, options: InvalidateOptions) {
    const outcome = await this.#inner.bump(namespace, options)
    this.#shipInvalidation({ namespace, target: 'all', key: '' }, options)
    return outcome
  }

  health(): readonly ZoneHealth[] {
    return this.#inner.health()
  }

  /** All sites together. */
  debt(): ShippingDebt {
    const debts = this.#shippers.map((shipper) => shipper.debt())
    return {
      deletes: debts.reduce((sum, { deletes }) => sum + deletes, 0),
      sets: debts.reduce((sum, { sets }) => sum + sets, 0),
      oldestAgeMs: Math.max(0, ...debts.map(({ oldestAgeMs }) => oldestAgeMs)),
      dirty: [...new Set(debts.flatMap(({ dirty }) => dirty))],
    }
  }

  /** By site, whether it has applied all that was invalidated here; waits up to `deadlineMs` for those that have not. */
  async settled(deadlineMs: number): Promise<Readonly<Record<string, boolean>>> {
    const sites = this.#shippers.map(async (shipper) => [shipper.to, await shipper.settled(deadlineMs)] as const)
    return Object.fromEntries(await Promise.all(sites))
  }

  /** True when every site has everything, false when `deadlineMs` passed before. For the end of the process, before `close`. */
  async drained(deadlineMs: number): Promise<boolean> {
    const drained = await Promise.all(this.#shippers.map((shipper) => shipper.drained(deadlineMs)))
    return drained.every(Boolean)
  }

  async close(): Promise<void> {
    await Promise.all(this.#shippers.map((shipper) => shipper.close()))
    await this.#inner.close()
  }

  /** Also when it failed here: whoever asked does not know whether it holds, and will ask again. */
  #shipInvalidation(
    place: Pick<InvalidateOperation, 'namespace' | 'target' | 'key'>,
    { stamp, softMs }: InvalidateOptions,
  ): void {
    const forMs = softMs === undefined ? undefined : readSoftMs(softMs)
    if (!isNamespace(place.namespace) || (softMs !== undefined && forMs === undefined)) return
    this.#ship({ kind: 'invalidate', ...place, stamp, ...(forMs === undefined ? {} : { softMs: forMs }) })
  }

  #ship(operation: CacheOperation): void {
    const { namespace, key } = operation
    if (!this.#namespaces.some((pattern) => matchesNamespace(pattern, namespace))) return
    if (operation.kind !== 'invalidate' && nodeKey(namespace, key) === undefined) return
    for (const shipper of this.#shippers) shipper.append(operation)
  }
}

/** It may wait long: a view would keep a larger buffer alive that nobody counts. */
const owned = (value: Buffer): Buffer => (value.buffer.byteLength > value.length ? Buffer.from(value) : value)
