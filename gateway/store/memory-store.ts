import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'
import { judgeDelete, judgePut, tombstoneTtlMs } from './apply-if-newer.ts'
import {
  type DeleteOptions,
  type DeleteOutcome,
  type Hit,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  valueLimitBytes,
  type ZoneHealth,
  type ZoneStore,
} from './cache-store.ts'
import { nodeKey } from './node-key.ts'

type Item =
  | ({ readonly kind: 'value'; readonly value: Buffer; readonly flags: number; readonly contentType?: string } & Kept)
  | ({ readonly kind: 'tombstone' } & Kept)

interface Kept {
  readonly stamp: Stamp
  /** Unix ms; infinite: none. */
  readonly expiresAtMs: number
}

export interface MemoryStoreOptions {
  readonly zone: string
  readonly clock: Clock
  /** Of keys, values and an allowance for each item; the least recently used go first. Default 64 MiB. */
  readonly limitBytes?: number
}

/** What an item costs beside its key and value, roughly: its objects and its places in the map. */
const itemOverheadBytes = 256

/** Driver `memory:`, one zone inside this process, with the same rules as a real one, stamps and tombstones included. */
export class MemoryStore implements ZoneStore {
  readonly zone: string
  readonly #clock: Clock
  readonly #startedAtMs: number
  readonly #items: LRUCache<string, Item>
  #closed = false

  constructor({ zone, clock, limitBytes = 64 * 1024 * 1024 }: MemoryStoreOptions) {
    this.zone = zone
    this.#clock = clock
    this.#startedAtMs = clock.now()
    this.#items = new LRUCache({
      maxSize: limitBytes,
      sizeCalculation: (item, key) =>
        itemOverheadBytes + 2 * key.length + (item.kind === 'value' ? item.value.length : 0),
    })
  }

  async get(namespace: string, key: string): Promise<Hit | Miss> {
    if (this.#closed) return { kind: 'miss', because: 'closed' }
    const item = this.#items.get(itemKey(namespace, key))
    if (item === undefined) return { kind: 'miss', because: 'absent' }
    const leftMs = item.expiresAtMs - this.#clock.now()
    if (leftMs <= 0) return { kind: 'miss', because: 'expired' }
    if (item.kind === 'tombstone') return { kind: 'miss', because: 'tombstone', stamp: item.stamp }
    const { value, flags, stamp, contentType } = item
    const ttlMs = leftMs === Number.POSITIVE_INFINITY ? noExpiry : leftMs
    return {
      kind: 'hit',
      value,
      flags,
      stamp,
      ttlMs,
      zone: this.zone,
      ...(contentType === undefined ? {} : { contentType }),
    }
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    if (this.#closed || nodeKey(namespace, key) === undefined || put.ttlMs === 0 || put.ttlMs < noExpiry)
      return 'failed'
    const at = itemKey(namespace, key)
    const verdict = judgePut(this.#held(at), put)
    if (verdict !== 'apply') return verdict
    if (value.length > valueLimitBytes) {
      // The write failed, and what it would have replaced is not true any more.
      this.#items.set(at, { kind: 'tombstone', stamp: put.stamp, expiresAtMs: this.#clock.now() + tombstoneTtlMs })
      return 'failed'
    }
    this.#items.set(at, {
      kind: 'value',
      // Copied: the caller's bytes may change, or be a small view that keeps a large buffer alive uncounted.
      value: Buffer.from(value),
      flags: put.flags ?? 0,
      stamp: put.stamp,
      expiresAtMs: put.ttlMs === noExpiry ? Number.POSITIVE_INFINITY : this.#clock.now() + put.ttlMs,
      ...(put.contentType === undefined ? {} : { contentType: put.contentType }),
    })
    // Larger than the whole store: it was not kept, nor was what it replaced.
    return this.#items.has(at) ? 'stored' : 'failed'
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    if (this.#closed || nodeKey(namespace, key) === undefined) return 'failed'
    const at = itemKey(namespace, key)
    const held = this.#held(at)
    const verdict = judgeDelete(held, del)
    if (verdict !== 'apply') return verdict
    this.#items.set(at, { kind: 'tombstone', stamp: del.stamp, expiresAtMs: this.#clock.now() + tombstoneTtlMs })
    return held?.kind === 'value' ? 'deleted' : 'not-found'
  }

  startedAtMs(): number {
    return this.#startedAtMs
  }

  health(): readonly ZoneHealth[] {
    return [{ zone: this.zone, state: this.#closed ? 'suspect' : 'up', owed: 0 }]
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#items.clear()
  }

  #held(at: string): Item | undefined {
    const item = this.#items.peek(at)
    return item === undefined || item.expiresAtMs <= this.#clock.now() ? undefined : item
  }
}

/** A namespace has no slash, so no two pairs give one text. */
const itemKey = (namespace: string, key: string): string => `${namespace}/${key}`
