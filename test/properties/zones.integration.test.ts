/** What `zones.test.ts` asks of zones in memory, asked of real memcached processes that are killed, frozen and short of memory. */
import { afterEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom, systemRandom } from '#server-kit/random.ts'
import { applyOperation } from '../../gateway/replication/apply-operation.ts'
import type { CacheOperation } from '../../gateway/store/cache-operation.ts'
import { MemcachedStore } from '../../gateway/store/memcached-store.ts'
import { RecentDeletes } from '../../gateway/store/recent-deletes.ts'
import { StampClock } from '../../gateway/store/stamp.ts'
import { ZonedStore } from '../../gateway/store/zoned-store.ts'
import type { ZonedStoreOptions } from '../../gateway/store/zoned-store-options.ts'
import { eventually } from '../support/eventually.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

const namespace = 'shop'
const deadlineMs = 500
const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

type Site = Awaited<ReturnType<typeof openSite>>

async function openSite(writer: number, args: readonly string[], more: Partial<ZonedStoreOptions> = {}) {
  const stamps = new StampClock(systemClock, writer)
  const newStamp = () => stamps.next()
  const servers = await Promise.all([startMemcached(args), startMemcached(args)])
  const zones = servers.map(
    ({ port }, i) =>
      new MemcachedStore({
        zone: `zone-${i}`,
        ring: 'rendezvous',
        nodes: [{ host: '127.0.0.1', port }],
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        newStamp,
        writeDeadlineMs: 200,
      }),
  )
  const background = new Background(silentLog)
  const parts = { clock: systemClock, log: silentLog, background, newStamp, readDeadlineMs: 200 }
  const store = new ZonedStore({ zones, writeAck: 'quorum', ...parts, ...more })
  ends.push(async () => {
    await store.close()
    for (const server of servers) {
      await server.process.stop('SIGKILL')
      await server.stop()
    }
  })
  const whole = () => store.health().every(({ state, owed }) => state === 'up' && owed === 0)
  await eventually(whole, { what: 'both zones up' })
  return { servers, zones, store, stamps, background, whole }
}

/** Large values take nearly all pages of the nodes; then each new small item pushes the oldest small one out. */
async function fill({ zones, stamps }: Site): Promise<void> {
  const large = Buffer.alloc(400_000)
  for (const zone of zones) {
    for (let i = 0; i < 20; i++) await zone.put(namespace, `large-${i}`, large, { stamp: stamps.next(), ttlMs: -1 })
  }
}

/** Tombstones of keys as long as `key`, until its own is evicted in each zone; it is not looked at meanwhile, which would keep it. */
async function flood({ zones, stamps }: Site, key: string): Promise<void> {
  for (const zone of zones) {
    for (let i = 0; i < 15_000; i += 250) {
      const some = Array.from({ length: 250 }, (_, n) =>
        zone.delete(namespace, `${i + n}`.padStart(key.length, '0'), { stamp: stamps.next() }),
      )
      expect(await Promise.all(some)).not.toContain('failed')
    }
    expect(await zone.get(namespace, key, { deadlineMs })).toEqual({ kind: 'miss', because: 'absent' })
  }
}

describe('zones that are short of memory', () => {
  const none = { note: () => undefined, judge: () => 'in-time' as const }
  const filters = [
    { filter: 'judged by', deletes: () => new RecentDeletes({ clock: systemClock }), served: [] },
    { filter: 'not judged by', deletes: () => none, served: ['late'] },
  ]
  it.each(filters)(
    'Store S8: evict their tombstones; a late write $filter the deletes of the last minutes brings back $served.length',
    async ({ deletes, served }) => {
      const site = await openSite(1, ['-m', '8'], { recentDeletes: deletes() })
      const { store, stamps } = site
      await fill(site)
      const begun = stamps.next()
      expect(await store.delete(namespace, 'deleted', { stamp: stamps.next() })).toBe('not-found')
      await flood(site, 'deleted')

      await store.put(namespace, 'deleted', Buffer.from('late'), { stamp: begun, ttlMs: -1 })

      const found = await store.get(namespace, 'deleted', { deadlineMs })
      expect(found.kind === 'hit' ? [found.value.toString()] : []).toEqual(served)
    },
  )
})

