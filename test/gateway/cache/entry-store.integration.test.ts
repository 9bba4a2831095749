import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { EntryStore } from '../../../gateway/cache/entry-store.ts'
import type { FoundEntry, FoundNone, Kept, Lookup } from '../../../gateway/cache/found.ts'
import { valueLimitBytes } from '../../../gateway/store/cache-store.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually, within } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'
import { entryOf } from './entries.ts'
import { bodyOf, byLanguage, english, german, lookupFor, namespace } from './entry-stores.ts'

const stamps = new StampClock(systemClock, 1)
const newStamp = () => stamps.next()
/** A shared machine may pause any process for longer than a real deadline. */
const deadlineMs = 2_000
let server: TestServer
let proxy: FaultProxy
let zone: MemcachedStore

beforeAll(async () => {
  server = await startMemcached()
  proxy = await startFaultProxy(server.port)
  zone = new MemcachedStore({
    zone: 'real',
    ring: 'rendezvous',
    nodes: [{ host: '127.0.0.1', port: proxy.port }],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    newStamp,
    writeDeadlineMs: deadlineMs,
  })
  await eventually(() => zone.health().every(({ state }) => state === 'up'), { what: 'the node connected' })
})
afterAll(async () => {
  await zone.close()
  await proxy.close()
  await server.stop()
})

const storeWith = (limitMs: number, outer = zone) =>
  new EntryStore({
    outer,
    inner: outer,
    newStamp,
    site: 'onprem',
    deadlineMs: limitMs,
    clock: systemClock,
    memory: undefined,
  })
/** Another gateway of the site. */
async function anotherProcess(writer: number) {
  const own = new StampClock(systemClock, writer)
  const newStamp = () => own.next()
  const nodes = [{ host: '127.0.0.1', port: server.port }]
  const store = new MemcachedStore({
    zone: 'real',
    ring: 'rendezvous',
    nodes,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    newStamp,
    writeDeadlineMs: deadlineMs,
  })
  await store.opened()
  /** So many URLs a second, each another one, until the end is asked for; resolves with how many it were. */
  const invalidates = (aSecond: number) => {
    const startedAt = performance.now()
    const outcomes: Promise<string>[] = []
    const timer = setInterval(() => {
      while (outcomes.length < ((performance.now() - startedAt) * aSecond) / 1_000)
        outcomes.push(store.invalidate(namespace, 'tag', `u:other-${outcomes.length}`, { stamp: newStamp() }))
    }, 1)
    return async () => {
      clearInterval(timer)
      return (await Promise.all(outcomes)).filter((outcome) => outcome === 'applied').length
    }
  }
  return { store, newStamp, invalidates, [Symbol.asyncDispose]: () => store.close() }
}

const fresh = (facts: Parameters<typeof entryOf>[0] = {}) => entryOf(facts, {}, systemClock.now())

