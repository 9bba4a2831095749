import { afterEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { ZoneNodes } from '../../../gateway/cache/zone-nodes.ts'
import { KeptZoneState } from '../../../gateway/store/kept-zone-state.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import type { SharedZoneState } from '../../../gateway/store/shared-zone-state.ts'
import { FileZoneState } from '../../../gateway/store/shared-zone-state-file.ts'
import { RedisZoneState } from '../../../gateway/store/shared-zone-state-redis.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'
import { eventually } from '../../support/eventually.ts'
import { startMemcached, startRedis, type TestServer } from '../../support/servers.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

const deadlineMs = 500
const background = new Background(silentLog)
const ends: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const zoneOf = (servers: readonly TestServer[]) => ({
  name: 'near',
  ring: 'ketama' as const,
  nodes: servers.map(({ address }) => address),
})

async function start(starting: Promise<TestServer>): Promise<TestServer> {
  const server = await starting
  ends.push(async () => {
    await server.process.stop('SIGKILL')
    await server.stop()
  })
  return server
}

/** One process over one zone, alone or with a Redis to tell others by. */
async function open(writer: number, home: TemporaryFolder, servers: readonly TestServer[], redis?: TestServer) {
  const stamps = new StampClock(systemClock, writer)
  const newStamp = () => stamps.next()
  const place = `p${writer}`
  const kept = await KeptZoneState.open({ folder: home.path, place, newStamp, log: silentLog })
  let shared: SharedZoneState = new FileZoneState({ kept, alone: true, newStamp })
  if (redis !== undefined) {
    const parts = { clock: systemClock, log: silentLog, background, newStamp, see: () => undefined }
    const newLife = () => systemRandom.id()
    const state = new RedisZoneState({ ...parts, url: `redis://${redis.address}`, site: 's', place, kept, newLife })
    await state.opened(5_000)
    shared = state
  }
  const store = new MemcachedStore({
    zone: 'near',
    ring: 'ketama',
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    newStamp,
    writeDeadlineMs: deadlineMs,
  })
  const zoned = new ZonedStore({
    zones: [store],
    writeAck: 'all',
    clock: systemClock,
    log: silentLog,
    background,
    newStamp,
    shared,
    readDeadlineMs: deadlineMs,
  })
  ends.push(async () => {
    await zoned.close()
    await shared.close()
  })
  const nodes = new ZoneNodes([store], shared)
  await nodes.open([zoneOf(servers)])
  await zoned.opened(5_000)
  const up = () => eventually(() => zoned.health().every(({ state }) => state !== 'suspect'), { what: 'all nodes up' })
  await up()
  const put = (key: string, value: string) =>
    zoned.put('shop', key, Buffer.from(value), { stamp: newStamp(), ttlMs: 600_000 })
  const read = async (key: string): Promise<string> => {
    const found = await zoned.get('shop', key, { deadlineMs })
    return found.kind === 'hit' ? `${found.value}` : found.because
  }
  return { zoned, nodes, stamps, put, read, up, shared }
}

const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)

describe('the nodes of a zone change while everything goes on', () => {
  it('Store Z6: a node that comes back serves nothing of what it had before it left', async () => {
    const home = await temporaryFolder()
    ends.push(async () => home[Symbol.asyncDispose]())
    const servers = [await start(startMemcached()), await start(startMemcached())]
    const [first] = servers as [TestServer, TestServer]
    const { nodes, zoned, stamps, put, read, up } = await open(1, home, servers)
    for (const key of keys) await put(key, 'old')

    await nodes.change([zoneOf([first])])
    await up()
    for (const key of keys) expect(await zoned.delete('shop', key, { stamp: stamps.next() })).not.toBe('failed')
    await nodes.change([zoneOf(servers)])
    await up()

    for (const key of keys) expect(['absent', 'tombstone']).toContain(await read(key))
    for (const key of keys) expect(await put(key, 'new')).toBe('stored')
    for (const key of keys) expect(await read(key)).toBe('new')
    // The same ones in another order are no change.
    await nodes.change([zoneOf(servers.toReversed())])
    for (const key of keys) expect(await read(key)).toBe('new')
  })

  it('Store Z6: nor does a process that was restarted with other nodes serve what they had', async () => {
    const home = await temporaryFolder()
    ends.push(async () => home[Symbol.asyncDispose]())
    const servers = [await start(startMemcached()), await start(startMemcached())]
    const before = await open(1, home, servers)
    for (const key of keys) await before.put(key, 'old')
    const same = await open(1, home, servers)
    expect(await same.read('key-0')).toBe('old')

    const after = await open(1, home, servers.slice(0, 1))

    for (const key of keys) expect(await after.read(key)).toBe('absent')
  })

  it('Store Z6: while processes ask a zone by different nodes none reads it, and what they wrote meanwhile is given up', async () => {
    const redis = await start(startRedis())
    const homes = [await temporaryFolder(), await temporaryFolder()] as const
    for (const home of homes) ends.push(async () => home[Symbol.asyncDispose]())
    const servers = [await start(startMemcached()), await start(startMemcached())]
    const [first] = servers as [TestServer, TestServer]
    const one = await open(1, homes[0], [first], redis)
    const two = await open(2, homes[1], [first], redis)
    await one.put('k', 'x')
    expect([await one.read('k'), await two.read('k')]).toEqual(['x', 'x'])

    await one.nodes.change([zoneOf(servers)])
    await one.up()
    expect([await one.read('k'), await two.read('k')]).toEqual(['unreadable', 'unreadable'])
    for (const key of keys) await one.put(key, 'by the new nodes')
    for (const key of keys) await two.zoned.delete('shop', key, { stamp: two.stamps.next() })
    await two.nodes.change([zoneOf(servers)])
    await two.up()

    await eventually(async () => (await one.read('nothing')) === 'absent' && (await two.read('nothing')) === 'absent')
    for (const key of keys) {
      expect(['absent', 'tombstone']).toContain(await one.read(key))
      expect(['absent', 'tombstone']).toContain(await two.read(key))
    }
    await one.put('k', 'y')
    expect(await two.read('k')).toBe('y')
  })

  it('Store Z6: a change that other processes cannot be told of is refused whole', async () => {
    const redis = await start(startRedis())
    const home = await temporaryFolder()
    ends.push(async () => home[Symbol.asyncDispose]())
    const servers = [await start(startMemcached()), await start(startMemcached())]
    const { nodes, put, read } = await open(1, home, servers.slice(0, 1), redis)
    await put('k', 'x')
    await redis.process.stop('SIGKILL')

    await expect(nodes.change([zoneOf(servers)])).rejects.toMatchObject({ code: 'cache-zone-state-unshared' })
    expect(await read('k')).toBe('x')
  })
})
