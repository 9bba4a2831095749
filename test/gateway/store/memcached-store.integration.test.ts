import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { PutOptions } from '../../../gateway/store/cache-store.ts'
import { encodeEnvelope } from '../../../gateway/store/envelope.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { MetaNode } from '../../../gateway/store/meta-node.ts'
import { failures } from '../../../gateway/store/node-connection.ts'
import { nodeKey } from '../../../gateway/store/node-key.ts'
import { makeStamp, StampClock, stampMs } from '../../../gateway/store/stamp.ts'
import type { Reply, StoreNode } from '../../../gateway/store/store-node.ts'
import { namespaceRecordKey } from '../../../gateway/store/tag-key.ts'
import { cacheStoreContract } from '../../contracts/cache-store.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'

const stamps = new StampClock(systemClock, 1)
const parts = { clock: systemClock, random: systemRandom, log: silentLog }
let servers: TestServer[] = []
const opened: MemcachedStore[] = []

beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
})
afterAll(async () => {
  for (const store of opened) await store.close()
  for (const server of servers) await server.stop()
})

interface Other {
  readonly port?: number
  readonly believes?: (stamp: bigint) => boolean
  readonly newStamp?: () => bigint
}

const open = async (ring: 'ketama' | 'rendezvous', count: number, other: Other = {}): Promise<MemcachedStore> => {
  const { port: through, ...more } = other
  const store = new MemcachedStore({
    ...parts,
    newStamp: () => stamps.next(),
    ...more,
    zone: 'real',
    ring,
    nodes: servers.slice(0, count).map(({ port }) => ({ host: '127.0.0.1', port: through ?? port })),
    // A shared machine may pause any process for longer than a real deadline.
    writeDeadlineMs: 1_000,
  })
  opened.push(store)
  await eventually(() => store.health().every(({ state }) => state === 'up'), { what: 'all nodes connected' })
  return store
}

/** Its first swap reaches the node, and the answer is lost; by the next look somebody else has written. */
class LosingNode implements StoreNode {
  readonly #node: MetaNode
  readonly #meanwhile: () => Promise<unknown>
  #isLost = false

  constructor(node: MetaNode, meanwhile: () => Promise<unknown>) {
    this.#node = node
    this.#meanwhile = meanwhile
  }