describe('stored answers in a real memcached', () => {
  it('Cache S8: come back byte for byte, of any length that is taken', async () => {
    const answers = storeWith(deadlineMs)
    const headers = ['Set-Cookie', 'a', 'X-Odd', '\x80\xe9\xff', 'Set-Cookie', 'b', 'X-Empty', '']
    for (const length of [0, 1, 5_000, 900_000]) {
      const lookup = lookupFor({}, {}, { target: `/v1/orders/bytes-${length}` })
      const body = Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 256))
      const fetched = { entry: fresh({ headers }), body, stamp: newStamp() }

      expect(await answers.keep(lookup, await answers.look(lookup), fetched)).toBe('stored')
      const found = (await answers.look(lookup)) as FoundEntry

      expect(found.entry).toEqual(fetched.entry)
      expect(found.body.equals(body)).toBe(true)
      expect(found).toMatchObject({ stamp: fetched.stamp, zone: 'real' })
    }
  })

  it('Cache S8: are refused beforehand where their tags leave no room for them, and never by the node', async () => {
    const answers = storeWith(deadlineMs)
    const lookup = lookupFor({}, {}, { target: '/v1/orders/edge' })
    const tags = Array.from({ length: 50 }, (_, at) => `t:${at}-${'x'.repeat(190)}`)
    const keep = async (length: number): Promise<Kept> =>
      answers.keep(lookup, await answers.look(lookup), {
        entry: fresh({ tags }),
        body: Buffer.alloc(length),
        stamp: newStamp(),
      })
    // From what is certainly taken to what certainly is not.
    let [taken, refused] = [1_000_000, valueLimitBytes]
    while (refused - taken > 1) {
      const length = (taken + refused) >> 1
      const kept = await keep(length)
      expect(['stored', 'too-large']).toContain(kept)
      if (kept === 'stored') taken = length
      else refused = length
    }
    expect(await keep(taken)).toBe('stored')
    expect(taken).toBeGreaterThan(valueLimitBytes - 25_000)
  })

  it('Cache V4: are each found by the requests that they fit, and all are gone with one purge', async () => {
    const answers = storeWith(deadlineMs)
    const asking = (fields: Record<string, string>) => lookupFor(fields, {}, { target: '/v1/orders/varied' })
    for (const [fields, text] of [
      [german, 'Hallo'],
      [english, 'Hello'],
    ] as const) {
      const entry = fresh({ ...byLanguage, tags: ['t:greeting'] })
      const lookup = asking(fields)
      await answers.keep(lookup, await answers.look(lookup), { entry, body: Buffer.from(text), stamp: newStamp() })
    }
    expect(bodyOf(await answers.look(asking(german)))).toBe('Hallo')
    expect(bodyOf(await answers.look(asking(english)))).toBe('Hello')

    expect(await zone.invalidate(namespace, 'tag', 't:greeting', { stamp: newStamp() })).toBe('applied')

    for (const fields of [german, english]) {
      const none = (await answers.look(asking(fields))) as FoundNone
      expect(none).toMatchObject({ kind: 'none', because: 'vary-miss', variants: [] })
    }
  })

  it('Cache N2: are gone with a tag that the request told, a scope, and their namespace', async () => {
    const answers = storeWith(deadlineMs)
    const lookup = lookupFor({}, {}, { target: '/v1/orders/purged' })
    const ways = [
      () => zone.invalidate(namespace, 'tag', 't:order:purged', { stamp: newStamp() }),
      () => zone.invalidate(namespace, 'scope', 'p:api.example.com/v1/orders', { stamp: newStamp() }),
      () => zone.bump(namespace, { stamp: newStamp() }),
    ]
    for (const purge of ways) {
      await answers.keep(lookup, await answers.look(lookup), {
        entry: fresh(),
        body: Buffer.from('x'),
        stamp: newStamp(),
      })
      expect(bodyOf(await answers.look(lookup))).toBe('x')

      expect(await purge()).toBe('applied')

      expect(await answers.look(lookup)).toMatchObject({ kind: 'none', because: 'uri-miss', detail: 'invalidated' })
    }
  })

  it('Cache N2: are found by a request with other tags, and gone with their own', async () => {
    const answers = storeWith(deadlineMs)
    const lookup = lookupFor({}, {}, { target: '/v1/orders/shared' })
    const other = { ...lookup, tags: { exact: ['t:never-made'], scopes: ['r:never-made'] } }
    await answers.keep(lookup, await answers.look(lookup), {
      entry: fresh(),
      body: Buffer.from('x'),
      stamp: newStamp(),
    })
    expect(bodyOf(await answers.look(other))).toBe('x')

    await zone.invalidate(namespace, 'tag', 't:order:shared', { stamp: newStamp() })

    expect(bodyOf(await answers.look(other))).toBe('uri-miss')
  })

  it('Cache S4: are kept while others of their service are invalidated all the time', async () => {
    await using near = await anotherProcess(3)
    await using elsewhere = await anotherProcess(2)
    const answers = storeWith(deadlineMs, near.store)
    const { newStamp } = near
    const ended = elsewhere.invalidates(500)
    // A service that takes its time, so that many invalidations come during each fetch.
    const fetched = async (target: string, foreseen: boolean): Promise<Lookup> => {
      const lookup = lookupFor({}, {}, { target })
      const found = await answers.look(lookup)
      if (foreseen) void answers.prepare(lookup)
      const stamp = newStamp()
      await setTimeout(10)
      await answers.keep(lookup, found, { entry: fresh(), body: Buffer.from(target), stamp })
      return lookup
    }
    const hits = async (name: string, foreseen: boolean): Promise<number> => {
      const lookups: Lookup[] = []
      for (let from = 0; from < 200; from += 5) {
        const some = Array.from({ length: 5 }, (_, at) => fetched(`/v1/orders/${name}-${from + at}`, foreseen))
        lookups.push(...(await Promise.all(some)))
      }
      const found = await Promise.all(lookups.map((lookup) => answers.look(lookup)))
      return found.filter(({ kind }) => kind === 'entry').length
    }

    const [foreseen, unforeseen] = [await hits('foreseen', true), await hits('unforeseen', false)]

    expect(await ended()).toBeGreaterThan(100)
    expect(foreseen).toBeGreaterThanOrEqual(190)
    expect(unforeseen).toBeLessThan(20)
  })

  it('Cache X1: of a node that says nothing are a miss within the deadline, and found again when it speaks', async () => {
    const answers = storeWith(deadlineMs)
    const lookup = lookupFor({}, {}, { target: '/v1/orders/silent' })
    await answers.keep(lookup, await answers.look(lookup), {
      entry: fresh(),
      body: Buffer.from('x'),
      stamp: newStamp(),
    })
    await proxy.set({ kind: 'black-hole' })

    const missed = await within(5_000, 'a miss', storeWith(50).look(lookup))

    expect(missed).toMatchObject({ kind: 'none', because: 'failed' })
    await proxy.set({ kind: 'none' })
    await eventually(async () => bodyOf(await answers.look(lookup)) === 'x', { what: 'the answer again' })
  })
})
