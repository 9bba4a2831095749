import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { DeleteOperation, Invalidation } from './cache-operation.ts'
import {
  type CacheStore,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  isKnowledge,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  type ZoneHealth,
  type ZoneStore,
} from './cache-store.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import { stampMs } from './stamp.ts'
import type { StoreMetrics } from './store-metrics.ts'
import { isTagName, type TagKind } from './tag-key.ts'
import { ZoneDebt } from './zone-debt.ts'

/**
 * When a write is answered. `one`: one zone took it. `quorum`: the nearest and most of the zones that answer took it.
 * `all`: each did.
 */
export type WriteAck = 'one' | 'quorum' | 'all'

export interface ZonedStoreOptions {
  /** Nearest first. */
  readonly zones: readonly ZoneStore[]
  readonly writeAck: WriteAck
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
  readonly metrics?: StoreMetrics
  /** A stamp above all that this process gave. */
  readonly newStamp: () => Stamp
  /** For reading one zone, ms; default 10. */
  readonly readDeadlineMs?: number
  /** Deletes and invalidations that a zone can owe; default 100,000. */
  readonly owedLimit?: number
}

/** A zone younger than this may lack what an older one has, ms. */
const warmingMs = 10 * 60_000
/** Zones that started together are equally cold: asking the other would be a trip for nothing. */
const startedTogetherMs = 2_000
/** A copy that is about to expire is not worth its write, ms. */
const backfillFloorMs = 2_000
const settleEveryMs = 100
const settleAtOnce = 64

interface Zone {
  readonly store: ZoneStore
  readonly debt: ZoneDebt
}

