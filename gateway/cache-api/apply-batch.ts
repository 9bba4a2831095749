import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { setAgeLimitMs } from '../store/apply-if-newer.ts'
import type { Acknowledgement, Batch } from '../store/batch.ts'
import type { CacheOperation, Invalidation } from '../store/cache-operation.ts'
import { asDelete } from '../store/cache-operation.ts'
import { type CacheStore, noExpiry } from '../store/cache-store.ts'
import { type StampClock, stampMs } from '../store/stamp.ts'

export interface ReceiverOptions {
  /** The inner store: what comes from elsewhere must not be shipped on. */
  readonly store: CacheStore
  readonly clock: Clock
  readonly stampClock: StampClock
  readonly log: Log
}

type Applied = 'applied' | 'older' | 'expired' | 'failed'

/** Operations applied at once: a node's queue has room for the batches of several peers. */
const atOnce = 64

/**
 * Applies what is newer than what is here. Doing it twice, or in another order, changes nothing. Operations after the
 * first that failed may be applied, but are not acknowledged: they come again.
 */
export async function applyBatch({ header, operations }: Batch, options: ReceiverOptions): Promise<Acknowledgement> {
  const counts = { applied: 0, older: 0, expired: 0, failed: 0 }
  let through = header.first - 1
  let whole = true
  let ahead = false
  for (let from = 0; from < operations.length && whole; from += atOnce) {
    const some = operations.slice(from, from + atOnce)
    for (const { operation } of some) ahead ||= options.stampClock.see(operation.stamp) !== 'near'
    const results = await Promise.all(some.map(({ operation }) => apply(operation, options)))
    results.forEach((result, index) => {
      counts[result]++
      whole &&= result !== 'failed'
      if (whole) through = some[index]?.seq ?? through
    })
  }
  if (ahead && options.stampClock.alarm()) {
    const skewMs = header.now - options.clock.now()
    options.log.error({ site: header.site, writer: header.writer, skewMs }, 'the clocks of two gateways differ')
  }
  return { through: Math.max(0, through), ...counts }
}

async function apply(operation: CacheOperation, options: ReceiverOptions): Promise<Applied> {
  const { store, clock, stampClock } = options
  const { namespace, key, stamp } = operation
  const invalidation = operation.kind === 'set' ? asDelete(operation) : operation
  // A stamp that is not believed may neither win for ever nor be passed over: it is deleted or invalidated by our own clock.
  if (stampClock.see(stamp) === 'beyond') return take(invalidation, stampClock.next(), options, 'expired')
  if (operation.kind !== 'set') return take(operation, stamp, options, 'applied')

  const now = clock.now()
  const leftMs = operation.expiresAtMs === 0 ? noExpiry : operation.expiresAtMs - now
  const isOver = leftMs !== noExpiry && leftMs <= 0
  if (isOver || stampMs(stamp) < now - setAgeLimitMs) return take(invalidation, stamp, options, 'expired')
  const outcome = await store.put(namespace, key, operation.value, {
    stamp,
    flags: operation.flags,
    ttlMs: leftMs,
    ...(operation.contentType === undefined ? {} : { contentType: operation.contentType }),
    ...(operation.tags === undefined ? {} : { tags: operation.tags }),
  })
  if (outcome === 'stored') return 'applied'
  if (outcome !== 'failed') return 'older'
  // A value that the zones refuse for good (too large for them) must not stop the lane: without it is right too.
  return take(invalidation, stamp, options, 'applied')
}

async function take(
  invalidation: Invalidation,
  stamp: bigint,
  { store }: ReceiverOptions,
  done: Applied,
): Promise<Applied> {
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
