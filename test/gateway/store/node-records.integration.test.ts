import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { ItemTags } from '../../../gateway/store/cache-store.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { MetaNode } from '../../../gateway/store/meta-node.ts'
import { NodeRecords } from '../../../gateway/store/node-records.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { namespaceRecordKey, tagRecordKey } from '../../../gateway/store/tag-key.ts'
import { decodeRecord } from '../../../gateway/store/tag-record.ts'
import { eventually } from '../../support/eventually.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'

const parts = { clock: systemClock, random: systemRandom, log: silentLog }
const deadlineMs = 2_000
/** A port on which nothing listens. */
const nobody = 1
let server: TestServer
let raw: MetaNode
const closers: (() => unknown)[] = []
let namespace = ''
let namespaces = 0

beforeAll(async () => {
  server = await startMemcached()
  raw = new MetaNode({ host: '127.0.0.1', port: server.port }, parts)
  await eventually(() => raw.isUp)
})
beforeEach(() => {
  namespace = `ns-${++namespaces}`
})
afterAll(async () => {
  raw.close()
  for (const close of closers) await close()
  await server.stop()
})

/** One gateway process as the zone sees it. */
async function gateway(writer: number, port = server.port, clock: Clock = systemClock) {
  const stamps = new StampClock(clock, writer)
  const store = new MemcachedStore({
    ...parts,
    clock,
    zone: 'real',
    nodes: [{ host: '127.0.0.1', port }],
    ring: 'rendezvous',
    newStamp: () => stamps.next(),
    writeDeadlineMs: deadlineMs,
  })
  closers.push(() => store.close())
  if (port !== nobody) await eventually(() => store.health().every(({ state }) => state === 'up'))
  const put = (key: string, tags: Partial<ItemTags>, stamp = stamps.next()) =>
    store.put(namespace, key, Buffer.from('x'), { stamp, ttlMs: 60_000, tags: { exact: [], scopes: [], ...tags } })
  const read = async (key: string, exact?: string[]): Promise<string> => {
    const named = exact === undefined ? {} : { tags: { exact, scopes: [] } }
    const found = await store.get(namespace, key, { deadlineMs, ...named })
    return found.kind === 'hit' ? 'hit' : found.because
  }
  const purge = (kind: 'tag' | 'scope', name: string, stamp = stamps.next()) =>
    store.invalidate(namespace, kind, name, { stamp })
  return { stamps, store, put, read, purge }
}

/** The node, asked one thing after another, with something done before each. */
function inSteps(before: () => Promise<void>): MetaNode {
  let last: Promise<unknown> = Promise.resolve()
  const step = <T>(ask: () => Promise<T>): Promise<T> => {
    const asked = last.then(before).then(ask)
    last = asked
    return asked
  }
  const node: Pick<MetaNode, 'get' | 'set' | 'isUp' | 'connectedAt' | 'flushes'> = {
    get: (...args) => step(() => raw.get(...args)),
    set: (...args) => step(() => raw.set(...args)),
    isUp: true,
    connectedAt: raw.connectedAt,
    flushes: 0,
  }
  return node as MetaNode
}

const evict = (key: string) => raw.delete(key, undefined, deadlineMs)

