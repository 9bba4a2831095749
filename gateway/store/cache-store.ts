/**
 * PORT: where cached values live. Layers (zones, double-write) and drivers (memory, memcached) all have this shape, so
 * each can stand on any other. Every write carries a stamp, and a lower stamp never overwrites a higher one.
 */

/** Version of a cached value: hybrid logical clock, unsigned 64 bit (`stamp.ts`). */
export type Stamp = bigint

/** No expiry, as a time to live in milliseconds. */
export const noExpiry = -1

/**
 * Largest value in bytes: what a memcached item of 1 MiB, the server's default, holds beside its own header, the node
 * key, the envelope, an original key of 1,024 bytes and a content type. Tags take their bytes and 3 each from it: what does
 * not fit with them is not stored.
 */
export const valueLimitBytes = 1024 * 1024 - 2048

/** Longest key in bytes of UTF-8. */
export const keyLimitBytes = 1024

/** Longest content type in bytes. */
export const contentTypeLimitBytes = 255

/** Longest content encoding in bytes. */
export const contentEncodingLimitBytes = 64

/** Stale from `sinceMs` (Unix ms) on, which may lie ahead, and of use to nobody `forMs` later. */
export interface Soft {
  readonly sinceMs: number
  readonly forMs: number
}

export interface Hit {
  readonly kind: 'hit'
  /** Shared with the store: the caller must not write into it. */
  readonly value: Buffer
  /** The client's own 32 bits, exact. */
  readonly flags: number
  readonly stamp: Stamp
  /** What clients compare and set by (`ifStamp` takes it), where it is not the stamp: the node's own, in raw zones. */
  readonly unique?: bigint
  /** Milliseconds left, rounded up by at most one second; -1: none. */
  readonly ttlMs: number
  /** Unix ms at which it ends, where that is known exactly; absent also where there is no end. */
  readonly expiresAtMs?: number
  readonly contentType?: string
  /** The value is bytes in this encoding, whoever reads it. */
  readonly contentEncoding?: string
  /** Which zone answered. */
  readonly zone: string
  /** Names by which it can be invalidated; absent: none. */
  readonly tags?: ItemTags
  /** As it is stored, ahead or not: `isStale` tells. */
  readonly soft?: Soft
  /** Only where it was asked for and the zone knows. */
  readonly access?: Access
}

/** What a zone knows of earlier reads of an item: by all who read there, so it differs from zone to zone. */
export interface Access {
  readonly readBefore: boolean
  /** Seconds since the last read, or since it was stored. */
  readonly idleS: number
}

/**
 * Names by which an item can be invalidated. Each is 1..250 bytes without control bytes. For each there is a record with the
 * stamp of its last invalidation; an item is current only if its stamp is not below that of any of its records, and a record
 * that is missing (evicted) counts as newer: stale data is never served for want of memory.
 */
export interface ItemTags {
  /** Looked up at each read, with the item, in one trip where the reader knows them. At most 64. */
  readonly exact: readonly string[]
  /** Wide ones (routes, prefixes): looked up only after an invalidation of some scope in the namespace. At most 16. */
  readonly scopes: readonly string[]
}

/** `softMs`: the items become stale, and stay of use for that long; absent: they are gone. */
export interface InvalidateOptions {
  readonly stamp: Stamp
  readonly softMs?: number
}

/** Why there is no value. The first four are knowledge about the key; the others are failures of whoever was asked. */
export type MissReason =
  | 'absent'
  | 'expired'
  | 'tombstone'
  /** A tag, a scope or its namespace was invalidated after it was stored. */
  | 'invalidated'
  /** A record of one of its tags is gone. */
  | 'tag-missing'
  | 'timeout'
  | 'refused'
  | 'closed'
  | 'protocol'
  | 'overload'
  | 'unreadable'

export interface Miss {
  readonly kind: 'miss'
  readonly because: MissReason
  /** Of what took the value away: a delete, an invalidation, or the loss of a record. A later value needs a later stamp. */
  readonly stamp?: Stamp
}

export interface GetOptions {
  /** Milliseconds until the caller stops waiting. */
  readonly deadlineMs: number
  /** Tags that the item has if it is there: their records come in the same trip. Those it has beside cost a second one. */
  readonly tags?: ItemTags
  /** Tell what the zone knows of earlier reads. */
  readonly access?: boolean
  /** What no zone of this site has may be asked of another site, within its budget (`warm-up/`). */
  readonly pull?: boolean
}

export interface PutOptions {
  /** Milliseconds to live, above 0; -1: none. */
  readonly ttlMs: number
  /** The moment at which it ends, kept exactly, for who writes a value anew that is to end when it would have; `ttlMs` is what is left. */
  readonly expiresAtMs?: number
  /** Taken from the process's StampClock when the work that made the value *began*, so that an invalidation meanwhile wins. */
  readonly stamp: Stamp
  /** The client's own 32 bits; 0 by default. */
  readonly flags?: number
  readonly contentType?: string
  readonly contentEncoding?: string
  /** `set` by default; `add`: only when there is no value; `replace`: only when there is one. */
  readonly mode?: 'set' | 'add' | 'replace'
  /** Only when the stored value has exactly this stamp (compare and set). */
  readonly ifStamp?: Stamp
  /** Whoever puts has just found nothing: a hint, by which a look before the write is saved. Says nothing of the outcome. */
  readonly unseen?: boolean
  /** Records that are missing are made. */
  readonly tags?: ItemTags
  /**
   * The value was current when this stamp was taken; default `stamp`. For copies from another zone: there a record may be
   * younger than the value, and yet know all that has happened since.
   */
  readonly asOf?: Stamp
  /** The value is stale from some moment on: what a soft delete leaves, or a life with `stale-while-revalidate`. */
  readonly soft?: Soft
}