describe('two sites of real zones', () => {
  it.each([
    { fault: 'frozen', seed: 11 },
    { fault: 'killed', seed: 12 },
  ] as const)(
    'Store I1 I2 I5: serve nothing deleted and swap each value once while zones are $fault',
    async ({ fault, seed }) => {
      const random = seededRandom(seed)
      const below = (limit: number): number => Math.floor(random.next() * limit)
      const sites = await Promise.all([openSite(1, []), openSite(2, [])])
      const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)
      const gone = [new Map<string, bigint>(), new Map<string, bigint>()]
      const swapped = new Set<string>()
      const post: { readonly to: number; readonly operation: CacheOperation }[] = []
      const wrong: string[] = []
      const counts = { reads: 0, hits: 0, deletes: 0, refused: 0, delivered: 0 }

      const read = async (index: number, key: string) => {
        const limit = gone[index]?.get(key) ?? 0n
        const found = await (sites[index] as Site).store.get(namespace, key, { deadlineMs })
        counts.reads++
        if (found.kind === 'miss') return undefined
        counts.hits++
        if (BigInt(found.value.toString()) <= limit)
          wrong.push(`I1: ${key} of ${found.value} at ${index} after ${limit}`)
        return found
      }
      const deliver = async ({ to, operation }: (typeof post)[number]) => {
        const { store, stamps } = sites[to] as Site
        const applied = await applyOperation(operation, { store, clock: systemClock, stampClock: stamps })
        if (applied === 'failed') return false
        if (operation.kind === 'delete') isGone(to, operation.key, operation.stamp)
        counts.delivered++
        return true
      }
      const isGone = (index: number, key: string, stamp: bigint): void => {
        if (stamp > (gone[index]?.get(key) ?? 0n)) gone[index]?.set(key, stamp)
      }
      const put = async (index: number, key: string, begun: bigint, ifStamp?: bigint) => {
        const value = Buffer.from(`${begun}`)
        const how = { stamp: begun, ttlMs: -1, ...(ifStamp === undefined ? {} : { ifStamp }) }
        const outcome = await (sites[index] as Site).store.put(namespace, key, value, how)
        const place = { namespace, key, stamp: begun }
        if (outcome === 'failed') post.push({ to: 1 - index, operation: { kind: 'delete', ...place } })
        else if (outcome === 'stored')
          post.push({ to: 1 - index, operation: { kind: 'set', ...place, value, flags: 0, expiresAtMs: 0 } })
        return outcome
      }

      const step = async (): Promise<void> => {
        const index = below(2)
        const key = keys[below(keys.length)] as string
        const { store, stamps } = sites[index] as Site
        const what = below(10)
        if (what < 4) await read(index, key)
        else if (what < 6) {
          const begun = stamps.next()
          if (what === 5) await new Promise(setImmediate)
          await put(index, key, begun)
        } else if (what < 7) {
          const stamp = stamps.next()
          const outcome = await store.delete(namespace, key, { stamp })
          post.push({ to: 1 - index, operation: { kind: 'delete', namespace, key, stamp } })
          counts[outcome === 'failed' ? 'refused' : 'deletes']++
          if (outcome !== 'failed') isGone(index, key, stamp)
        } else if (what < 8) {
          const found = await read(index, key)
          if (found === undefined) return
          stamps.see(found.stamp)
          if ((await put(index, key, stamps.next(), found.stamp)) !== 'stored') return
          const of = `${index} ${key} ${found.stamp}`
          if (swapped.has(of)) wrong.push(`I5: ${of}`)
          swapped.add(of)
        } else {
          const message = post[below(Math.max(1, post.length))]
          if (message === undefined || !(await deliver(message))) return
          const at = post.indexOf(message)
          // One in four comes again.
          if (at !== -1 && below(4) > 0) post.splice(at, 1)
        }
      }

      let over = false
      const faults = async (): Promise<void> => {
        for (let i = 0; i < 6; i++) {
          const site = sites[i % 2] as Site
          const server = site.servers[below(2)] as TestServer
          if (fault === 'frozen') {
            await server.process.freeze()
            await new Promise((resolve) => setTimeout(resolve, 50 + below(250)))
            server.process.signal('SIGCONT')
          } else {
            await server.process.stop('SIGKILL')
            await server.stop()
            site.servers[site.servers.indexOf(server)] = await startMemcached([], server.port)
          }
          await eventually(site.whole, { what: 'the zone is whole again' })
        }
        over = true
      }
      const work = async (): Promise<void> => {
        while (!over) {
          await step()
          await new Promise(setImmediate)
        }
      }
      await Promise.all([faults(), ...Array.from({ length: 8 }, work)])
      for (const message of post.splice(0).reverse())
        await eventually(() => deliver(message), { what: 'it is delivered' })
      await eventually(() => sites.every(({ whole }) => whole()), { what: 'nothing is owed any more' })
      for (const { background } of sites) await background.settle(2_000)

      expect(wrong).toEqual([])
      for (const key of keys) {
        const values = new Set<string>()
        for (const [index, { zones }] of sites.entries()) {
          for (const zone of zones) {
            const found = await zone.get(namespace, key, { deadlineMs })
            if (found.kind === 'miss') continue
            expect(BigInt(found.value.toString()) > (gone[index]?.get(key) ?? 0n)).toBe(true)
            values.add(found.value.toString())
          }
        }
        // A zone that lost a newer value cannot tell that a late one is older.
        if (fault === 'frozen') expect(values.size).toBeLessThanOrEqual(1)
      }
      // It was no test if nothing happened.
      expect(counts.hits).toBeGreaterThan(100)
      expect(counts.deletes).toBeGreaterThan(50)
      expect(counts.delivered).toBeGreaterThan(100)
    },
  )
})
