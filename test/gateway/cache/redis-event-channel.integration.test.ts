import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { type CacheEvent, OwnChannel, outdating } from '../../../gateway/cache/event-channel.ts'
import { MemoryLayer, memoryOutcomes } from '../../../gateway/cache/memory-layer.ts'
import { eventOutcomes, RedisEventChannel } from '../../../gateway/cache/redis-event-channel.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'

let redis: TestServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

let names = 0
function open(port = redis.port, site = 'onprem') {
  const events = createMetrics().counter('tidegate_test_total', 'x', { outcome: eventOutcomes })
  const stamps = new StampClock(systemClock, names)
  const channel = new RedisEventChannel({
    url: `redis://127.0.0.1:${port}`,
    site,
    instance: `process-${names++}`,
    stamps,
    clock: systemClock,
    log: silentLog,
    events,
  })
  const heard: CacheEvent[] = []
  let missed = 0
  channel.listen({ heard: (event) => void heard.push(event), missed: () => void missed++ })
  return { channel, stamps, heard, missed: () => missed, [Symbol.asyncDispose]: () => channel.close() }
}
const live = (...channels: readonly { readonly channel: { readonly live: boolean } }[]) =>
  eventually(() => channels.every(({ channel }) => channel.live), { deadlineMs: 10_000 })
const event = (name: string, stamp = 1n): CacheEvent => ({ kind: 'tag', namespace: 'http-orders', name, stamp })

describe('the channel between processes of a site', () => {
  it('Cache U5: tells every process of the site, the own one at once, and no other site', async () => {
    await using one = open()
    await using two = open()
    await using far = open(redis.port, 'cloud')
    await live(one, two, far)

    const announced = one.channel.announce(event('t:a', 5n))
    expect(one.heard).toEqual([event('t:a', 5n)])
    await announced
    await eventually(() => two.heard.length === 1)

    expect(two.heard).toEqual([event('t:a', 5n)])
    expect(one.heard).toHaveLength(1)
    expect(far.heard).toEqual([])
  })

  it('Cache U5: is not live before the first word, nor while Redis is away, and begins anew with nothing kept', async () => {
    await using proxy = await startFaultProxy(redis.port)
    await using one = open(proxy.port)
    expect(one.channel.live).toBe(false)
    await live(one)
    const before = one.missed()

    await proxy.set({ kind: 'refuse' })
    await eventually(() => !one.channel.live)
    expect(one.missed()).toBeGreaterThan(before)
    await proxy.set({ kind: 'none' })
    await live(one)

    expect(one.missed()).toBeGreaterThan(before + 1)
  })

  it('Cache U5: is not live for long on a wire on which nothing passes', async () => {
    await using proxy = await startFaultProxy(redis.port)
    await using one = open(proxy.port)
    await live(one)
    const before = one.missed()

    await proxy.set({ kind: 'black-hole' })
    await eventually(() => !one.channel.live && one.missed() > before)
    await proxy.set({ kind: 'none' })

    await live(one)
  })

  it('Cache U5: subscribes anew when its subscription has died without a word', async () => {
    await using wires = await startWires(redis.port)
    await using one = open(wires.port)
    await live(one)

    wires.deafen()
    await eventually(() => !one.channel.live)

    await live(one)
  })

  it('notices that a word of another process was lost', async () => {
    await using one = open()
    await using two = open()
    await live(one, two)
    await using raw = await connected()
    const tell = (number: number) => raw.redis.publish('tidegate:{onprem}:cache-events', `[1,"third",${number},0,"1"]`)
    await tell(5)
    await tell(6)
    const before = one.missed()

    await tell(8)

    await eventually(() => one.missed() === before + 1 && two.missed() > 0)
    await tell(9)
    await one.channel.announce(event('t:x'))
    await eventually(() => two.heard.length === 1)
    expect(one.missed()).toBe(before + 1)
  })

  it('takes what it cannot read for a gap', async () => {
    await using one = open()
    await live(one)
    const before = one.missed()
    await using raw = await connected()

    await raw.redis.publish('tidegate:{onprem}:cache-events', '[2,"of a later release"]')

    await eventually(() => one.missed() === before + 1)
  })

  it('answers at once when Redis is away: nobody waits for what cannot be told', async () => {
    await using proxy = await startFaultProxy(redis.port)
    await using one = open(proxy.port)
    await live(one)
    await proxy.set({ kind: 'black-hole' })
    const started = performance.now()

    await one.channel.announce(event('t:a'))

    expect(performance.now() - started).toBeLessThan(1_000)
    expect(one.heard).toHaveLength(1)
  })

  it('keeps the clocks of stamps together, so that a purge by one is newer than what another stored', async () => {
    await using one = open()
    await using two = open()
    await live(one, two)
    const ahead = { now: () => Date.now() + 400, monotonic: () => performance.now() }
    one.stamps.see(new StampClock(ahead, 99).next())
    const stored = one.stamps.next()

    await one.channel.announce(event('t:a'))
    await eventually(() => two.heard.length === 1)

    expect(two.stamps.next()).toBeGreaterThan(stored)
  })
})

describe('a process without a channel', () => {
  it('is live when it is alone, and never where others may be', async () => {
    const heard: CacheEvent[] = []
    const alone = new OwnChannel({ alone: true })
    alone.listen({ heard: (told) => void heard.push(told), missed: () => undefined })

    await alone.announce(event('t:a'))

    expect([alone.live, new OwnChannel({ alone: false }).live]).toEqual([true, false])
    expect(heard).toHaveLength(1)
  })
})

describe('the memory of a process', () => {
  const clock = systemClock
  const kept = () => {
    const outcomes = createMetrics().counter('tidegate_test_total', 'x', { outcome: memoryOutcomes })
    const memory = new MemoryLayer<string>({ limitBytes: 1024 * 1024, clock, live: () => true, outcomes })
    for (let times = 0; times < 2; times++) {
      memory.offer('http-orders', 'k', {
        value: () => 'old',
        bytes: 3,
        stamp: 5n,
        tags: { exact: ['t:a'], scopes: ['r:x'] },
        freshUntilMs: Number.POSITIVE_INFINITY,
        ticket: memory.ticket(),
      })
    }
    expect(memory.get('http-orders', 'k')).toBe('old')
    return { memory, listener: outdating(memory) }
  }

  it.each([
    ['tag', 't:a'],
    ['scope', 'r:x'],
    ['all', ''],
    ['key', 'k'],
  ] as const)('Cache U5: is outdated by an event of a %s', (kind, name) => {
    const { memory, listener } = kept()

    listener.heard({ kind, namespace: 'http-orders', name, stamp: 6n })

    expect(memory.get('http-orders', 'k')).toBeUndefined()
  })

  it('Cache U5: is emptied where an event may have been missed', () => {
    const { memory, listener } = kept()

    listener.missed()

    expect(memory.get('http-orders', 'k')).toBeUndefined()
  })
})

/** A way to Redis on which the subscriptions that there are can be made to hear nothing any more; new ones are well. */
async function startWires(to: number) {
  const subscribed = new Set<Socket>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(to, '127.0.0.1')
    for (const socket of [client, target]) sockets.add(socket.on('error', () => undefined))
    client.on('data', (bytes) => {
      if (/subscribe/i.test(String(bytes))) subscribed.add(target)
      target.write(bytes)
    })
    target.on('data', (bytes) => client.write(bytes))
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    deafen: () => {
      for (const target of subscribed) target.pause()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function connected() {
  const client = new Redis(redis.port, '127.0.0.1')
  return { redis: client, [Symbol.asyncDispose]: async () => void (await client.quit()) }
}
