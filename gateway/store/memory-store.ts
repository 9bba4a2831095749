import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'
import { type Held, judgeDelete, judgePut, tombstoneTtlMs } from './apply-if-newer.ts'
import {
  type DeleteOptions,
  type DeleteOutcome,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Soft,
  type Stamp,
  type TouchOptions,
  type TouchOutcome,
  valueLimitBytes,
  type ZoneHealth,
  type ZoneStore,
} from './cache-store.ts'
import { MemoryRecords } from './memory-records.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import { areTags, isTagName, type TagKind } from './tag-key.ts'
import {
  emptyRecord,
  invalidation,
  judgeItem,
  readSoftMs,
  type TagRecord,
  type Verdict,
  verdictOf,
} from './tag-record.ts'

type Item = Value | ({ readonly kind: 'tombstone' } & Kept)

interface Value extends Kept {
  readonly kind: 'value'
  readonly value: Buffer
  readonly flags: number
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly tags?: ItemTags
  readonly asOf: Stamp
  readonly soft?: Soft
}

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
  /** Records of tags, scopes and namespaces, at most; default one for each KiB of the limit. */
  readonly recordLimit?: number
}

/** What an item costs beside its key and value, roughly: its objects and its places in the map. */
const itemOverheadBytes = 256

/** Driver `memory:`, one zone inside this process, with the same rules as a real one, stamps and tombstones included. */
export class MemoryStore implements ZoneStore {
  readonly zone: string
  readonly #clock: Clock
  readonly #startedAtMs: number
  readonly #items: LRUCache<string, Item>
  readonly #records: MemoryRecords
  #closed = false

