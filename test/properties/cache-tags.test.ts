/**
 * Two sites of two zones each: puts whose fetch began long ago, hard and soft invalidations, bumps, records that are evicted,
 * zones that are away, operations that come twice and in any order. No read may yield an item that is older than an
 * invalidation which was acknowledged and applied in the zone that answered, and at rest all zones agree.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom, systemRandom } from '#server-kit/random.ts'
import { MemoryJournal } from '../../gateway/journal/memory-journal.ts'
import { applyBatch } from '../../gateway/replication/apply-batch.ts'
import type { CacheOperation } from '../../gateway/store/cache-operation.ts'
import type { CacheStore, InvalidateOptions, ItemTags, Stamp } from '../../gateway/store/cache-store.ts'
import { MemcachedStore } from '../../gateway/store/memcached-store.ts'
import { MemoryStore } from '../../gateway/store/memory-store.ts'
import { MetaNode } from '../../gateway/store/meta-node.ts'
import { StampClock } from '../../gateway/store/stamp.ts'
import { namespaceRecordKey, type TagKind, tagRecordKey } from '../../gateway/store/tag-key.ts'
import { ZonedStore } from '../../gateway/store/zoned-store.ts'
import { batchOfOne } from '../gateway/replication/sides.ts'
import { eventually } from '../support/eventually.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

const keys = ['a', 'b', 'c'] as const
const tags = ['t1', 't2', 't3'] as const
const scopes = ['s1', 's2'] as const
const namespace = 'http-orders'

type Target = { readonly kind: TagKind; readonly name: string } | { readonly kind: 'all'; readonly name: '' }

const target: fc.Arbitrary<Target> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('tag' as const), name: fc.constantFrom(...tags) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('scope' as const), name: fc.constantFrom(...scopes) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'all' as const, name: '' as const }) },
)
const place = { site: fc.nat({ max: 1 }), key: fc.constantFrom(...keys) }
const zoneOf = { site: fc.nat({ max: 1 }), zone: fc.nat({ max: 1 }) }
const event = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fetch' as const), ...place }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      site: place.site,
      exact: fc.subarray([...tags]),
      scopes: fc.subarray([...scopes]),
      which: fc.nat(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('invalidate' as const), site: place.site, target, soft: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('deliver' as const), which: fc.nat(), keep: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), ...place, named: fc.subarray([...tags]) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('away' as const), ...zoneOf, away: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), ...zoneOf, target }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 200 }) }) },
)
type Event = typeof event extends fc.Arbitrary<infer One> ? One : never

/** A zone that can be away, and that tells what it has applied. */
class Zone extends MemoryStore {
  away = false
  readonly applied: { readonly target: Target; readonly stamp: Stamp; readonly soft: boolean }[] = []

  override async get(...args: Parameters<MemoryStore['get']>) {
    return this.away ? ({ kind: 'miss', because: 'timeout' } as const) : super.get(...args)
  }
  override async put(...args: Parameters<CacheStore['put']>) {
    return this.away ? 'failed' : super.put(...args)
  }
  override async delete(...args: Parameters<CacheStore['delete']>) {
    return this.away ? 'failed' : super.delete(...args)
  }
  override async invalidate(ns: string, kind: TagKind, name: string, options: InvalidateOptions) {
    if (this.away) return 'failed'
    this.applied.push({ target: { kind, name }, stamp: options.stamp, soft: options.softMs !== undefined })
    return super.invalidate(ns, kind, name, options)
  }
  override async bump(ns: string, options: InvalidateOptions) {
    if (this.away) return 'failed'
    this.applied.push({ target: { kind: 'all', name: '' }, stamp: options.stamp, soft: options.softMs !== undefined })
    return super.bump(ns, options)
  }
}

interface World {
  readonly events: readonly Event[]
  readonly skewMs: number
  /** So few that records are evicted all the time. */
  readonly recordLimit: number
}

interface Promised {
  readonly site: number
  readonly target: Target
  readonly stamp: Stamp
  readonly soft: boolean
}

