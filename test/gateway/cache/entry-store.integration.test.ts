import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { EntryStore } from '../../../gateway/cache/entry-store.ts'
import type { FoundEntry, FoundNone } from '../../../gateway/cache/found.ts'
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

const storeWith = (limitMs: number) =>
  new EntryStore({
    outer: zone,
    inner: zone,
    newStamp,
    site: 'onprem',
    deadlineMs: limitMs,
    clock: systemClock,
    memory: undefined,
  })
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