export interface TouchOptions {
  /** Milliseconds to live from now on, above 0; -1: none. */
  readonly ttlMs: number
  /** Only the value with exactly this stamp. */
  readonly ifStamp?: Stamp
}

/** `stamp`: of the value that was touched; it is the same value still. */
export type TouchOutcome =
  | { readonly kind: 'touched'; readonly stamp: Stamp }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'failed' }

export interface DeleteOptions {
  readonly stamp: Stamp
  /** Only when the stored value has exactly this stamp. */
  readonly ifStamp?: Stamp
}

/**
 * `older`: something newer is stored and stays. `exists`: add found a value, or compare-and-set found another one.
 * `absent`: replace or compare-and-set found none. `failed`: not stored, and what was there may be gone.
 */
export type PutOutcome = 'stored' | 'older' | 'exists' | 'absent' | 'failed'

/** `not-found`: there was no value, the delete holds all the same. `older`: something newer, or not `ifStamp`, stays. */
export type DeleteOutcome = 'deleted' | 'not-found' | 'older' | 'failed'

export interface ZoneHealth {
  readonly zone: string
  /**
   * `suspect`: it does not answer, its keys are misses. `owing`: it answers, and some of its keys wait for a delete of ours.
   * `write-only`: it is not read, since another process owes it something or an operator said so. `cold`: read, and empty
   * since all that it had was given up, less than ten minutes ago.
   */
  readonly state: 'up' | 'suspect' | 'owing' | 'write-only' | 'cold'
  /** Deletes that this process owes to the zone. */
  readonly owed: number
}

export interface CacheStore {
  /**
   * Makes the records of tags that a put will have, before the stamp of that put is taken and in the same turn: a record that
   * is made after it may know nothing of the time from then on, and the value would be the miss `tag-missing`. Nobody needs
   * to wait for it. Never rejects: whatever is missing is made by the put.
   */
  prepare(namespace: string, tags: ItemTags): Promise<void>
  /** Reads one value. Never throws: every failure is a miss with its reason. Silence past the deadline is the miss `timeout`. */
  get(namespace: string, key: string, options: GetOptions): Promise<Hit | Miss>
  /**
   * Stores one value unless something newer is there. Never throws. Silence becomes `failed`: the value may or may not be
   * stored, and the store below makes sure that no older one is served afterwards.
   */
  put(namespace: string, key: string, value: Buffer, options: PutOptions): Promise<PutOutcome>
  /** Removes a value and keeps later-arriving older writes out for 15 minutes. Never throws. Silence becomes `failed`: ask again. */
  delete(namespace: string, key: string, options: DeleteOptions): Promise<DeleteOutcome>
  /** Gives a value another life; it keeps its stamp. Never throws. Silence becomes `failed`. */
  touch(namespace: string, key: string, options: TouchOptions): Promise<TouchOutcome>
  /**
   * Invalidates all items of the namespace that have `name` as an exact tag or as a scope and an older stamp, in O(1). Applied
   * twice, or in another order, it changes nothing. `failed`: not durable here; ask again. Never throws.
   */
  invalidate(
    namespace: string,
    kind: 'tag' | 'scope',
    name: string,
    options: InvalidateOptions,
  ): Promise<'applied' | 'failed'>
  /** The same for all items of a namespace. */
  bump(namespace: string, options: InvalidateOptions): Promise<'applied' | 'failed'>
  /** What this process knows of each zone, without asking anyone. */
  health(): readonly ZoneHealth[]
  /** Ends connections and timers; operations under way end as `closed` or `failed`. */
  close(): Promise<void>
}

/** A store that is one zone: it also knows since when it collects values, which tells a cold zone from a steady one. */
export interface ZoneStore extends CacheStore {
  readonly zone: string
  /** Resolves when all of it can be asked for the first time, or it is closed: what is fetched before is not kept. */
  opened(): Promise<void>
  /** Unix ms at which the memory that holds this key was empty; undefined: not known (it has never answered). */
  startedAtMs(namespace: string, key: string): number | undefined
  /** Whether the zone is for keys of this namespace; absent: for each. It has nothing of others, and takes nothing of them. */
  keeps?(namespace: string): boolean
  /** Who keeps this key, for people: `10.0.0.1:11211`, or `memory`. */
  nodeOf(namespace: string, key: string): string
}

/** The key itself is known to have no value; other misses say only that somebody did not answer. */
export function isKnowledge(because: MissReason): boolean {
  return because === 'absent' || because === 'expired' || because === 'tombstone' || because === 'invalidated'
}

/** There is no value, and one may be put: all misses but those of somebody who could not be asked. */
export const isGone = (because: MissReason): boolean => isKnowledge(because) || because === 'tag-missing'

export const isStale = ({ soft }: Pick<Hit, 'soft'>, nowMs: number): boolean =>
  soft !== undefined && soft.sinceMs <= nowMs
