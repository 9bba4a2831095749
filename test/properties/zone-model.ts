/**
 * Two sites with two processes each over zones that fail in every way, and what may be true of them (cache.md, section 10).
 * The text of each value is the stamp at which its making began: by that, and not by what the store says, it is judged.
 */
import fc from 'fast-check'
import { expect, vi } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { applyOperation } from '../../gateway/replication/apply-operation.ts'
import { asDelete, type CacheOperation } from '../../gateway/store/cache-operation.ts'
import type {
  DeleteOptions,
  GetOptions,
  Hit,
  InvalidateOptions,
  ItemTags,
  Miss,
  PutOptions,
  PutOutcome,
  Stamp,
  TouchOptions,
  TouchOutcome,
  ZoneHealth,
  ZoneStore,
} from '../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../gateway/store/memory-store.ts'
import type { SharedZoneState } from '../../gateway/store/shared-zone-state.ts'
import { StampClock } from '../../gateway/store/stamp.ts'
import type { TagKind } from '../../gateway/store/tag-key.ts'
import { later } from '../../gateway/store/tag-record.ts'
import type { WriteAck } from '../../gateway/store/write-ack.ts'
import { ZonedStore } from '../../gateway/store/zoned-store.ts'

/** What is left out, to see that it is missed. */
export type Control = 'backfill by set' | 'no recent deletes' | 'stamp at store time' | 'debts untold'

const namespace = 'shop'
const keys = ['a', 'b'] as const
const deadlineMs = 50
const mostProcesses = 2
const lives = [-1, 5_000, 60_000, 600_000] as const

const at = { site: fc.nat({ max: 1 }), process: fc.nat({ max: mostProcesses - 1 }), key: fc.constantFrom(...keys) }
const zoneOf = { site: fc.nat({ max: 1 }), zone: fc.nat({ max: 2 }) }
const ttlMs = fc.constantFrom(...lives)
const kind = <Kind extends string>(word: Kind) => ({ kind: fc.constant(word) })

const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ...kind('fetch'), ...at }) },
  { weight: 5, arbitrary: fc.record({ ...kind('fill'), process: at.process, which: fc.nat(), ttlMs }) },
  { weight: 4, arbitrary: fc.record({ ...kind('delete'), ...at }) },
  { weight: 2, arbitrary: fc.record({ ...kind('swap'), ...at, ttlMs }) },
  { weight: 1, arbitrary: fc.record({ ...kind('add'), ...at, ttlMs }) },
  { weight: 2, arbitrary: fc.record({ ...kind('touch'), ...at, ttlMs }) },
  { weight: 5, arbitrary: fc.record({ ...kind('read'), ...at }) },
  {
    weight: 5,
    arbitrary: fc.record({ ...kind('deliver'), process: at.process, which: fc.nat(), keep: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...kind('zone'),
      ...zoneOf,
      state: fc.constantFrom('up', 'up', 'away', 'lossy', 'flooded', 'restarted'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ...kind('redis'), site: at.site, process: at.process, cut: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ ...kind('pass'), ms: fc.constantFrom(1, 40, 3_000, 90_000) }) },
  { weight: 2, arbitrary: fc.record(kind('settle')) },
)

type Event = typeof event extends fc.Arbitrary<infer One> ? One : never

export interface History {
  /** `together`: with the next one, not after it. */
  readonly events: readonly { readonly event: Event; readonly together: boolean }[]
  readonly skewMs: number
  readonly zones: number
  /** Recent deletes are each process's own: zones lose values and tombstones only where there is one. */
  readonly processes: number
  readonly writeAck: WriteAck
}

export const histories = (processes: number): fc.Arbitrary<History> =>
  fc.record({
    events: fc.array(fc.record({ event, together: fc.boolean() }), { minLength: 1, maxLength: 60, size: 'max' }),
    skewMs: fc.integer({ min: -400, max: 400 }),
    zones: fc.integer({ min: 2, max: 3 }),
    processes: fc.constant(processes),
    writeAck: fc.constantFrom('one', 'quorum', 'all'),
  })

