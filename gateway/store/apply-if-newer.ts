import type { DeleteOptions, DeleteOutcome, PutOptions, PutOutcome, Stamp } from './cache-store.ts'

/** Tombstones live this long, ms: above the age limit of shipped sets, so that no set can outlive the delete it lost to. */
export const tombstoneTtlMs = 15 * 60_000

/** A set with a stamp older than this is not applied any more, ms: the tombstone that would refuse it may be gone. */
export const setAgeLimitMs = 10 * 60_000

/** What a zone holds under a key. */
export interface Held {
  readonly kind: 'value' | 'tombstone'
  /** 0 for an item without a valid envelope: anything is newer. */
  readonly stamp: Stamp
}

/**
 * Whether a put takes effect. The order over writes is total (higher stamp; on a tie the delete), so duplicates and any
 * permutation of the same writes end in the same state.
 */
export function judgePut(held: Held | undefined, put: PutOptions): 'apply' | PutOutcome {
  const value = held?.kind === 'value' ? held : undefined
  if (value?.stamp === put.stamp) return 'stored'
  if (put.mode === 'add' && value !== undefined) return 'exists'
  if (value === undefined && (put.mode === 'replace' || put.ifStamp !== undefined)) return 'absent'
  if (put.ifStamp !== undefined && value?.stamp !== put.ifStamp) return 'exists'
  if (held !== undefined && held.stamp >= put.stamp) return 'older'
  return 'apply'
}

/** Whether a delete takes effect; without `ifStamp` it does so too where nothing is, as a tombstone against late sets. */
export function judgeDelete(held: Held | undefined, del: DeleteOptions): 'apply' | DeleteOutcome {
  if (del.ifStamp !== undefined) {
    if (held?.kind !== 'value') return 'not-found'
    if (held.stamp !== del.ifStamp) return 'older'
  }
  if (held === undefined) return 'apply'
  if (held.kind === 'tombstone') return held.stamp >= del.stamp ? 'not-found' : 'apply'
  return held.stamp > del.stamp ? 'older' : 'apply'
}