const isHit = ({ kind, name }: Target, { exact, scopes: wide }: ItemTags): boolean =>
  kind === 'all' || (kind === 'tag' ? exact : wide).includes(name)

/** Value: its own stamp and tags, so that whoever reads it can judge it. */
const checkServed = (found: Awaited<ReturnType<CacheStore['get']>>, known: readonly Omit<Promised, 'site'>[]): void => {
  if (found.kind === 'miss') return
  const written = JSON.parse(found.value.toString()) as { began: string; tags: ItemTags }
  for (const { target: hit, stamp, soft } of known) {
    if (!isHit(hit, written.tags) || BigInt(written.began) >= stamp) continue
    // An item below a soft one may come, but says so.
    if (!soft || found.soft === undefined) throw new Error(`served ${written.began}, invalidated by ${stamp}`)
  }
}

/** `stampAtStore`: the negative control, without rule S4. */
async function run({ events, skewMs, recordLimit }: World, stampAtStore = false): Promise<void> {
  const clock = new HeldClock()
  const background = new Background(silentLog)
  const promised: Promised[] = []
  const post: { readonly to: number; readonly operation: CacheOperation }[] = []
  const sites = [0, 1].map((index) => {
    const own = index === 0 ? clock : { now: () => clock.now() + skewMs, monotonic: () => clock.monotonic() }
    const stamps = new StampClock(own, index)
    const zones = [0, 1].map((zone) => new Zone({ zone: `${index}-${zone}`, clock: own, recordLimit }))
    const options = { writeAck: 'one' as const, clock: own, log: silentLog, background, newStamp: () => stamps.next() }
    return {
      own,
      stamps,
      zones,
      store: new ZonedStore({ zones, ...options }),
      journal: new MemoryJournal({ clock: own, random: seededRandom(1) }),
      fetches: [] as { key: string; stamp: Stamp; number: number }[],
    }
  })
  const mark = { begin: () => undefined, end: () => undefined }
  const siteAt = (index: number) => sites[index] as (typeof sites)[number]
  let numbers = 0

  const deliver = async ({ to, operation }: (typeof post)[number]): Promise<void> => {
    const { own, stamps, store, journal } = siteAt(to)
    await applyBatch(batchOfOne(operation), { store, clock: own, stampClock: stamps, journal, mark, log: silentLog })
  }

  for (const each of events) {
    if (each.kind === 'pass') clock.advance(each.ms)
    else if (each.kind === 'away') (siteAt(each.site).zones[each.zone] as Zone).away = each.away
    else if (each.kind === 'fetch') {
      const { stamps, fetches } = siteAt(each.site)
      fetches.push({ key: each.key, stamp: stamps.next(), number: ++numbers })
    } else if (each.kind === 'put') {
      const { stamps, fetches, store } = siteAt(each.site)
      const [fetch] = fetches.splice(each.which % Math.max(1, fetches.length), 1)
      if (fetch === undefined) continue
      const itemTags = { exact: each.exact, scopes: each.scopes }
      const stamp = stampAtStore ? stamps.next() : fetch.stamp
      const value = Buffer.from(JSON.stringify({ began: String(fetch.stamp), tags: itemTags }))
      await store.put(namespace, fetch.key, value, { stamp, ttlMs: -1, tags: itemTags })
      const shipped = {
        kind: 'set',
        namespace,
        key: fetch.key,
        stamp,
        value,
        flags: 0,
        expiresAtMs: 0,
        tags: itemTags,
      } as const
      post.push({ to: 1 - each.site, operation: shipped })
    } else if (each.kind === 'invalidate') {
      const { stamps, store } = siteAt(each.site)
      const how = each.soft ? { stamp: stamps.next(), softMs: 60_000 } : { stamp: stamps.next() }
      const { kind, name } = each.target
      const outcome = await (kind === 'all' ? store.bump(namespace, how) : store.invalidate(namespace, kind, name, how))
      if (outcome === 'applied')
        promised.push({ site: each.site, target: each.target, stamp: how.stamp, soft: each.soft })
      post.push({ to: 1 - each.site, operation: { kind: 'invalidate', namespace, target: kind, key: name, ...how } })
    } else if (each.kind === 'deliver') {
      const message = post[each.which % Math.max(1, post.length)]
      if (message === undefined) continue
      if (!each.keep) post.splice(post.indexOf(message), 1)
      await deliver(message)
    } else if (each.kind === 'lose') {
      // Pushed out by others: what a full memory does.
      const zone = siteAt(each.site).zones[each.zone] as Zone
      for (let i = 0; i < recordLimit; i++)
        await MemoryStore.prototype.invalidate.call(zone, 'other', 'tag', `x${i}`, { stamp: 1n })
    } else {
      const { store, stamps } = siteAt(each.site)
      const found = await store.get(namespace, each.key, { deadlineMs: 50, tags: { exact: each.named, scopes: [] } })
      if (found.stamp !== undefined) stamps.see(found.stamp)
      checkServed(
        found,
        promised.filter(({ site }) => site === each.site),
      )
      for (const zone of siteAt(each.site).zones) checkServed(await zone.get(namespace, each.key), zone.applied)
    }
  }

  for (const { zones } of sites) for (const zone of zones) zone.away = false
  for (const message of post.splice(0).reverse()) await deliver(message)
  await background.settle(1_000)
  for (const key of keys) {
    const served = new Set<string>()
    for (const { store, zones } of sites) {
      checkServed(await store.get(namespace, key, { deadlineMs: 50 }), promised)
      for (const zone of zones) {
        const found = await zone.get(namespace, key)
        checkServed(found, zone.applied)
        if (found.kind === 'hit') served.add(found.value.toString())
      }
    }
    // They agree, or lack it: what was not served may have been lost with a record.
    if (events.every(({ kind }) => kind !== 'away')) expect(served.size).toBeLessThanOrEqual(1)
  }
  for (const { store } of sites) await store.close()
}