/** A zone that can be away, take writes without saying so, forget all, and keep copies waiting. */
class ModelZone implements ZoneStore {
  readonly zone: string
  readonly #clock: HeldClock
  readonly #freshStamp: (() => Stamp) | undefined
  #inner: MemoryStore
  #state: 'up' | 'away' | 'lossy' = 'up'
  /** Copies from other zones that are on their way here. */
  readonly copies: (() => Promise<unknown>)[] = []

  constructor(zone: string, clock: HeldClock, freshStamp?: () => Stamp) {
    this.zone = zone
    this.#clock = clock
    this.#freshStamp = freshStamp
    this.#inner = this.#empty()
  }

  async become(state: 'up' | 'away' | 'lossy' | 'flooded' | 'restarted'): Promise<void> {
    if (state === 'restarted') this.#inner = this.#empty()
    else if (state === 'flooded') {
      for (let i = 0; i < 20; i++) await this.#inner.put('flood', `${i}`, Buffer.alloc(900), { stamp: 1n, ttlMs: -1 })
    } else this.#state = state
  }

  prepare(ns: string, tags: ItemTags): Promise<void> {
    return this.#inner.prepare(ns, tags)
  }
  async get(ns: string, key: string, _options?: GetOptions): Promise<Hit | Miss> {
    await Promise.resolve()
    return this.#state === 'away' ? { kind: 'miss', because: 'timeout' } : this.#inner.get(ns, key)
  }
  put(ns: string, key: string, value: Buffer, put: PutOptions): Promise<PutOutcome> {
    const isCopy = put.asOf !== undefined
    if (!isCopy) return this.#write('failed' as const, () => this.#inner.put(ns, key, value, put))
    const copied = Promise.withResolvers<PutOutcome>()
    const { mode, ...rest } = put
    // Without stamps of their own, copies count as what is written when they come.
    const how = this.#freshStamp === undefined ? put : { ...rest, stamp: this.#freshStamp() }
    this.copies.push(() => {
      copied.resolve(this.#write('failed' as const, () => this.#inner.put(ns, key, value, how)))
      return copied.promise
    })
    return copied.promise
  }
  delete(ns: string, key: string, del: DeleteOptions) {
    return this.#write('failed' as const, () => this.#inner.delete(ns, key, del))
  }
  touch(ns: string, key: string, touch: TouchOptions): Promise<TouchOutcome> {
    return this.#write({ kind: 'failed' }, () => this.#inner.touch(ns, key, touch))
  }
  invalidate(ns: string, target: TagKind, name: string, options: InvalidateOptions) {
    return this.#write('failed' as const, () => this.#inner.invalidate(ns, target, name, options))
  }
  bump(ns: string, options: InvalidateOptions) {
    return this.#write('failed' as const, () => this.#inner.bump(ns, options))
  }
  async opened(): Promise<void> {}
  startedAtMs(): number {
    return this.#inner.startedAtMs()
  }
  nodeOf(): string {
    return 'model'
  }
  health(): readonly ZoneHealth[] {
    return [{ zone: this.zone, state: this.#state === 'away' ? 'suspect' : 'up', owed: 0 }]
  }
  close(): Promise<void> {
    return this.#inner.close()
  }
  readonly held = (key: string): Promise<Hit | Miss> => this.#inner.get(namespace, key)

  async #write<Outcome>(failed: Outcome, write: () => Promise<Outcome>): Promise<Outcome> {
    await Promise.resolve()
    if (this.#state === 'away') return failed
    const outcome = await write()
    return this.#state === 'lossy' ? failed : outcome
  }

  #empty(): MemoryStore {
    return new MemoryStore({ zone: this.zone, clock: this.#clock, limitBytes: 8 * 1024, recordLimit: 64 })
  }
}

/** What Redis is to a site; a process that is cut off from it goes by what it knew. */
class ModelShared {
  readonly owing = new Map<string, Set<number>>()
  readonly floors = new Map<string, Stamp>()

  of(process: number, untold: boolean): SharedZoneState & { cut: boolean } {
    const { owing, floors } = this
    let cut = false
    let known = new Set<string>()
    const owedByOthers = () =>
      new Set([...owing].filter(([, who]) => [...who].some((p) => p !== process)).map(([z]) => z))
    const kept = new Map<string, Stamp>()
    return {
      get cut() {
        return cut
      },
      set cut(next) {
        known = owedByOthers()
        cut = next
      },
      get informed() {
        return !cut || untold
      },
      owes: async (zone) => {
        await Promise.resolve()
        if (untold) return true
        if (!cut) owing.set(zone, (owing.get(zone) ?? new Set()).add(process))
        return !cut
      },
      settled: (zone) => void owing.get(zone)?.delete(process),
      replayed: () => undefined,
      mayRead: (zone) => !(cut ? known : owedByOthers()).has(zone),
      floor: (zone) => later(kept.get(zone) ?? 0n, cut ? 0n : (floors.get(zone) ?? 0n)),
      raise: async (zone, stamp) => {
        kept.set(zone, later(kept.get(zone) ?? 0n, stamp))
        if (!cut) floors.set(zone, later(floors.get(zone) ?? 0n, stamp))
        return !cut
      },
      pool: async () => true,
      force: async () => undefined,
      close: async () => undefined,
    }
  }
}

/** Runs one history and throws at the first thing that must not be; without one of the rules, at the first that is stale or differs. */
export async function run(world: History, without?: Control): Promise<void> {
  const { events, skewMs, zones: zoneCount, processes, writeAck } = world
  const mayForget = processes === 1
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const clock = new HeldClock()
  const background = new Background(silentLog)
  /** By site and key: the newest delete that was answered or delivered there. */
  const gone = [new Map<string, Stamp>(), new Map<string, Stamp>()]
  /** By value: the latest end that anyone ever gave it. */
  const ends = new Map<string, number>()
  const swapped = [new Set<string>(), new Set<string>()]
  const post: { readonly to: number; readonly operation: CacheOperation; held?: boolean }[] = []
  /** A value that is lost or over cannot say that an older one, which comes late, is older: I2 and I5 are not for such worlds. */
  let forgot = false
  const begun: { readonly site: number; readonly key: string; readonly stamp: Stamp }[] = []

  const sites = [0, 1].map((site) => {
    const own = { now: () => clock.now() + (site === 0 ? 0 : skewMs), monotonic: () => clock.monotonic() }
    const shared = new ModelShared()
    const fresh = new StampClock(own, 250 + site)
    const freshStamp = without === 'backfill by set' ? () => fresh.next() : undefined
    const zones = Array.from({ length: zoneCount }, (_, i) => new ModelZone(`zone-${i}`, clock, freshStamp))
    const members = Array.from({ length: processes }, (_, process) => {
      const stamps = new StampClock(own, site * 10 + process)
      const state = shared.of(process, without === 'debts untold')
      const store = new ZonedStore({
        zones,
        writeAck,
        clock: own,
        log: silentLog,
        background,
        newStamp: () => stamps.next(),
        shared: state,
        owedLimit: 2,
        ...(without === 'no recent deletes'
          ? { recentDeletes: { note: () => undefined, judge: () => 'in-time' } }
          : {}),
      })
      return { stamps, state, store }
    })
    return { zones, members, own }
  })
  type Member = (typeof sites)[number]['members'][number]
  const member = (site: number, process: number): Member => sites[site]?.members[process % processes] as Member

  const endOf = (ms: number): number => (ms === -1 ? Number.POSITIVE_INFINITY : clock.now() + ms)
  const lives = (value: string, ms: number): void => {
    ends.set(value, Math.max(ends.get(value) ?? 0, endOf(ms)))
  }
  const ship = (site: number, operation: CacheOperation): void => void post.push({ to: 1 - site, operation })
  const isGone = (site: number, key: string, stamp: Stamp): void => {
    if (stamp > (gone[site]?.get(key) ?? 0n)) gone[site]?.set(key, stamp)
  }

  const read = async (site: number, process: number, key: string): Promise<Hit | Miss> => {
    const limit = gone[site]?.get(key) ?? 0n
    const { store, stamps } = member(site, process)
    const found = await store.get(namespace, key, { deadlineMs })
    if (found.stamp !== undefined) stamps.see(found.stamp)
    if (found.kind === 'hit') {
      const value = found.value.toString()
      if (BigInt(value) <= limit) throw new Error(`I1: ${key} of ${value} was served at site ${site} after ${limit}`)
      const end = found.ttlMs === -1 ? Number.POSITIVE_INFINITY : clock.now() + found.ttlMs
      if (without === undefined && end > (ends.get(value) ?? 0) + 1_000)
        throw new Error(`I4: ${key} lives until ${end}`)
    }
    return found
  }

  /** As the double-writer does: what was stored is told as it is, and what failed as a delete. */
  const put = async (site: number, process: number, key: string, begunAt: Stamp, options: PutOptions) => {
    lives(`${begunAt}`, options.ttlMs)
    const outcome = await member(site, process).store.put(namespace, key, Buffer.from(`${begunAt}`), options)
    const { stamp } = options
    const expiresAtMs = options.ttlMs === -1 ? 0 : clock.now() + options.ttlMs
    if (outcome === 'failed') ship(site, asDelete({ namespace, key, stamp }))
    if (outcome !== 'stored') return outcome
    ship(site, { kind: 'set', namespace, key, stamp, value: Buffer.from(`${begunAt}`), flags: 0, expiresAtMs })
    return outcome
  }

  const deliver = async ({ to, operation }: { to: number; operation: CacheOperation }, process: number) => {
    const { store, stamps } = member(to, process)
    const applied = await applyOperation(operation, {
      store,
      clock: sites[to]?.own ?? clock,
      stampClock: stamps,
    })
    if (operation.kind === 'delete' && applied !== 'failed') isGone(to, operation.key, operation.stamp)
    return applied
  }

  const settle = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(200)
    for (const { zones } of sites)
      for (const zone of zones) await Promise.all(zone.copies.splice(0).map((copy) => copy()))
  }

  const happen = async (one: Event): Promise<void> => {
    const now = 'ttlMs' in one && !mayForget ? { ...one, ttlMs: -1 } : one
    switch (now.kind) {
      case 'fetch':
        begun.push({ site: now.site, key: now.key, stamp: member(now.site, now.process).stamps.next() })
        return
      case 'fill': {
        const [fetched] = begun.splice(now.which % Math.max(1, begun.length), 1)
        if (fetched === undefined) return
        const { site, key, stamp: begunAt } = fetched
        const stamp = without === 'stamp at store time' ? member(site, now.process).stamps.next() : begunAt
        await put(site, now.process, key, begunAt, { stamp, ttlMs: now.ttlMs })
        return
      }
      case 'delete': {
        const stamp = member(now.site, now.process).stamps.next()
        const outcome = await member(now.site, now.process).store.delete(namespace, now.key, { stamp })
        ship(now.site, { kind: 'delete', namespace, key: now.key, stamp })
        if (outcome !== 'failed') isGone(now.site, now.key, stamp)
        return
      }
      case 'swap': {
        const found = await read(now.site, now.process, now.key)
        if (found.kind !== 'hit') return
        const stamp = member(now.site, now.process).stamps.next()
        const outcome = await put(now.site, now.process, now.key, stamp, {
          stamp,
          ttlMs: now.ttlMs,
          ifStamp: found.stamp,
        })
        if (outcome !== 'stored') return
        const of = `${now.key} ${found.stamp}`
        if (without === undefined && !forgot && swapped[now.site]?.has(of))
          throw new Error(`I5: ${of} was swapped twice at site ${now.site}`)
        swapped[now.site]?.add(of)
        return
      }
      case 'add': {
        const stamp = member(now.site, now.process).stamps.next()
        await put(now.site, now.process, now.key, stamp, { stamp, ttlMs: now.ttlMs, mode: 'add' })
        return
      }
      case 'touch': {
        const found = await read(now.site, now.process, now.key)
        if (found.kind !== 'hit') return
        lives(found.value.toString(), now.ttlMs)
        const { store } = member(now.site, now.process)
        const touched = await store.touch(namespace, now.key, { ttlMs: now.ttlMs, ifStamp: found.stamp })
        const expiresAtMs = now.ttlMs === -1 ? 0 : clock.now() + now.ttlMs
        const { stamp } = found
        if (touched.kind === 'touched') ship(now.site, { kind: 'touch', namespace, key: now.key, stamp, expiresAtMs })
        return
      }
      case 'read':
        await read(now.site, now.process, now.key)
        return
      case 'deliver': {
        const index = now.which % Math.max(1, post.length)
        const message = post[index]
        if (message === undefined) return
        const applied = await deliver(message, now.process)
        // Acknowledged only then, and it may come again all the same.
        const still = post.indexOf(message)
        if (!now.keep && applied !== 'failed' && still !== -1) post.splice(still, 1)
        return
      }
      case 'zone':
        if ((now.state === 'flooded' || now.state === 'restarted') && !mayForget) return
        forgot ||= now.state === 'flooded' || now.state === 'restarted'
        await sites[now.site]?.zones[now.zone % zoneCount]?.become(now.state)
        return
      case 'redis':
        member(now.site, now.process).state.cut = now.cut
        return
      case 'pass':
        forgot ||= mayForget && now.ms >= 3_000
        clock.advance(now.ms)
        return
      case 'settle':
        await settle()
    }
  }

  try {
    let together: Promise<void>[] = []
    for (const each of events) {
      // No write is under way for seconds: that is what deadlines are for.
      if (each.event.kind === 'pass') await Promise.all(together)
      together.push(happen(each.event))
      if (each.together && each.event.kind !== 'pass') continue
      await Promise.all(together)
      together = []
    }
    await Promise.all(together)

    for (const { zones, members } of sites) {
      for (const zone of zones) await zone.become('up')
      for (const { state } of members) state.cut = false
    }
    for (const message of [...post].reverse()) expect(await deliver(message, 0)).not.toBe('failed')
    // A settled debt may make another copy, and a copy another debt.
    for (let i = 0; i < 3; i++) await settle()
    for (const { members } of sites)
      for (const { store } of members) expect(store.health().map(({ owed }) => owed)).toEqual(Array(zoneCount).fill(0))
    await agree()
  } finally {
    vi.useRealTimers()
  }

  /** At rest: all zones have one value for a key, or none, and what was deleted is nowhere. */
  async function agree(): Promise<void> {
    for (const key of keys) {
      const values = new Set<string>()
      for (const [site, { zones, members }] of sites.entries()) {
        for (const { zone, held } of zones) {
          const found = await held(key)
          if (found.kind === 'miss' || found.stamp < (members[0]?.state.floor(zone) ?? 0n)) continue
          const value = found.value.toString()
          if (BigInt(value) <= (gone[site]?.get(key) ?? 0n)) throw new Error(`I1: ${key} of ${value} is still there`)
          values.add(value)
        }
      }
      if (values.size > 1 && !forgot) throw new Error(`I2: ${key} is ${[...values].join(' and ')}`)
    }
  }
}
