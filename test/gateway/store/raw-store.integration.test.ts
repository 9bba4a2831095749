import { Client } from 'memjs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom, systemRandom } from '#server-kit/random.ts'
import { RawStore } from '../../../gateway/store/raw-store.ts'
import { StampClock, stampMs } from '../../../gateway/store/stamp.ts'
import { later } from '../../../gateway/store/tag-record.ts'
import { eventually } from '../../support/eventually.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'

const deadlineMs = 1_000
const stamps = new StampClock(systemClock, 3)
let memcached: TestServer
let monolith: Client
const opened: RawStore[] = []

beforeAll(async () => {
  memcached = await startMemcached()
  monolith = client()
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(async () => {
  monolith.close()
  await memcached.stop()
})

/** What the monolith uses: it writes flags, and reads them. */
const client = (flags = 0): Client =>
  Client.create(memcached.address, {
    timeout: 5,
    serializer: {
      serialize: (_opcode, value, extras) => {
        const own = Buffer.from(extras)
        own.writeUInt32BE(flags, 0)
        return { value, extras: own }
      },
      deserialize: (_opcode, value, extras) => ({ value, extras }),
    },
  })

const open = async (
  server: TestServer = memcached,
): Promise<RawStore & { readonly raise: (stamp: bigint) => void }> => {
  let floor = 0n
  const raise = (stamp: bigint): void => {
    floor = later(floor, stamp)
  }
  const store = new RawStore({
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    zone: 'old',
    namespace: 'legacy',
    nodes: [{ host: '127.0.0.1', port: server.port }],
    ring: 'ketama',
    newStamp: () => stamps.next(),
    floor: () => floor,
    raise: async (stamp) => {
      raise(stamp)
      return true
    },
    writeDeadlineMs: 1_000,
  })
  opened.push(store)
  await store.opened()
  return Object.assign(store, { raise })
}
const put = (store: RawStore, key: string, value: string, more: object = {}) =>
  store.put('legacy', key, Buffer.from(value), { stamp: stamps.next(), ttlMs: 60_000, ...more })
const get = (store: RawStore, key: string) => store.get('legacy', key, { deadlineMs })
const read = async (store: RawStore, key: string) => {
  const found = await get(store, key)
  return found.kind === 'hit' ? found.value.toString() : found.because
}

describe('a raw zone', () => {
  it('Store I6: reads what memjs wrote and writes what memjs reads, byte for byte, with its flags', async () => {
    const store = await open()
    const random = seededRandom(11)
    const below = (limit: number): number => Math.floor(random.next() * limit)
    const lengths = [0, 1, 2, 200, 5_000, 70_000, 1_000_000]
    for (let i = 0; i < 120; i++) {
      const key = `${i}:${Array.from({ length: 1 + below(120) }, () => String.fromCharCode(33 + below(94))).join('')}`
      const value = Buffer.from(Array.from({ length: 64 }, () => below(256)))
      const large = Buffer.alloc(lengths[i % lengths.length] ?? 0, value)
      const flags = below(2 ** 32)

      const byMemjs = client(flags)
      await byMemjs.set(key, large, { expires: 1_000 })
      byMemjs.close()
      const found = await get(store, key)
      expect(found).toMatchObject({ kind: 'hit', flags, zone: 'old' })
      if (found.kind !== 'hit') return
      expect(found.value.equals(large)).toBe(true)
      expect(Math.abs(found.ttlMs - 1_000_000)).toBeLessThan(5_000)

      const other = Buffer.concat([large.subarray(0, 900_000), Buffer.from([i])])
      const written = { stamp: stamps.next(), ttlMs: 60_000, flags: below(2 ** 32) }
      expect(await store.put('legacy', key, other, written)).toBe('stored')
      const seen = await monolith.get(key)
      expect(seen.value?.equals(other)).toBe(true)
      expect((seen.flags as unknown as Buffer).readUInt32BE(0)).toBe(written.flags)

      expect(await store.delete('legacy', key, { stamp: stamps.next() })).toBe('deleted')
      expect((await monolith.get(key)).value).toBe(null)
    }
  })

  it('stores nothing beside the items of others', async () => {
    const own = await startMemcached()
    const store = await open(own)
    await put(store, 'only', 'one')
    await store.bump('legacy', { stamp: stamps.next() })

    const beside = Client.create(own.address)
    const items = await new Promise<string>((resolve) => {
      beside.stats((_error, _server, stats) => resolve(stats?.['curr_items'] ?? ''))
    })
    beside.close()
    expect(items).toBe('1')
    await own.stop()
  })

  it('keeps one namespace, under the names that others know, and no key that no node takes', async () => {
    const store = await open()
    expect([store.keeps('legacy'), store.keeps('shop')]).toEqual([true, false])
    expect(await store.put('shop', 'k', Buffer.from('x'), { stamp: stamps.next(), ttlMs: -1 })).toBe('failed')
    expect(await put(store, 'a key', 'x')).toBe('failed')
    expect(await put(store, 'k'.repeat(251), 'x')).toBe('failed')
    expect(await store.delete('legacy', 'a key', { stamp: stamps.next() })).toBe('not-found')
    expect(await put(store, 'tagged', 'x', { tags: { exact: ['t'], scopes: [] } })).toBe('failed')
    expect(await put(store, 'schön', 'umlaut')).toBe('stored')
    expect((await monolith.get('schön')).value?.toString()).toBe('umlaut')
  })

  it('Store S5: an older write of this process does not replace a newer one, nor bring back what was deleted', async () => {
    const store = await open()
    const [first, second, third] = [stamps.next(), stamps.next(), stamps.next()]

    expect(await put(store, 'order', 'second', { stamp: second })).toBe('stored')
    expect(await put(store, 'order', 'first', { stamp: first })).toBe('older')
    expect(await put(store, 'order', 'second', { stamp: second })).toBe('stored')
    expect(await store.delete('legacy', 'order', { stamp: first })).toBe('older')
    expect(await read(store, 'order')).toBe('second')
    expect(await store.delete('legacy', 'order', { stamp: third })).toBe('deleted')
    expect(await put(store, 'order', 'second', { stamp: second })).toBe('older')
    expect(await read(store, 'order')).toBe('tombstone')
    const many = Array.from({ length: 50 }, () => stamps.next())
    await Promise.all(many.toReversed().map((stamp) => put(store, 'order', `${stamp}`, { stamp })))
    expect(await read(store, 'order')).toBe(`${many.at(-1)}`)
  })

  it('compares and sets by the number of the node, which is the same for every process, and by stamps of its own writes', async () => {
    const [one, two] = [await open(), await open()]
    const stamp = stamps.next()
    await put(one, 'cas', 'first', { stamp })
    const [here, there] = [await get(one, 'cas'), await get(two, 'cas')]
    if (here.kind !== 'hit' || there.kind !== 'hit') throw new Error('no value')

    expect(here).toMatchObject({ stamp, unique: there.unique })
    expect(there.stamp).toBeLessThan(stamps.next())
    expect(await put(two, 'cas', 'second', { ifStamp: here.unique })).toBe('stored')
    expect(await put(one, 'cas', 'third', { ifStamp: here.unique })).toBe('exists')
    expect(await put(one, 'cas', 'third', { ifStamp: stamp })).toBe('exists')
    expect(await put(one, 'cas', 'third', { mode: 'add' })).toBe('exists')
    expect(await put(one, 'cas', 'third', { mode: 'replace' })).toBe('stored')
    const third = await get(one, 'cas')
    expect(await put(one, 'cas', 'fourth', { ifStamp: third.kind === 'hit' ? third.stamp : 0n })).toBe('stored')
    expect(await one.delete('legacy', 'cas', { stamp: stamps.next(), ifStamp: stamp })).toBe('older')
    expect(await read(two, 'cas')).toBe('fourth')
    expect(await put(one, 'nobody', 'x', { mode: 'replace' })).toBe('absent')
  })

  it('a touch gives the very value another life, and its number stays', async () => {
    const store = await open()
    const stamp = stamps.next()
    await put(store, 'touched', 'x', { stamp })
    const before = await get(store, 'touched')

    expect(await store.touch('legacy', 'touched', { ttlMs: 900_000, ifStamp: stamps.next() })).toEqual({
      kind: 'not-found',
    })
    expect(await store.touch('legacy', 'touched', { ttlMs: 900_000, ifStamp: stamp })).toEqual({
      kind: 'touched',
      stamp,
    })
    const after = await get(store, 'touched')
    expect(after).toMatchObject({ stamp, unique: before.kind === 'hit' ? before.unique : 0n })
    expect(after.kind === 'hit' && after.ttlMs > 800_000).toBe(true)
    expect(await store.touch('legacy', 'nobody', { ttlMs: -1 })).toEqual({ kind: 'not-found' })
  })

  it('a bump gives up all that is there, and what the monolith writes afterwards is served', async () => {
    const store = await open()
    const another = await open()
    await monolith.set('before', 'old', { expires: 0 })
    await put(store, 'ours', 'old')
    expect([await read(store, 'before'), await read(store, 'ours')]).toEqual(['old', 'old'])

    expect(await store.bump('legacy', { stamp: stamps.next() })).toBe('applied')
    await monolith.set('after', 'new', { expires: 0 })

    expect([await read(store, 'before'), await read(store, 'ours'), await read(store, 'after')]).toEqual([
      'invalidated',
      'invalidated',
      'new',
    ])
    expect(await put(store, 'before', 'added', { mode: 'add' })).toBe('stored')
    expect(await read(store, 'before')).toBe('added')
    const found = await get(another, 'after')
    expect(found.kind === 'hit' && stampMs(found.stamp) <= Date.now()).toBe(true)
  })

  it('a floor that another process raised holds, and what is written after it was heard of is served', async () => {
    const store = await open()
    await monolith.set('heard', 'old', { expires: 0 })
    store.raise(stamps.next())

    expect(await read(store, 'heard')).toBe('invalidated')
    await monolith.set('heard', 'new', { expires: 0 })
    expect(await read(store, 'heard')).toBe('new')
  })

  it('counts the writes that the monolith did without us', async () => {
    const store = await open()
    await put(store, 'counted', '1')
    await put(store, 'counted', '2')
    const before = store.bypassed
    for (let i = 0; i < 3; i++) await monolith.set(`around-${i}`, 'x', { expires: 0 })
    await put(store, 'counted', '3')

    expect(store.bypassed - before).toBe(3)
  })

  it('removes the old value where the new one is too large, and remembers no write that failed', async () => {
    const store = await open()
    await put(store, 'large', 'old')
    const stamp = stamps.next()
    const large = await store.put('legacy', 'large', Buffer.alloc(2 ** 21), { stamp, ttlMs: -1 })

    expect(large).toBe('failed')
    expect((await monolith.get('large')).value).toBe(null)
    expect(await put(store, 'large', 'small', { stamp })).toBe('stored')
    await eventually(async () => (await read(store, 'large')) === 'small')
  })
})