/** All zones of a site as one store: read near, written everywhere, and no value served from a zone that missed its delete. */
export class ZonedStore implements CacheStore {
  readonly #zones: readonly Zone[]
  readonly #options: ZonedStoreOptions
  readonly #readDeadlineMs: number
  #settling: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ZonedStoreOptions) {
    this.#options = options
    this.#zones = options.zones.map((store) => ({ store, debt: new ZoneDebt(options.owedLimit ?? 100_000) }))
    this.#readDeadlineMs = options.readDeadlineMs ?? 10
  }

  async prepare(namespace: string, tags: ItemTags): Promise<void> {
    await Promise.all(this.#zones.map(({ store }) => store.prepare(namespace, tags)))
  }

  async get(namespace: string, key: string, { deadlineMs, tags }: GetOptions): Promise<Hit | Miss> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    let asOf: Stamp | undefined
    let failure: Miss | undefined
    let cold: Zone | undefined
    for (const zone of this.#zones) {
      if (zone.debt.owes(namespace, key)) {
        failure ??= { kind: 'miss', because: 'unreadable' }
        continue
      }
      if (cold !== undefined && !this.#isWarmer(zone, cold, namespace, key)) continue
      const leftMs = deadlineMs - (clock.monotonic() - startedAt)
      if (leftMs <= 0) break
      // Before the other zone is asked: whatever is invalidated from here on, the cold zone hears of it by itself.
      if (cold !== undefined) asOf = this.#options.newStamp()
      const askDeadlineMs = Math.min(leftMs, this.#readDeadlineMs)
      const found = await this.#ask(zone, namespace, key, { deadlineMs: askDeadlineMs, ...(tags && { tags }) })
      if (found.kind === 'hit') {
        if (cold !== undefined && asOf !== undefined) this.#backfill(cold, namespace, key, found, asOf)
        return found
      }
      if (cold !== undefined) break
      if (!isKnowledge(found.because)) failure ??= found
      else if (found.because === 'absent' && this.#isWarming(zone, namespace, key)) cold = zone
      else return found
    }
    if (cold !== undefined) return { kind: 'miss', because: 'absent' }
    return failure ?? { kind: 'miss', because: 'timeout' }
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    if (nodeKey(namespace, key) === undefined) return 'failed'
    const { mode = 'set', ifStamp, ...rest } = put
    if (mode === 'set' && ifStamp === undefined) {
      const outcomes = this.#writeTo(this.#zones, asDelete(namespace, key, put.stamp), (store) =>
        store.put(namespace, key, value, put),
      )
      return this.#acknowledge<PutOutcome>(outcomes, ['older', 'stored'])
    }
    // One zone decides, and the others take over what it decided: two deciders could decide differently.
    return this.#decide<PutOutcome>(
      namespace,
      key,
      put.stamp,
      (store) => store.put(namespace, key, value, put),
      'stored',
      (store) => store.put(namespace, key, value, rest),
    )
  }

  async delete(namespace: string, key: string, del: DeleteOptions): Promise<DeleteOutcome> {
    if (nodeKey(namespace, key) === undefined) return 'failed'
    const { ifStamp, ...rest } = del
    const everywhere = (store: ZoneStore): Promise<DeleteOutcome> => store.delete(namespace, key, rest)
    if (ifStamp !== undefined) {
      return this.#decide(
        namespace,
        key,
        del.stamp,
        (store) => store.delete(namespace, key, del),
        'deleted',
        everywhere,
      )
    }
    const outcomes = this.#writeTo(this.#zones, asDelete(namespace, key, del.stamp), everywhere)
    // Answered only when each zone has applied it or is known to owe it.
    await Promise.all(outcomes)
    return this.#acknowledge<DeleteOutcome>(outcomes, ['deleted', 'older', 'not-found'])
  }

  async invalidate(namespace: string, target: TagKind, name: string, options: InvalidateOptions) {
    if (!isNamespace(namespace) || !isTagName(name)) return 'failed'
    return this.#invalidate({ kind: 'invalidate', namespace, target, key: name, ...options })
  }

  async bump(namespace: string, options: InvalidateOptions) {
    if (!isNamespace(namespace)) return 'failed'
    return this.#invalidate({ kind: 'invalidate', namespace, target: 'all', key: '', ...options })
  }

  /** To all zones; one that did not confirm is owed it, and nothing of the namespace is read there until it has it. */
  async #invalidate(invalidation: Invalidation): Promise<'applied' | 'failed'> {
    const outcomes = this.#writeTo(this.#zones, invalidation, (store) => take(store, invalidation))
    await Promise.all(outcomes)
    const outcome = await this.#acknowledge(outcomes, ['applied', ...deleteOutcomes])
    return outcome === 'failed' ? 'failed' : 'applied'
  }

  /** True when all zones can be asked, false when `deadlineMs` passed before. */
  async opened(deadlineMs: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => late.resolve(false), deadlineMs)
    const all = Promise.all(this.#zones.map(({ store }) => store.opened())).then(() => true)
    try {
      return await Promise.race([all, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  health(): readonly ZoneHealth[] {
    return this.#zones.map(({ store, debt }) => {
      const suspect = store.health().some(({ state }) => state === 'suspect')
      return { zone: store.zone, state: suspect ? 'suspect' : debt.size > 0 ? 'owing' : 'up', owed: debt.size }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#settling)
    await Promise.all(this.#zones.map(({ store }) => store.close()))
  }

  async #ask({ store, debt }: Zone, namespace: string, key: string, options: GetOptions): Promise<Hit | Miss> {
    const found = await store.get(namespace, key, options)
    let answer = found
    if (found.kind === 'hit') {
      // A write may have failed while we read: the value would be the one that it should have replaced.
      if (debt.owes(namespace, key)) answer = { kind: 'miss', because: 'unreadable' }
      else if (found.stamp < debt.floor) answer = { kind: 'miss', because: 'absent' }
    }
    this.#options.metrics?.reads.inc({
      zone: store.zone,
      result: answer.kind === 'hit' ? 'hit' : answer.because,
    })
    return answer
  }

  #isWarming(zone: Zone, namespace: string, key: string): boolean {
    const sinceMs = collectingSinceMs(zone, namespace, key)
    return sinceMs !== undefined && this.#options.clock.now() - sinceMs < warmingMs
  }

  #isWarmer(zone: Zone, cold: Zone, namespace: string, key: string): boolean {
    const coldSinceMs = collectingSinceMs(cold, namespace, key) ?? 0
    const sinceMs = collectingSinceMs(zone, namespace, key)
    return sinceMs !== undefined && sinceMs + startedTogetherMs < coldSinceMs
  }

  /**
   * By add: whatever was written meanwhile, a tombstone too, is newer than this copy. The stamp stays, so that each
   * invalidation that the cold zone knows or hears of holds for the copy as well; the life never grows.
   */
  #backfill({ store }: Zone, namespace: string, key: string, found: Hit, asOf: Stamp): void {
    const { value, flags, stamp, ttlMs, contentType, tags } = found
    // What is left is told rounded up to a second; a copy must not live longer than its source.
    const leftMs = ttlMs === noExpiry ? noExpiry : ttlMs - 1000
    if (leftMs !== noExpiry && leftMs < backfillFloorMs) return
    this.#options.background.run('fill a warming cache zone', () =>
      store.put(namespace, key, value, {
        mode: 'add',
        flags,
        stamp,
        asOf: asOf > stamp ? asOf : stamp,
        ttlMs: leftMs,
        ...(contentType === undefined ? {} : { contentType }),
        ...(tags === undefined ? {} : { tags }),
      }),
    )
  }

  /** Writes to these zones at once. Each that does not confirm is owed `otherwise` from then on. */
  #writeTo<Outcome extends string>(
    zones: readonly Zone[],
    otherwise: Invalidation,
    write: (store: ZoneStore) => Promise<Outcome>,
  ): Promise<Outcome>[] {
    return zones.map(async ({ store, debt }) => {
      const outcome = await write(store)
      this.#options.metrics?.writes.inc({ zone: store.zone, result: outcome })
      if (outcome !== 'failed') debt.settle(otherwise)
      else if (!debt.owe(otherwise, this.#options.newStamp)) {
        this.#options.log.warn({ zone: store.zone }, 'cache zone missed too many writes and starts from nothing')
      } else this.#settleSoon()
      return outcome
    })
  }

  /** Resolves as soon as enough zones took the write; the others go on. `words`: outcomes that count, the telling first. */
  #acknowledge<Outcome extends string>(
    writes: readonly Promise<Outcome | 'failed'>[],
    words: readonly Outcome[],
  ): Promise<Outcome | 'failed'> {
    const { writeAck } = this.#options
    const seen = new Set<Outcome>()
    let taken = 0
    let failed = 0
    let nearSettled = false
    if (writes.length === 0) return Promise.resolve('failed')
    return new Promise((resolve) => {
      const settle = (outcome: Outcome | 'failed', index: number): void => {
        if (outcome === 'failed') failed++
        else {
          taken++
          seen.add(outcome)
        }
        if (index === 0) nearSettled = true
        const answering = writes.length - failed
        const enough =
          writeAck === 'one'
            ? taken >= 1
            : writeAck === 'all'
              ? taken === writes.length
              : nearSettled && taken * 2 > answering
        if (enough) resolve(words.find((word) => seen.has(word)) ?? 'failed')
        else if (taken + failed === writes.length) resolve('failed')
      }
      // A store never throws; if one did after all, its zone has not taken the write.
      writes.forEach((write, index) => {
        write.then(
          (outcome) => settle(outcome, index),
          () => settle('failed', index),
        )
      })
    })
  }

  async #decide<Outcome extends string>(
    namespace: string,
    key: string,
    stamp: Stamp,
    conditional: (store: ZoneStore) => Promise<Outcome | 'failed'>,
    done: Outcome,
    copy: (store: ZoneStore) => Promise<Outcome | 'failed'>,
  ): Promise<Outcome | 'failed'> {
    const leader = this.#zones.find(
      ({ store, debt }) => !debt.owes(namespace, key) && store.health().every(({ state }) => state === 'up'),
    )
    if (leader === undefined) return 'failed'
    const otherwise = asDelete(namespace, key, stamp)
    const [decision] = this.#writeTo([leader], otherwise, conditional)
    const outcome = (await decision) ?? 'failed'
    if (outcome !== done) return outcome
    const others = this.#zones.filter((zone) => zone !== leader)
    const copies = this.#writeTo(others, otherwise, copy)
    const acknowledged = await this.#acknowledge([Promise.resolve(done), ...copies], [done])
    return acknowledged === 'failed' ? 'failed' : done
  }

  #settleSoon(): void {
    if (this.#settling !== undefined || this.#closed) return
    this.#settling = setTimeout(() => {
      // A promise, not a function: the background may refuse new work, and debts must not be forgotten then.
      this.#options.background.run('settle the debts of cache zones', this.#settleAll())
    }, settleEveryMs)
    this.#settling.unref()
  }

  async #settleAll(): Promise<void> {
    await Promise.all(this.#zones.map((zone) => this.#settle(zone)))
    this.#settling = undefined
    if (this.#zones.some(({ debt }) => debt.size > 0)) this.#settleSoon()
  }

  async #settle({ store, debt }: Zone): Promise<void> {
    while (!this.#closed) {
      const owed = debt.oldest(settleAtOnce)
      if (owed.length === 0) return
      const outcomes = await Promise.all(
        owed.map(async (invalidation) => {
          const outcome = await take(store, invalidation)
          if (outcome !== 'failed') debt.settle(invalidation)
          return outcome
        }),
      )
      if (outcomes.includes('failed')) return
    }
  }
}

const deleteOutcomes = ['deleted', 'older', 'not-found'] as const

const asDelete = (namespace: string, key: string, stamp: Stamp): DeleteOperation => ({
  kind: 'delete',
  namespace,
  key,
  stamp,
})

function take(store: ZoneStore, invalidation: Invalidation): Promise<DeleteOutcome | 'applied'> {
  const { namespace, key, stamp } = invalidation
  if (invalidation.kind === 'delete') return store.delete(namespace, key, { stamp })
  const { target, softMs } = invalidation
  const options = softMs === undefined ? { stamp } : { stamp, softMs }
  return target === 'all' ? store.bump(namespace, options) : store.invalidate(namespace, target, key, options)
}

/** When the zone that keeps this key was last empty: at its start, or when all that it had was given up. */
function collectingSinceMs({ store, debt }: Zone, namespace: string, key: string): number | undefined {
  const startedAtMs = store.startedAtMs(namespace, key)
  return startedAtMs === undefined ? undefined : Math.max(startedAtMs, stampMs(debt.floor))
}
