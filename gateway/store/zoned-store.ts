import { asDelete, type Invalidation } from './cache-operation.ts'
import {
  type CacheStore,
  type DeleteOptions,
  type DeleteOutcome,
  type GetOptions,
  type Hit,
  type InvalidateOptions,
  type ItemTags,
  isKnowledge,
  isStale,
  type Miss,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  type TouchOptions,
  type TouchOutcome,
  type ZoneHealth,
  type ZoneStore,
} from './cache-store.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import { RecentDeletes } from './recent-deletes.ts'
import type { SharedZoneState } from './shared-zone-state.ts'
import { LoneZoneState } from './shared-zone-state-lone.ts'
import { SiteZone, take } from './site-zone.ts'
import { isTagName, type TagKind } from './tag-key.ts'
import { acknowledge } from './write-ack.ts'
import type { ZonedStoreOptions } from './zoned-store-options.ts'

/** What one zone says of a key. */
export interface ZoneView {
  readonly zone: string
  readonly node: string
  readonly found: Hit | Miss
}

/** A copy that is about to expire is not worth its write, ms. */
const backfillFloorMs = 2_000
const settleEveryMs = 100

const unreadable: Miss = { kind: 'miss', because: 'unreadable' }

/** All zones of a site as one store: read near, written everywhere, and no value served from a zone that missed its delete. */
export class ZonedStore implements CacheStore {
  readonly #zones: readonly SiteZone[]
  readonly #options: ZonedStoreOptions
  readonly #shared: SharedZoneState
  readonly #deletes: Pick<RecentDeletes, 'note' | 'judge'>
  readonly #readDeadlineMs: number
  /** Each zone keeps every namespace. */
  readonly #keepAll: boolean
  #settling: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ZonedStoreOptions) {
    const { newStamp, log, owedLimit = 100_000, shared = new LoneZoneState(newStamp) } = options
    this.#options = options
    this.#shared = shared
    this.#zones = options.zones.map((store) => new SiteZone({ store, shared, newStamp, log, owedLimit }))
    this.#keepAll = options.zones.every((store) => store.keeps === undefined)
    this.#deletes = options.recentDeletes ?? new RecentDeletes(options)
    this.#readDeadlineMs = options.readDeadlineMs ?? 10
  }

  async prepare(namespace: string, tags: ItemTags): Promise<void> {
    await Promise.all(this.#keeping(namespace).map(({ store }) => store.prepare(namespace, tags)))
  }

  async get(namespace: string, key: string, options: GetOptions): Promise<Hit | Miss> {
    const { clock, mayRead } = this.#options
    if (mayRead !== undefined && !mayRead(namespace)) return unreadable
    const zones = this.#keeping(namespace)
    if (zones.length > 1 && !this.#shared.informed) return this.#getAlike(zones, namespace, key, options)
    const startedAt = clock.monotonic()
    let asOf: Stamp | undefined
    let failure: Miss | undefined
    let cold: SiteZone | undefined
    let absent: Miss = { kind: 'miss', because: 'absent' }
    for (const zone of zones) {
      if (!zone.mayRead(namespace, key)) {
        failure ??= unreadable
        continue
      }
      if (cold !== undefined && !zone.isWarmerThan(cold, namespace, key)) continue
      const leftMs = options.deadlineMs - (clock.monotonic() - startedAt)
      if (leftMs <= 0) break
      // Before the other zone is asked: whatever is invalidated from here on, the cold zone hears of it by itself.
      if (cold !== undefined) asOf = this.#options.newStamp()
      const found = await this.#ask(zone, namespace, key, options, Math.min(leftMs, this.#readDeadlineMs))
      if (found.kind === 'hit') {
        if (cold !== undefined && asOf !== undefined) this.#backfill(cold, namespace, key, found, asOf)
        return found
      }
      if (cold !== undefined) break
      if (!isKnowledge(found.because)) failure ??= found
      else if (found.because === 'absent' && zone.isWarming(namespace, key, clock.now())) {
        cold = zone
        absent = found
      } else return found
    }
    if (cold !== undefined) return absent
    return this.#askAgain(zones, namespace, key, options, startedAt, failure ?? { kind: 'miss', because: 'timeout' })
  }

  /**
   * Each zone failed once. With one of them away, another one that was late a single time must not be an error: its connection
   * was made anew in the same turn. The last one first, since those before it are more likely the ones that are away.
   */
  async #askAgain(
    zones: readonly SiteZone[],
    namespace: string,
    key: string,
    options: GetOptions,
    startedAt: number,
    failure: Miss,
  ): Promise<Hit | Miss> {
    for (let at = zones.length - 1; at >= 0; at--) {
      const zone = zones[at] as SiteZone
      const leftMs = options.deadlineMs - (this.#options.clock.monotonic() - startedAt)
      if (leftMs <= 0) break
      if (!zone.mayRead(namespace, key)) continue
      const found = await this.#ask(zone, namespace, key, options, Math.min(leftMs, this.#readDeadlineMs))
      if (found.kind === 'hit' || isKnowledge(found.because)) return found
    }
    return failure
  }

  async put(namespace: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    if (nodeKey(namespace, key) === undefined) return 'failed'
    const { mode = 'set', ifStamp, ...rest } = put
    const lateness = this.#deletes.judge(namespace, key, put.stamp)
    if (lateness === 'deleted') return 'older'
    if (mode === 'set' && ifStamp === undefined) {
      // What it would have replaced is not true any more either.
      if (lateness === 'unknown') return this.#putTooLate(namespace, key, put.stamp)
      const otherwise = asDelete({ namespace, key, stamp: put.stamp })
      const zones = this.#keeping(namespace)
      const outcomes = this.#writeTo(zones, otherwise, (store) => store.put(namespace, key, value, put))
      return acknowledge<PutOutcome>(this.#options.writeAck, outcomes, putWords, () =>
        this.#evenOut(zones, outcomes, otherwise),
      )
    }
    if (lateness === 'unknown') return 'older'
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
    if (ifStamp === undefined) {
      this.#deletes.note(namespace, key, del.stamp)
      return this.#writeDurably<DeleteOutcome>(asDelete({ namespace, key, stamp: del.stamp }), everywhere, deleteWords)
    }
    const outcome = await this.#decide<DeleteOutcome>(
      namespace,
      key,
      del.stamp,
      (store) => store.delete(namespace, key, del),
      'deleted',
      everywhere,
    )
    if (outcome === 'deleted') this.#deletes.note(namespace, key, del.stamp)
    return outcome
  }

  async touch(namespace: string, key: string, touch: TouchOptions): Promise<TouchOutcome> {
    if (nodeKey(namespace, key) === undefined) return { kind: 'failed' }
    const leader = this.#leader(namespace, key)
    if (leader === undefined) return { kind: 'failed' }
    const decided = await leader.store.touch(namespace, key, touch)
    this.#options.metrics?.writes.inc({ zone: leader.name, result: decided.kind })
    if (decided.kind !== 'touched') return decided
    const { stamp } = decided
    const copy = { ttlMs: touch.ttlMs, ifStamp: stamp }
    // A zone that may have kept the longer life loses the value: the leader's one is the one that counts. One that has not
    // this value may still wait for a delete of the one that it has.
    const others = this.#others(leader, namespace)
    const copies = this.#writeTo(
      others,
      asDelete({ namespace, key, stamp }),
      async (store) => {
        const { kind } = await store.touch(namespace, key, copy)
        return kind
      },
      'touched',
    )
    const writes = [Promise.resolve('touched'), ...copies]
    const outcome = await acknowledge(this.#options.writeAck, writes, ['touched', 'not-found'])
    return outcome === 'failed' ? { kind: 'failed' } : decided
  }

  async invalidate(namespace: string, target: TagKind, name: string, options: InvalidateOptions) {
    if (!isNamespace(namespace) || !isTagName(name)) return 'failed'
    return this.#invalidate({ kind: 'invalidate', namespace, target, key: name, ...options })
  }

  async bump(namespace: string, options: InvalidateOptions) {
    if (!isNamespace(namespace)) return 'failed'
    return this.#invalidate({ kind: 'invalidate', namespace, target: 'all', key: '', ...options })
  }

  /** Asks each zone, for people: nothing is filled, counted or kept from them. */
  inspect(namespace: string, key: string, deadlineMs: number): Promise<readonly ZoneView[]> {
    return Promise.all(
      this.#keeping(namespace).map(async ({ name, store }) => ({
        zone: name,
        node: store.nodeOf(namespace, key),
        found: await store.get(namespace, key, { deadlineMs }),
      })),
    )
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
    const now = this.#options.clock.now()
    return this.#zones.map((zone) => zone.health(now))
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#settling)
    await Promise.all(this.#zones.map(({ store }) => store.close()))
  }

  #keeping(namespace: string): readonly SiteZone[] {
    return this.#keepAll ? this.#zones : this.#zones.filter((zone) => zone.keeps(namespace))
  }

  #others(leader: SiteZone, namespace: string): readonly SiteZone[] {
    return this.#keeping(namespace).filter((zone) => zone !== leader)
  }

  async #ask(
    zone: SiteZone,
    namespace: string,
    key: string,
    options: GetOptions,
    deadlineMs: number,
  ): Promise<Hit | Miss> {
    const asked = options.deadlineMs === deadlineMs ? options : { ...options, deadlineMs }
    const found = await zone.store.get(namespace, key, asked)
    let answer = found
    if (found.kind === 'hit') {
      const { floor } = zone
      // A write may have failed while we read: the value would be the one that it should have replaced.
      if (!zone.mayRead(namespace, key)) answer = unreadable
      // With the stamp: whoever makes it anew is above the floor, also when its clock is behind.
      else if (found.stamp < floor) answer = { kind: 'miss', because: 'absent', stamp: floor }
    }
    this.#options.metrics?.reads.inc({
      zone: zone.name,
      result: answer.kind === 'hit' ? 'hit' : answer.because,
    })
    return answer
  }

  /**
   * While nobody can say which zone is owed what: an invalidation that was answered is in one zone at least, so a value that
   * all of them have alike has not been invalidated.
   */
  async #getAlike(
    zones: readonly SiteZone[],
    namespace: string,
    key: string,
    options: GetOptions,
  ): Promise<Hit | Miss> {
    const deadlineMs = Math.min(options.deadlineMs, this.#readDeadlineMs)
    const all = await Promise.all(zones.map((zone) => this.#ask(zone, namespace, key, options, deadlineMs)))
    const nearest = all[0] ?? unreadable
    for (const found of all) {
      if (found.kind === 'miss') return isKnowledge(found.because) ? found : unreadable
      if (found.stamp !== nearest.stamp) return unreadable
    }
    return nearest
  }

  /**
   * By add: whatever was written meanwhile, a tombstone too, is newer than this copy. The stamp stays, so that each
   * invalidation that the cold zone knows or hears of holds for the copy as well; the life never grows.
   */
  #backfill(cold: SiteZone, namespace: string, key: string, found: Hit, asOf: Stamp): void {
    const { value, flags, stamp, ttlMs, expiresAtMs, contentType, contentEncoding, tags, soft } = found
    // What is left is told rounded up to a second; a copy must not live longer than its source.
    const leftMs = ttlMs === noExpiry ? noExpiry : ttlMs - 1000
    if (leftMs !== noExpiry && leftMs < backfillFloorMs) return
    if (isStale(found, this.#options.clock.now())) return
    if (stamp < cold.floor || !cold.mayRead(namespace, key)) return
    if (this.#deletes.judge(namespace, key, stamp) === 'deleted') return
    this.#options.background.run('fill a warming cache zone', () =>
      cold.store.put(namespace, key, value, {
        mode: 'add',
        flags,
        stamp,
        asOf: asOf > stamp ? asOf : stamp,
        ttlMs: leftMs,
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
        ...(contentType === undefined ? {} : { contentType }),
        ...(contentEncoding === undefined ? {} : { contentEncoding }),
        ...(tags === undefined ? {} : { tags }),
        ...(soft === undefined ? {} : { soft }),
      }),
    )
  }

  /** Nobody knows whether it was deleted since: it is no value, and what is older than it is none either. */
  async #putTooLate(namespace: string, key: string, stamp: Stamp): Promise<PutOutcome> {
    return (await this.delete(namespace, key, { stamp })) === 'failed' ? 'failed' : 'older'
  }

  /** To all zones; one that did not confirm is owed it, and nothing of the namespace is read there until it has it. */
  async #invalidate(invalidation: Invalidation): Promise<'applied' | 'failed'> {
    const words = ['applied', ...deleteWords] as const
    const outcome = await this.#writeDurably(invalidation, (store) => take(store, invalidation), words)
    return outcome === 'failed' ? 'failed' : 'applied'
  }

  /** Answered only when each zone has applied it, or is known to all processes of the site to owe it. */
  async #writeDurably<Outcome extends string>(
    invalidation: Invalidation,
    write: (store: ZoneStore) => Promise<string>,
    words: readonly Outcome[],
  ): Promise<Outcome | 'failed'> {
    const writes = this.#writeTo(this.#keeping(invalidation.namespace), invalidation, write)
    const outcomes = await Promise.all(writes)
    if (outcomes.includes(untold)) return 'failed'
    return acknowledge(this.#options.writeAck, writes, words)
  }

  /**
   * Writes to these zones at once. Each that does not confirm is owed `otherwise` from then on, and its outcome is `failed`
   * when the other processes of the site know that, `untold` when they do not. `proof`: the one outcome after which the zone
   * has no older value; default: each that is not a failure.
   */
  #writeTo<Outcome extends string>(
    zones: readonly SiteZone[],
    otherwise: Invalidation,
    write: (store: ZoneStore) => Promise<Outcome>,
    proof?: Outcome,
  ): Promise<Outcome | typeof untold>[] {
    return zones.map(async (zone) => {
      const outcome = await write(zone.store)
      this.#options.metrics?.writes.inc({ zone: zone.name, result: outcome })
      if (outcome !== 'failed') {
        if (proof === undefined || proof === outcome) zone.took(otherwise)
        return outcome
      }
      const told = zone.owe(otherwise)
      this.#settleSoon()
      return (await told) ? outcome : untold
    })
  }

  /**
   * A zone had something newer than what others stored: it was evicted there. What they stored is not true, and is taken
   * away again; what is newer still stays where it is.
   */
  #evenOut(zones: readonly SiteZone[], writes: readonly Promise<string>[], otherwise: Invalidation): void {
    const even = Promise.all(writes).then(async (outcomes) => {
      if (!outcomes.includes('older')) return
      const wrong = zones.filter((_, index) => outcomes[index] === 'stored')
      await Promise.all(this.#writeTo(wrong, otherwise, (store) => take(store, otherwise)))
    })
    this.#options.background.run('even out cache zones', even)
  }

  #leader(namespace: string, key: string): SiteZone | undefined {
    const zones = this.#keeping(namespace)
    if (zones.length > 1 && !this.#shared.informed) return undefined
    return zones.find((zone) => zone.mayLead(namespace, key))
  }

  async #decide<Outcome extends string>(
    namespace: string,
    key: string,
    stamp: Stamp,
    conditional: (store: ZoneStore) => Promise<Outcome>,
    done: Outcome,
    copy: (store: ZoneStore) => Promise<Outcome>,
  ): Promise<Outcome | 'failed'> {
    const leader = this.#leader(namespace, key)
    if (leader === undefined) return 'failed'
    const otherwise = asDelete({ namespace, key, stamp })
    const [decision] = this.#writeTo([leader], otherwise, conditional)
    const outcome = await decision
    if (outcome === undefined || outcome === untold) return 'failed'
    if (outcome !== done) return outcome
    const others = this.#others(leader, namespace)
    const copies = this.#writeTo(others, otherwise, copy)
    if (done === 'stored') this.#evenOut([leader, ...others], [Promise.resolve(done), ...copies], otherwise)
    if (done === 'deleted' && (await Promise.all(copies)).includes(untold)) return 'failed'
    // `older`: something newer came there meanwhile, and stays.
    const words = [done, ...deleteWords, 'stored'] as const
    const acknowledged = await acknowledge(this.#options.writeAck, [Promise.resolve(done), ...copies], words)
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
    const settled = await Promise.all(this.#zones.map((zone) => zone.settle(() => this.#closed)))
    this.#settling = undefined
    if (settled.includes(false) || this.#zones.some(({ owed }) => owed > 0)) this.#settleSoon()
  }
}

const putWords = ['older', 'stored'] as const
const deleteWords = ['deleted', 'older', 'not-found'] as const

/** A zone did not take a write, and others may go on reading what is there. */
const untold = 'untold'