  async set(...args: Parameters<StoreNode['set']>): Promise<Reply> {
    const reply = await this.#node.set(...args)
    if (this.#isLost || args[2].length === 0) return reply
    this.#isLost = true
    await this.#meanwhile()
    return failures.closed
  }

  get = (...args: Parameters<StoreNode['get']>) => this.#node.get(...args)
  delete = (...args: Parameters<StoreNode['delete']>) => this.#node.delete(...args)
  touch = (...args: Parameters<StoreNode['touch']>) => this.#node.touch(...args)
  close = () => this.#node.close()
  get address() {
    return this.#node.address
  }
  get isUp() {
    return this.#node.isUp
  }
  get opened() {
    return this.#node.opened
  }
  get startedAtMs() {
    return this.#node.startedAtMs
  }
  get connectedAt() {
    return this.#node.connectedAt
  }
  get flushes() {
    return this.#node.flushes
  }
  get itemSizeMax() {
    return this.#node.itemSizeMax
  }
  get tellsCas() {
    return this.#node.tellsCas
  }
  get tellsTtl() {
    return this.#node.tellsTtl
  }
}

const text = (value: string): Buffer => Buffer.from(value)
const shared = new Map<string, Promise<MemcachedStore>>()
cacheStoreContract('a zone of one memcached', { make: () => open('rendezvous', 1) })
cacheStoreContract('a zone of three memcached in a ketama ring', { make: () => open('ketama', 3) })

describe('a zone of real memcached', () => {
  const single = (): Promise<MemcachedStore> => {
    const store = shared.get('one') ?? open('rendezvous', 1)
    shared.set('one', store)
    return store
  }
  const rawNode = async (): Promise<MetaNode> => {
    const node = new MetaNode({ host: '127.0.0.1', port: servers[0]?.port ?? 0 }, parts)
    await eventually(() => node.isUp)
    return node
  }

  it('does not serve what others stored under its keys, and writes over it', async () => {
    const store = await single()
    const node = await rawNode()
    await node.set('shop/foreign', Buffer.from('not an '), Buffer.from('envelope'), { ttlSeconds: 0, flags: 0 }, 1_000)

    expect(await store.get('shop', 'foreign', { deadlineMs: 1_000 })).toEqual({ kind: 'miss', because: 'unreadable' })
    expect(await store.delete('shop', 'foreign', { stamp: stamps.next() })).toBe('not-found')
    expect(await store.get('shop', 'foreign', { deadlineMs: 1_000 })).toMatchObject({
      kind: 'miss',
      because: 'tombstone',
    })
    node.close()
  })

  it('never serves the value of another key under the same hash', async () => {
    const store = await single()
    const node = await rawNode()
    const at = nodeKey('shop', 'a key with spaces')?.text ?? ''
    const head = encodeEnvelope({ kind: 'value', stamp: 1n, flags: 0, originalKey: 'another key' })
    await node.set(at, head, Buffer.from('foreign'), { ttlSeconds: 0, flags: 0 }, 1_000)

    const found = await store.get('shop', 'a key with spaces', { deadlineMs: 1_000 })

    expect(found).toEqual({ kind: 'miss', because: 'unreadable' })
    node.close()
  })

  it.each([
    ['while it looks', 0],
    ['while it writes', 26],
  ])('loses no write to a late read on its connection, %s', async (_, afterMs) => {
    await using proxy = await startFaultProxy(servers[0]?.port ?? 0)
    const store = await open('rendezvous', 1, { port: proxy.port })
    const stamp = stamps.next()
    const key = `late-${afterMs}`
    expect(await store.put('shop', key, Buffer.from('x'), { stamp, ttlMs: -1 })).toBe('stored')
    await proxy.set({ kind: 'latency', ms: 20 })

    const deleting = store.delete('shop', key, { stamp: stamps.next() })
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    const late = await store.get('shop', key, { deadlineMs: 1 })

    expect(late).toMatchObject({ kind: 'miss', because: 'timeout' })
    expect(await deleting).toBe('deleted')
  })

  it('Store M7, S6: says neither yes nor no of a conditional write that was lost and then written over', async () => {
    const other = await single()
    const later = { stamp: stamps.next() + (1n << 40n), ttlMs: -1 }
    const store = new MemcachedStore({
      ...parts,
      zone: 'real',
      ring: 'rendezvous',
      nodes: [{ host: '127.0.0.1', port: servers[0]?.port ?? 0 }],
      newStamp: () => stamps.next(),
      writeDeadlineMs: 1_000,
      openNode: (address) =>
        new LosingNode(new MetaNode(address, parts), () => other.put('shop', 'lost', text('b'), later)),
    })
    opened.push(store)
    await store.opened()

    const add = { stamp: stamps.next(), ttlMs: -1, mode: 'add' } as const
    expect(await store.put('shop', 'lost', text('a'), add)).toBe('failed')
    expect(await other.get('shop', 'lost', { deadlineMs: 1_000 })).toMatchObject({ stamp: later.stamp })
  })

  it('Store S8: believes no late write of a site whose clock is ahead, after the records of its namespace were lost', async () => {
    const [put, bumped] = [makeStamp(Date.now() + 20_000, 0, 9), makeStamp(Date.now() + 20_000, 1, 9)]
    const clock = new StampClock(systemClock, 2)
    // It heard of the bump, and the node that had its record has started anew since.
    clock.see(bumped)
    const store = await open('rendezvous', 1, { newStamp: () => clock.next() })

    expect(await store.put('ahead', 'late', text('x'), { stamp: put, ttlMs: -1 })).toBe('older')
    expect((await store.get('ahead', 'late', { deadlineMs: 1_000 })).kind).toBe('miss')
    expect(await store.put('ahead', 'late', text('y'), { stamp: clock.next(), ttlMs: -1 })).toBe('stored')
  })

  it('tells of earlier reads to who asks', async () => {
    const store = await single()
    await store.put('shop', 'read', text('x'), { stamp: stamps.next(), ttlMs: -1 })
    const get = (access: boolean) => store.get('shop', 'read', { deadlineMs: 1_000, access })

    expect(await get(true)).toMatchObject({ access: { readBefore: false, idleS: expect.any(Number) } })
    expect(await get(true)).toMatchObject({ access: { readBefore: true } })
    expect(await get(false)).not.toHaveProperty('access')
  })

  it('keeps the moment of an end exactly, and a touch moves it', async () => {
    const store = await single()
    const expiresAtMs = Date.now() + 60_000.5
    const put = { stamp: stamps.next(), ttlMs: 60_000, expiresAtMs: Math.ceil(expiresAtMs) }
    await store.put('shop', 'exact', text('x'), put)

    expect(await store.get('shop', 'exact', { deadlineMs: 1_000 })).toMatchObject({ expiresAtMs: put.expiresAtMs })
    const node = await rawNode()
    await node.touch('shop/exact', 300, 1_000)
    node.close()
    const byOthers = await store.get('shop', 'exact', { deadlineMs: 1_000 })
    expect(byOthers.kind === 'hit' && byOthers.ttlMs > 290_000).toBe(true)
    await store.touch('shop', 'exact', { ttlMs: 600_000 })
    const found = await store.get('shop', 'exact', { deadlineMs: 1_000 })
    expect(found.kind === 'hit' && (found.expiresAtMs ?? 0) > Date.now() + 590_000).toBe(true)
  })

  it('takes other nodes: what lay on one that is gone is a miss, and what stays is served', async () => {
    const store = await open('ketama', 2)
    const keys = Array.from({ length: 40 }, (_, i) => `moved-${i}`)
    const tags = { exact: ['a', 'b', 'c', 'd', 'e'], scopes: [] }
    for (const key of keys) await store.put('pool', key, text(key), { stamp: stamps.next(), ttlMs: -1 })
    await store.put('pool', 'tagged', text('x'), { stamp: stamps.next(), ttlMs: -1, tags })
    const [kept, gone, fresh] = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    const lay = new Map(keys.map((key) => [key, store.nodeOf('pool', key)]))

    store.changeNodes([kept, fresh].map((node) => node ?? { host: '', port: 0 }))
    await store.opened()

    for (const key of keys) {
      const found = await store.get('pool', key, { deadlineMs: 1_000 })
      const stays = store.nodeOf('pool', key) === lay.get(key)
      if (lay.get(key) === `127.0.0.1:${gone?.port}`) expect(found.kind).toBe('miss')
      else expect(found.kind).toBe(stays ? 'hit' : 'miss')
      const again = await store.put('pool', key, text('new'), { stamp: stamps.next(), ttlMs: -1, tags })
      expect(again).toBe('stored')
      expect(await store.get('pool', key, { deadlineMs: 1_000 })).toMatchObject({ kind: 'hit', tags })
    }
  })

  it('neither serves nor obeys what a clock far ahead has left there', async () => {
    const now = Date.now()
    const store = await open('rendezvous', 1, { believes: (stamp) => stampMs(stamp) < now + 60_000 })
    const ahead = { stamp: makeStamp(now + 3_600_000, 0, 9), ttlMs: -1 }
    await (await single()).put('shop', 'ahead', Buffer.from('x'), ahead)

    expect(await store.get('shop', 'ahead', { deadlineMs: 1_000 })).toEqual({ kind: 'miss', because: 'unreadable' })
    await store.delete('shop', 'ahead', { stamp: stamps.next() })
    expect(await (await single()).get('shop', 'ahead', { deadlineMs: 1_000 })).toMatchObject({ because: 'tombstone' })
  })

  it('removes, and does not remember, what was deleted so long ago that no set can be late', async () => {
    const store = await single()
    const node = await rawNode()
    const old = Date.now() - 16 * 60_000
    const head = encodeEnvelope({ kind: 'tombstone', stamp: makeStamp(old, 0, 1), flags: 0 })
    await node.set('shop/ancient', head, Buffer.alloc(0), { ttlSeconds: 0, flags: 1 }, 1_000)

    expect(await store.delete('shop', 'ancient', { stamp: makeStamp(old, 1, 1) })).toBe('not-found')
    expect(await store.get('shop', 'ancient', { deadlineMs: 1_000 })).toEqual({ kind: 'miss', because: 'absent' })
    node.close()
  })

  it('ends in the newest state when a hundred writers write at once', async () => {
    const store = await single()
    const written = Array.from({ length: 100 }, (_, i) => ({ stamp: stamps.next(), value: Buffer.from(`${i}`) }))

    const outcomes = await Promise.all(
      written.map(({ stamp, value }) => store.put('shop', 'hot', value, { stamp, ttlMs: -1 })),
    )

    // Those that lost four times in a row have deleted the key instead; what is served is never an old value.
    const found = await store.get('shop', 'hot', { deadlineMs: 1_000 })
    if (found.kind === 'hit') expect(found.value.toString()).toBe('99')
    else expect(outcomes).toContain('failed')
  })

  describe('a put of what was just not there', () => {
    const value = Buffer.from('x')
    const readDeadline = { deadlineMs: 1_000 }
    const put = async (store: MemcachedStore, key: string, other: Partial<PutOptions> = {}) =>
      store.put('unseen', key, value, { stamp: stamps.next(), ttlMs: -1, ...other })
    /** Reads that the node has answered. */
    const readsOf = async (act: () => Promise<unknown>): Promise<number> => {
      const before = await statOf(servers[0]?.port ?? 0, 'cmd_get')
      await act()
      return (await statOf(servers[0]?.port ?? 0, 'cmd_get')) - before
    }

    it('is not looked for again', async () => {
      const store = await single()
      // Before its namespace has a record that vouches for it, it is put like any other.
      expect(await put(store, 'first', { unseen: true })).toBe('stored')
      expect(await store.get('unseen', 'first', readDeadline)).toMatchObject({ kind: 'hit' })

      expect(await readsOf(() => put(store, 'plain'))).toBe(2)
      expect(await readsOf(() => put(store, 'hinted', { unseen: true }))).toBe(1)
      expect(await store.get('unseen', 'hinted', readDeadline)).toMatchObject({ kind: 'hit', value })
    })

    it('loses to what came meanwhile as any other does, and takes the place of what is older', async () => {
      const store = await single()
      const older = stamps.next()
      await put(store, 'older')
      const stamp = stamps.next()
      for (const key of ['newer', 'deleted']) await put(store, key)
      await store.delete('unseen', 'deleted', { stamp: stamps.next() })

      expect(await put(store, 'older', { unseen: true })).toBe('stored')
      expect(await put(store, 'newer', { unseen: true, stamp })).toBe('older')
      expect(await put(store, 'deleted', { unseen: true, stamp })).toBe('older')
      expect(await store.get('unseen', 'deleted', readDeadline)).toMatchObject({ because: 'tombstone' })
      expect((await store.get('unseen', 'older', readDeadline)).stamp).toBeGreaterThan(older)
    })

    it('comes too late after a bump of its namespace, and where the record of that is lost', async () => {
      const store = await single()
      const node = await rawNode()
      const stamp = stamps.next()
      await store.bump('unseen', { stamp: stamps.next() })
      expect(await put(store, 'bumped', { unseen: true, stamp })).toBe('older')
      expect(await store.get('unseen', 'bumped', readDeadline)).toMatchObject({ because: 'invalidated' })

      await node.delete(namespaceRecordKey('unseen'), undefined, 1_000)
      expect(await put(store, 'unvouched', { unseen: true })).toBe('older')
      expect(await store.get('unseen', 'unvouched', readDeadline)).toMatchObject({ because: 'tag-missing' })
      expect(await put(store, 'next', { unseen: true })).toBe('stored')
      node.close()
    })
  })
})

function statOf(port: number, name: string): Promise<number> {
  const told = Promise.withResolvers<number>()
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
    if (!text.includes('END')) return
    told.resolve(Number(new RegExp(`STAT ${name} (\\d+)`).exec(text)?.[1]))
    socket.destroy()
  })
  socket.on('error', told.reject)
  socket.write('stats\r\n')
  return told.promise
}