  constructor({ zone, clock, limitBytes = 64 * 1024 * 1024, recordLimit }: MemoryStoreOptions) {
    this.zone = zone
    this.#clock = clock
    this.#startedAtMs = clock.now()
    this.#items = new LRUCache({
      maxSize: limitBytes,
      sizeCalculation: (item, key) =>
        itemOverheadBytes + 2 * key.length + (item.kind === 'value' ? item.value.length + tagBytes(item.tags) : 0),
    })
    this.#records = new MemoryRecords(recordLimit ?? Math.max(64, Math.floor(limitBytes / 1024)))
  }

  async prepare(namespace: string, tags: ItemTags): Promise<void> {
    if (!this.#closed && isNamespace(namespace) && areTags(tags)) this.#makeRecords(namespace, tags)
  }

  async get(namespace: string, key: string): Promise<Hit | Miss> {
    if (this.#closed) return { kind: 'miss', because: 'closed' }
    const item = this.#items.get(itemKey(namespace, key))
    if (item === undefined) return { kind: 'miss', because: 'absent' }
    const leftMs = item.expiresAtMs - this.#clock.now()
    if (leftMs <= 0) return { kind: 'miss', because: 'expired' }
    if (item.kind === 'tombstone') return { kind: 'miss', because: 'tombstone', stamp: item.stamp }
    const verdict = this.#judge(namespace, item)
    if (verdict.kind === 'gone') return { ...verdict, kind: 'miss' }
    const { value, flags, stamp, contentType, contentEncoding, tags } = item
    const life =
      leftMs === Number.POSITIVE_INFINITY ? { ttlMs: noExpiry } : { ttlMs: leftMs, expiresAtMs: item.expiresAtMs }
    return {
      kind: 'hit',
      value,
      flags,
      stamp,
      ...life,
      zone: this.zone,
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(tags === undefined ? {} : { tags }),
      ...(verdict.soft === undefined ? {} : { soft: verdict.soft }),
    }
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    if (this.#closed || nodeKey(namespace, key) === undefined || put.ttlMs === 0 || put.ttlMs < noExpiry)
      return 'failed'
    const { stamp, asOf = stamp, tags } = put
    if (tags !== undefined && !areTags(tags)) return 'failed'
    const at = itemKey(namespace, key)
    const generation = this.#records.make(recordKey(namespace, 'all', ''))
    const held = this.#held(namespace, at)
    const verdict = judgePut(held, put)
    if (verdict !== 'apply') return verdict
    // A bump is a delete of every key: what is older comes too late, but what it would have replaced is not true any more.
    const tooLate = judgeItem({ stamp, asOf }, generation, 0).kind === 'gone'
    if (tooLate && held?.kind !== 'value') return 'older'
    if (tags !== undefined) this.#makeRecords(namespace, tags)
    if (tooLate || value.length > valueLimitBytes) {
      this.#items.set(at, { kind: 'tombstone', stamp, expiresAtMs: this.#clock.now() + tombstoneTtlMs })
      return tooLate ? 'older' : 'failed'
    }
    this.#items.set(at, {
      kind: 'value',
      // Copied: the caller's bytes may change, or be a small view that keeps a large buffer alive uncounted.
      value: Buffer.from(value),
      flags: put.flags ?? 0,
      stamp,
      asOf,
      expiresAtMs: put.expiresAtMs ?? this.#expiry(put.ttlMs),
      ...(put.contentEncoding === undefined ? {} : { contentEncoding: put.contentEncoding }),
      ...(put.soft === undefined ? {} : { soft: put.soft }),
      ...(put.contentType === undefined ? {} : { contentType: put.contentType }),
      ...(tags === undefined ? {} : { tags: { exact: [...tags.exact], scopes: [...tags.scopes] } }),
    })
    // Larger than the whole store: it was not kept, nor was what it replaced.
    return this.#items.has(at) ? 'stored' : 'failed'
  }

  async touch(namespace: string, key: string, { ttlMs, ifStamp }: TouchOptions): Promise<TouchOutcome> {
    if (this.#closed || nodeKey(namespace, key) === undefined || ttlMs === 0 || ttlMs < noExpiry)
      return { kind: 'failed' }
    const at = itemKey(namespace, key)
    const item = this.#items.peek(at)
    if (item?.kind !== 'value' || this.#held(namespace, at)?.kind !== 'value') return { kind: 'not-found' }
    if (ifStamp !== undefined && item.stamp !== ifStamp) return { kind: 'not-found' }
    this.#items.set(at, { ...item, expiresAtMs: this.#expiry(ttlMs) })
    return { kind: 'touched', stamp: item.stamp }
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    if (this.#closed || nodeKey(namespace, key) === undefined) return 'failed'
    const at = itemKey(namespace, key)
    const held = this.#held(namespace, at)
    const verdict = judgeDelete(held, del)
    if (verdict !== 'apply') return verdict
    this.#items.set(at, { kind: 'tombstone', stamp: del.stamp, expiresAtMs: this.#clock.now() + tombstoneTtlMs })
    return held?.kind === 'value' ? 'deleted' : 'not-found'
  }

  async invalidate(namespace: string, kind: TagKind, name: string, options: InvalidateOptions) {
    if (!isTagName(name)) return 'failed'
    return this.#invalidate(namespace, kind, name, options)
  }

  async bump(namespace: string, options: InvalidateOptions) {
    return this.#invalidate(namespace, 'all', '', options)
  }

  async opened(): Promise<void> {}

  nodeOf(): string {
    return 'memory'
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
    this.#records.clear()
  }

  #expiry(ttlMs: number): number {
    return ttlMs === noExpiry ? Number.POSITIVE_INFINITY : this.#clock.now() + ttlMs
  }

  #makeRecords(namespace: string, { exact, scopes }: ItemTags): void {
    for (const tag of exact) this.#records.make(recordKey(namespace, 'tag', tag))
    for (const scope of scopes) this.#records.make(recordKey(namespace, 'scope', scope))
  }

  #invalidate(namespace: string, kind: TagKind | 'all', name: string, { stamp, softMs }: InvalidateOptions) {
    const forMs = softMs === undefined ? undefined : readSoftMs(softMs)
    if (this.#closed || !isNamespace(namespace) || (softMs !== undefined && forMs === undefined)) return 'failed'
    this.#records.merge(recordKey(namespace, kind, name), invalidation(stamp, forMs))
    if (kind === 'scope') this.#records.merge(recordKey(namespace, 'all', ''), { ...emptyRecord, scopes: stamp })
    return 'applied'
  }

  #judge(namespace: string, item: Value): Verdict {
    const now = this.#clock.now()
    const generation = this.#records.get(recordKey(namespace, 'all', ''))
    let verdict = judgeItem(item, generation, now, verdictOf(item.soft, item.stamp, now))
    const { tags } = item
    if (tags === undefined || generation === undefined) return verdict
    for (const tag of tags.exact) verdict = judgeItem(item, this.#record(namespace, 'tag', tag), now, verdict)
    if (generation.scopes <= item.stamp) return verdict
    for (const scope of tags.scopes) verdict = judgeItem(item, this.#record(namespace, 'scope', scope), now, verdict)
    return verdict
  }

  #record(namespace: string, kind: TagKind, name: string): TagRecord | undefined {
    return this.#records.get(recordKey(namespace, kind, name))
  }

  /** What a write meets: an invalidated value is as good as deleted. */
  #held(namespace: string, at: string): Held | undefined {
    const item = this.#items.peek(at)
    if (item === undefined || item.expiresAtMs <= this.#clock.now()) return undefined
    if (item.kind === 'tombstone') return item
    const verdict = this.#judge(namespace, item)
    return verdict.kind === 'current' ? item : { kind: 'tombstone', stamp: item.stamp }
  }
}

function tagBytes(tags: ItemTags | undefined): number {
  if (tags === undefined) return 0
  let bytes = 0
  for (const tag of tags.exact) bytes += 2 * tag.length + 16
  for (const scope of tags.scopes) bytes += 2 * scope.length + 16
  return bytes
}

const recordKey = (namespace: string, kind: TagKind | 'all', name: string): string => `${kind}:${namespace}/${name}`

/** A namespace has no slash, so no two pairs give one text. */
const itemKey = (namespace: string, key: string): string => `${namespace}/${key}`
