/**
 * A late write never wins: two sites write the same keys, their batches are delayed, repeated and re-ordered on the way,
 * and at rest all zones of both sites hold the newest write of each key, or nothing. With the stamps off it must fail.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { MemoryJournal } from '../../gateway/journal/memory-journal.ts'
import { applyBatch } from '../../gateway/replication/apply-batch.ts'
import type { CacheOperation } from '../../gateway/store/cache-operation.ts'
import type { CacheStore, Stamp } from '../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../gateway/store/memory-store.ts'
import { StampClock } from '../../gateway/store/stamp.ts'
import { ZonedStore } from '../../gateway/store/zoned-store.ts'
import { batchOfOne } from '../gateway/replication/sides.ts'

const siteCount = 2
const keys = ['a', 'b', 'c'] as const

/** What happens, in this order. `deliver` takes a message from anywhere in the post, `keep`: it will come again. */
const event = fc.oneof(
  fc.record({
    kind: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
    site: fc.nat({ max: siteCount - 1 }),
    key: fc.constantFrom(...keys),
  }),
  fc.record({ kind: fc.constant('deliver' as const), which: fc.nat(), keep: fc.boolean() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 50 }) }),
)
const history = fc.record({ events: fc.array(event, { maxLength: 60 }), skewMs: fc.integer({ min: -400, max: 400 }) })

interface World {
  readonly events: readonly (typeof event extends fc.Arbitrary<infer Event> ? Event : never)[]
  readonly skewMs: number
}

/** With `stampsOff` each store takes writes as they come: what a cache without stamps does. */
async function run({ events, skewMs }: World, stampsOff = false): Promise<void> {
  const clock = new HeldClock()
  const clocks = [clock, { now: () => clock.now() + skewMs, monotonic: () => clock.monotonic() }]
  const background = new Background(silentLog)
  const newest = new Map<string, { stamp: Stamp; value: string | undefined }>()
  const post: { readonly to: number; readonly operation: CacheOperation }[] = []
  let order = 0n

  const sites = clocks.map((own, index) => {
    const stamps = new StampClock(own, index)
    const zones = [0, 1].map((zone) => new MemoryStore({ zone: `zone-${zone}`, clock: own }))
    const zoned = new ZonedStore({
      zones,
      writeAck: 'all',
      clock: own,
      log: silentLog,
      background,
      newStamp: () => stamps.next(),
    })
    const store: CacheStore = stampsOff ? unstamped(zoned, () => ++order) : zoned
    const journal = new MemoryJournal({ clock: own, random: seededRandom(1) })
    const mark = { begin: () => undefined, end: () => undefined }
    return { own, stamps, zones, store, journal, mark }
  })

  const deliver = async ({ to, operation }: (typeof post)[number]): Promise<void> => {
    const site = sites[to] as (typeof sites)[number]
    const { own, stamps, store, journal, mark } = site
    await applyBatch(batchOfOne(operation), { store, clock: own, stampClock: stamps, journal, mark, log: silentLog })
  }

  for (const each of events) {
    if (each.kind === 'pass') clock.advance(each.ms)
    else if (each.kind === 'deliver') {
      const at = each.which % Math.max(1, post.length)
      const message = post[at]
      if (message === undefined) continue
      if (!each.keep) post.splice(at, 1)
      await deliver(message)
    } else {
      const { stamps, store } = sites[each.site] as (typeof sites)[number]
      const place = { namespace: 'shop', key: each.key, stamp: stamps.next() }
      const value = each.kind === 'put' ? `${place.stamp}` : undefined
      const outcome =
        value === undefined
          ? await store.delete('shop', each.key, { stamp: place.stamp })
          : await store.put('shop', each.key, Buffer.from(value), { stamp: place.stamp, ttlMs: -1 })
      if (outcome === 'older') continue
      const operation: CacheOperation =
        value === undefined
          ? { kind: 'delete', ...place }
          : { kind: 'set', ...place, value: Buffer.from(value), flags: 0, expiresAtMs: 0 }
      post.push({ to: 1 - each.site, operation })
      const before = newest.get(each.key)
      if (before === undefined || before.stamp < place.stamp) newest.set(each.key, { stamp: place.stamp, value })
    }
  }
  for (const message of post.splice(0).reverse()) await deliver(message)

  for (const key of keys) {
    const held = await Promise.all(
      sites.flatMap(({ zones }) =>
        zones.map(async (zone) => {
          const found = await zone.get('shop', key)
          return found.kind === 'hit' ? found.value.toString() : undefined
        }),
      ),
    )
    for (const value of held) expect(value).toBe(newest.get(key)?.value)
  }
}

function unstamped(inner: CacheStore, arrival: () => Stamp): CacheStore {
  return {
    prepare: (...args) => inner.prepare(...args),
    get: (...args) => inner.get(...args),
    put: (namespace, key, value, options) => inner.put(namespace, key, value, { ...options, stamp: arrival() }),
    delete: (namespace, key, options) => inner.delete(namespace, key, { ...options, stamp: arrival() }),
    touch: (...args) => inner.touch(...args),
    invalidate: (...args) => inner.invalidate(...args),
    bump: (...args) => inner.bump(...args),
    health: () => inner.health(),
    close: () => inner.close(),
  }
}

describe('double-write', () => {
  it('a late write never wins', async () => {
    await fc.assert(
      fc.asyncProperty(history, (world) => run(world)),
      { numRuns: 300 },
    )
  })

  it('but it does, in the same test, when stamps are off', async () => {
    const outcome = await fc.check(
      fc.asyncProperty(history, (world) => run(world, true)),
      { numRuns: 300 },
    )

    expect(outcome.failed).toBe(true)
  })
})