describe('a record that was evicted', () => {
  it('makes its items a miss, until the next put makes it again', async () => {
    const { put, read } = await gateway(1)
    await put('k', { exact: ['t'] })
    await evict(tagRecordKey(namespace, 'tag', 't'))

    expect([await read('k'), await read('k', ['t'])]).toEqual(['tag-missing', 'tag-missing'])
    await put('other', { exact: ['t'] })

    expect(await read('other')).toBe('hit')
  })

  it('is made before a fetch, and knows all from then on, whatever is invalidated beside it', async () => {
    const { stamps, store, put, read, purge } = await gateway(1)
    const fetch = async (key: string, foreseen: boolean): Promise<void> => {
      const tags = { exact: [`u:${key}`], scopes: [`p:${key}`] }
      if (foreseen) await store.prepare(namespace, tags)
      const began = stamps.next()
      await purge('tag', 'another')
      await purge('scope', 'another')
      await put(key, tags, began)
    }
    await fetch('foreseen', true)
    await fetch('unforeseen', false)

    expect([await read('foreseen'), await read('unforeseen')]).toEqual(['hit', 'tag-missing'])
    await purge('scope', 'p:foreseen')
    expect(await read('foreseen')).toBe('invalidated')
  })

  it.each(['tag', 'scope'] as const)(
    'does not let in what an invalidation of the %s took before it was lost',
    async (kind) => {
      const { stamps, put, read, purge } = await gateway(1)
      const tags = kind === 'tag' ? { exact: ['t'] } : { scopes: ['t'] }
      await put('early', tags)
      const began = stamps.next()
      expect(await purge(kind, 't')).toBe('applied')
      await evict(tagRecordKey(namespace, kind, 't'))

      await put('late', tags, began)

      expect([await read('early'), await read('late')]).toEqual(['tag-missing', 'tag-missing'])
      await put('next', tags)
      expect([await read('early'), await read('late'), await read('next')]).toEqual([
        'tag-missing',
        'tag-missing',
        'hit',
      ])
    },
  )

  it('lets nothing in when an old invalidation comes once more', async () => {
    const { stamps, put, read, purge } = await gateway(1)
    const old = stamps.next()
    await put('k', { exact: ['t'] })
    await purge('tag', 't')
    await evict(tagRecordKey(namespace, 'tag', 't'))

    await purge('tag', 't', old)

    expect(await read('k')).toBe('tag-missing')
  })

  it.each(['tag', 'scope'] as const)(
    'with an invalidation of a process whose clock is ahead of the one that makes it again keeps that: %s',
    async (kind) => {
      const ahead = await gateway(1, server.port, {
        now: () => systemClock.now() + 400,
        monotonic: systemClock.monotonic,
      })
      const behind = await gateway(2)
      const tags = kind === 'tag' ? { exact: ['t'] } : { scopes: ['t'] }
      for (const { put } of [behind, ahead]) expect(await put('first', tags)).toBe('stored')
      const began = ahead.stamps.next()
      expect(await ahead.purge(kind, 't')).toBe('applied')
      await raw.delete(tagRecordKey(namespace, kind, 't'), undefined, deadlineMs)

      expect(await behind.purge(kind, 't')).toBe('applied')
      await ahead.put('a', tags, began)

      expect([await ahead.read('a'), await behind.read('a')]).not.toContain('hit')
      expect(await ahead.put('a', tags)).toBe('stored')
      expect(await behind.read('a')).toBe('hit')
    },
  )

  it('was that of a bumped namespace: what was fetched before the bump stays out', async () => {
    const { stamps, store, put, read } = await gateway(1)
    await put('k', {})
    const began = stamps.next()
    expect(await store.bump(namespace, { stamp: stamps.next() })).toBe('applied')
    await evict(namespaceRecordKey(namespace))
    expect(await read('k')).toBe('tag-missing')

    expect(await put('late', {}, began)).toBe('older')

    expect([await read('k'), await read('late')]).toEqual(['tag-missing', 'absent'])
    await put('next', {})
    expect(await read('next')).toBe('hit')
  })

  it('is believed anew by a process that joined later, from its own first put on', async () => {
    const [one, two] = [await gateway(1), await gateway(2)]
    await one.put('k', { exact: ['t'] })
    await evict(namespaceRecordKey(namespace))

    await two.put('new', { exact: ['t'] })

    expect([await two.read('k'), await two.read('new')]).toEqual(['tag-missing', 'hit'])
  })

  it.each([0, 1, 2, 3])(
    'lets nothing in that is invalidated while it is made again, and lost again at once: before step %i',
    async (step) => {
      const [one, other] = [await gateway(1), await gateway(2)]
      const key = tagRecordKey(namespace, 'tag', 't')
      await other.put('early', { exact: ['t'] })
      await evict(key)
      const seen: string[] = []
      let steps = 0
      const node = inSteps(async () => {
        if (steps++ === step) {
          await other.purge('tag', 't')
          await evict(key)
        }
        if (steps > step) seen.push(await other.read('early'))
      })
      const records = new NodeRecords(node, { newStamp: () => one.stamps.next(), writeDeadlineMs: deadlineMs })

      await records.make(namespace, 'tag', key, one.stamps.next())
      expect(seen).not.toHaveLength(0)

      expect([...new Set([...seen, await other.read('early')])]).not.toContain('hit')
    },
  )

  it('lets in again what was put after the last invalidation of its namespace', async () => {
    const { put, read, purge } = await gateway(1)
    await put('before', { exact: ['t'] })
    await purge('tag', 'another')
    await put('after', { exact: ['t'] })
    await evict(tagRecordKey(namespace, 'tag', 't'))
    expect(await read('after')).toBe('tag-missing')

    await put('next', { exact: ['t'] })

    expect([await read('before'), await read('after'), await read('next')]).toEqual(['tag-missing', 'hit', 'hit'])
  })

  it('or written over by somebody else, counts as missing and is made again', async () => {
    const { put, read, purge } = await gateway(1)
    await put('k', { exact: ['t'] })
    const key = tagRecordKey(namespace, 'tag', 't')
    await raw.set(key, Buffer.from('not a '), Buffer.from('record'), { ttlSeconds: 0, flags: 0 }, deadlineMs)

    expect(await read('k')).toBe('tag-missing')
    expect(await purge('tag', 't')).toBe('applied')
    await put('next', { exact: ['t'] })
    expect([await read('k'), await read('next')]).toEqual(['invalidated', 'hit'])
  })
})

