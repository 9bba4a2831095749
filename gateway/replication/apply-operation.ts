import type { Clock } from '#server-kit/clock.ts'
import { setAgeLimitMs } from '../store/apply-if-newer.ts'
import { asDelete, type CacheOperation, type Invalidation, isInvalidation } from '../store/cache-operation.ts'
import { type CacheStore, noExpiry } from '../store/cache-store.ts'
import { type StampClock, stampMs } from '../store/stamp.ts'

export interface ApplyOptions {
  /** The zones alone: what comes from elsewhere must not be shipped on. */
  readonly store: CacheStore
  readonly clock: Clock
  readonly stampClock: StampClock
}

/** `older`: something newer is here. `expired`: the value is of no use any more, and what it replaces is gone. */
export type Applied = 'applied' | 'older' | 'expired' | 'failed'

/** Makes a write that was made elsewhere, or before this process began, true here if it is newer. Never throws. */
export async function applyOperation(operation: CacheOperation, options: ApplyOptions): Promise<Applied> {
  const { store, clock, stampClock } = options
  const { namespace, key, stamp } = operation
  const invalidation = isInvalidation(operation) ? operation : asDelete(operation)
  // A stamp that is not believed may neither win for ever nor be passed over: it is deleted or invalidated by our own clock.
  if (stampClock.see(stamp) === 'beyond') return take(invalidation, stampClock.next(), store, 'expired')
  if (isInvalidation(operation)) return take(operation, stamp, store, 'applied')

  const now = clock.now()
  const ttlMs = operation.expiresAtMs === 0 ? noExpiry : operation.expiresAtMs - now
  const isOver = ttlMs !== noExpiry && ttlMs <= 0
  if (isOver) return take(invalidation, stamp, store, 'expired')
  if (operation.kind === 'touch') {
    const { kind } = await store.touch(namespace, key, { ttlMs, ifStamp: stamp })
    if (kind !== 'failed') return kind === 'touched' ? 'applied' : 'older'
    return take(invalidation, stamp, store, 'applied')
  }
  // The tombstone that would refuse it may be gone by now.
  if (stampMs(stamp) < now - setAgeLimitMs) return take(invalidation, stamp, store, 'expired')
  const outcome = await store.put(namespace, key, operation.value, {
    stamp,
    flags: operation.flags,
    ttlMs,
    ...(operation.contentType === undefined ? {} : { contentType: operation.contentType }),
    ...(operation.contentEncoding === undefined ? {} : { contentEncoding: operation.contentEncoding }),
    ...(operation.expiresAtMs === 0 ? {} : { expiresAtMs: operation.expiresAtMs }),
    ...(operation.tags === undefined ? {} : { tags: operation.tags }),
    ...(operation.soft === undefined ? {} : { soft: operation.soft }),
  })
  if (outcome === 'stored') return 'applied'
  if (outcome !== 'failed') return 'older'
  // A value that the zones refuse for good (too large for them) must not stop what comes after it: without it is right too.
  return take(invalidation, stamp, store, 'applied')
}

async function take(invalidation: Invalidation, stamp: bigint, store: CacheStore, done: Applied): Promise<Applied> {
  const { namespace, key } = invalidation
  if (invalidation.kind === 'delete') {
    const outcome = await store.delete(namespace, key, { stamp })
    return outcome === 'failed' || outcome === 'older' ? outcome : done
  }
  const { target, softMs } = invalidation
  const how = softMs === undefined ? { stamp } : { stamp, softMs }
  const outcome =
    target === 'all' ? await store.bump(namespace, how) : await store.invalidate(namespace, target, key, how)
  return outcome === 'failed' ? 'failed' : done
}