const world = fc.record({
  events: fc.array(event, { maxLength: 60, size: 'max' }),
  skewMs: fc.integer({ min: -400, max: 400 }),
  recordLimit: fc.constantFrom(3, 5, 100),
})

describe('tagged items', () => {
  it('are never served once an invalidation was acknowledged, whatever is lost, late, doubled or away', async () => {
    await fc.assert(
      fc.asyncProperty(world, (each) => run(each)),
      { numRuns: 600 },
    )
  }, 20_000)

  it('but they are, in the same test, when a stamp is taken at the store and not when the fetch begins', async () => {
    const outcome = await fc.check(
      fc.asyncProperty(world, (each) => run(each, true)),
      { numRuns: 400, endOnFailure: true },
    )

    expect(outcome.failed).toBe(true)
  }, 20_000)
})

/** Another process evicts what it likes: records of tags, scopes and the namespace, on any node. */
describe('tagged items in real memcached', () => {
  let servers: TestServer[] = []
  const opened: (MemcachedStore | MetaNode)[] = []
  beforeAll(async () => {
    servers = await Promise.all([startMemcached(), startMemcached()])
  })
  afterAll(async () => {
    for (const each of opened) await each.close()
    for (const server of servers) await server.stop()
  })

  /** Few names, so that short histories meet. */
  const narrow = event.filter(({ kind }) => kind !== 'away' && kind !== 'pass')
  const one = narrow.map((each): Event => {
    const to = (hit: Target): Target => (hit.kind === 'all' ? hit : { ...hit, name: hit.kind === 'tag' ? 't1' : 's1' })
    if (each.kind === 'put') return { ...each, exact: ['t1'], scopes: ['s1'] }
    if (each.kind === 'invalidate') return { ...each, soft: false, target: to(each.target) }
    if (each.kind === 'lose') return { ...each, target: to(each.target) }
    return 'key' in each ? { ...each, key: 'a' } : each
  })
  const events = fc.oneof(
    fc.array(narrow, { maxLength: 40, size: 'max' }),
    fc.array(one, { minLength: 4, maxLength: 24, size: 'max' }),
  )

  it('are never served once an invalidation was acknowledged, whatever is evicted or doubled', async () => {
    const parts = { clock: systemClock, random: systemRandom, log: silentLog }
    const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    const raw = nodes.map((address) => new MetaNode(address, parts))
    const processes = [1, 2].map((writer) => {
      const stamps = new StampClock(systemClock, writer)
      const zone = {
        zone: 'real',
        nodes,
        ring: 'rendezvous',
        newStamp: () => stamps.next(),
        writeDeadlineMs: 2_000,
      } as const
      return { stamps, store: new MemcachedStore({ ...parts, ...zone }) }
    })
    opened.push(...raw, ...processes.map(({ store }) => store))
    await eventually(() => processes.every(({ store }) => store.health().every(({ state }) => state === 'up')))
    await eventually(() => raw.every(({ isUp }) => isUp))
    let runs = 0
    let hits = 0

    await fc.assert(
      fc.asyncProperty(events, async (history) => {
        const ns = `http-${++runs}`
        const fetches: { key: string; stamp: Stamp; process: number }[] = []
        const promised: Promised[] = []
        for (const { store, stamps } of processes) {
          // Each has used the namespace before, on both nodes.
          for (let i = 0; i < 8; i++)
            await store.put(ns, `first-${i}`, Buffer.alloc(0), { stamp: stamps.next(), ttlMs: -1 })
        }
        for (const each of history) {
          if (each.kind === 'fetch') {
            const { stamps } = processes[each.site] as (typeof processes)[number]
            fetches.push({ key: each.key, stamp: stamps.next(), process: each.site })
          } else if (each.kind === 'put') {
            const [fetch] = fetches.splice(each.which % Math.max(1, fetches.length), 1)
            if (fetch === undefined) continue
            const itemTags = { exact: each.exact, scopes: each.scopes }
            const value = Buffer.from(JSON.stringify({ began: String(fetch.stamp), tags: itemTags }))
            const { store } = processes[fetch.process] as (typeof processes)[number]
            await store.put(ns, fetch.key, value, { stamp: fetch.stamp, ttlMs: -1, tags: itemTags })
          } else if (each.kind === 'invalidate') {
            const { store, stamps } = processes[each.site] as (typeof processes)[number]
            const { kind, name } = each.target
            const how = each.soft ? { stamp: stamps.next(), softMs: 60_000 } : { stamp: stamps.next() }
            const apply = () => (kind === 'all' ? store.bump(ns, how) : store.invalidate(ns, kind, name, how))
            expect(await apply()).toBe('applied')
            promised.push({ site: 0, target: each.target, stamp: how.stamp, soft: each.soft })
          } else if (each.kind === 'deliver') {
            const again = promised[each.which % Math.max(1, promised.length)]
            if (again === undefined) continue
            const how = again.soft ? { stamp: again.stamp, softMs: 60_000 } : { stamp: again.stamp }
            const { kind, name } = again.target
            const { store } = processes[each.which % 2] as (typeof processes)[number]
            await (kind === 'all' ? store.bump(ns, how) : store.invalidate(ns, kind, name, how))
          } else if (each.kind === 'lose') {
            const { kind, name } = each.target
            const key = kind === 'all' ? namespaceRecordKey(ns) : tagRecordKey(ns, kind, name)
            for (const node of raw) await node.delete(key, undefined, 2_000)
          } else if (each.kind === 'read') {
            const { store, stamps } = processes[each.site] as (typeof processes)[number]
            const named = { exact: each.named, scopes: [] }
            const found = await store.get(ns, each.key, { deadlineMs: 2_000, tags: named })
            if (found.stamp !== undefined) stamps.see(found.stamp)
            if (found.kind === 'hit') hits++
            checkServed(found, promised)
          }
        }
        for (const key of keys) {
          const found = await Promise.all(processes.map(({ store }) => store.get(ns, key, { deadlineMs: 2_000 })))
          for (const each of found) checkServed(each, promised)
          if (found[0]?.kind === 'hit') hits++
          expect(new Set(found.map(({ stamp, kind }) => `${kind} ${stamp}`)).size).toBe(1)
        }
      }),
      { numRuns: 250 },
    )
    expect(hits).toBeGreaterThan(20)
  }, 30_000)
})