describe('an invalidation', () => {
  it('is lost by none of many processes that invalidate one tag at once', async () => {
    const processes = await Promise.all([1, 2, 3, 4, 5, 6].map((writer) => gateway(writer)))
    const given: bigint[] = []

    const outcomes = await Promise.all(
      processes.flatMap(({ stamps, purge }) =>
        Array.from({ length: 25 }, () => {
          const stamp = stamps.next()
          given.push(stamp)
          return purge('tag', 't', stamp)
        }),
      ),
    )

    expect(new Set(outcomes)).toEqual(new Set(['applied']))
    const newest = given.toSorted((a, b) => (a < b ? 1 : -1))[0]
    const reply = await raw.get(tagRecordKey(namespace, 'tag', 't'), 'v', deadlineMs)
    const record = reply.code === 'VA' && reply.value !== undefined ? decodeRecord(reply.value) : undefined
    expect(record?.hard).toBe(newest)
  })

  it('that the zone did not confirm is told as failed', async () => {
    const { purge, store, stamps } = await gateway(1, nobody)

    expect([await purge('tag', 't'), await store.bump(namespace, { stamp: stamps.next() })]).toEqual([
      'failed',
      'failed',
    ])
  })

  it('costs as many commands with 10 tagged items as with 10,000', async () => {
    const { put, read, purge, store, stamps } = await gateway(1)
    const costs: number[][] = []
    for (const items of [10, 10_000]) {
      for (let from = 0; from < items; from += 500) {
        const some = Array.from({ length: Math.min(500, items - from) }, (_, i) => `k${from + i}`)
        const outcomes = await Promise.all(some.map((key) => put(key, { exact: ['t'], scopes: ['s'] })))
        expect(new Set(outcomes)).toEqual(new Set(['stored']))
      }
      const cost: number[] = []
      for (const invalidate of [
        () => purge('tag', 't'),
        () => purge('scope', 's'),
        () => store.bump(namespace, { stamp: stamps.next() }),
      ]) {
        const before = await commands()
        expect(await invalidate()).toBe('applied')
        cost.push((await commands()) - before)
      }
      costs.push(cost)
      expect([await read('k0'), await read(`k${items - 1}`)]).toEqual(['invalidated', 'invalidated'])
    }
    expect(costs).toEqual([
      [4, 4, 2],
      [4, 4, 2],
    ])
  }, 30_000)
})

describe('a read', () => {
  it('takes one trip with the tags that were named, two with others, and none more without tags', async () => {
    await using relay = await startRelay(server.port)
    const { store, put } = await gateway(1, relay.port)
    await put('tagged', { exact: ['a', 'b'], scopes: ['s'] })
    await put('plain', {})
    const trips = async (key: string, exact?: string[]): Promise<number> => {
      const before = relay.trips()
      const named = exact === undefined ? {} : { tags: { exact, scopes: [] } }
      expect((await store.get(namespace, key, { deadlineMs, ...named })).kind).toBe('hit')
      return relay.trips() - before
    }

    expect([
      await trips('plain'),
      await trips('tagged', ['a', 'b']),
      await trips('tagged', ['a']),
      await trips('tagged'),
    ]).toEqual([1, 1, 2, 2])
    const before = relay.trips()
    const many = ['plain', 'tagged', 'plain', 'tagged'].map((key) =>
      store.get(namespace, key, { deadlineMs, tags: { exact: ['a', 'b'], scopes: [] } }),
    )
    expect((await Promise.all(many)).map(({ kind }) => kind)).toEqual(['hit', 'hit', 'hit', 'hit'])
    expect(relay.trips() - before).toBe(1)
  })

  it('asks for scopes only after one of the namespace was invalidated', async () => {
    await using relay = await startRelay(server.port)
    const { store, stamps, put } = await gateway(1, relay.port)
    await put('k', { exact: ['a'], scopes: ['s'] })
    const trips = async (): Promise<number> => {
      const before = relay.trips()
      const tags = { exact: ['a'], scopes: ['s'] }
      expect((await store.get(namespace, 'k', { deadlineMs, tags })).kind).toBe('hit')
      return relay.trips() - before
    }

    expect(await trips()).toBe(1)
    await store.invalidate(namespace, 'scope', 'another', { stamp: stamps.next() })
    expect(await trips()).toBe(2)
    await put('k', { exact: ['a'], scopes: ['s'] })
    expect(await trips()).toBe(1)
  })
})

async function commands(): Promise<number> {
  const socket = connect(server.port, '127.0.0.1')
  socket.end('stats\r\nquit\r\n')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  await once(socket, 'close')
  const stat = (name: string): number => Number(new RegExp(`STAT ${name} (\\d+)`).exec(text)?.[1])
  return stat('cmd_get') + stat('cmd_set') + stat('cmd_touch') + stat('delete_hits') + stat('delete_misses')
}

/** Passes bytes on and counts the writes of the client: one a trip. */
async function startRelay(to: number) {
  let trips = 0
  const relay = createServer((client) => {
    const node = connect(to, '127.0.0.1')
    client.setNoDelay(true)
    node.setNoDelay(true)
    client.on('data', (chunk) => {
      trips++
      node.write(chunk)
    })
    node.on('data', (chunk) => client.write(chunk))
    client.on('close', () => node.destroy())
    node.on('close', () => client.destroy())
    for (const each of [client, node]) each.on('error', () => each.destroy())
    closers.push(() => client.destroy())
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return {
    port: (relay.address() as AddressInfo).port,
    trips: () => trips,
    [Symbol.asyncDispose]: async () => {
      relay.close()
    },
  }
}
