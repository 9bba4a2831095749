import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MemcachedStore } from '../../../gateway/store/memcached-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'

const deadlineMs = 2_000
const stamps = new StampClock(systemClock, 1)
const background = new Background(silentLog)
const text = (value: string): Buffer => Buffer.from(value)

let near: TestServer
let far: TestServer
let store: ZonedStore
let farStartedAt = 0

beforeAll(async () => {
  ;[near, far] = await Promise.all([startMemcached(), startMemcached()])
  farStartedAt = Date.now()
  const zone = (name: string, { port }: TestServer): MemcachedStore =>
    new MemcachedStore({
      zone: name,
      ring: 'rendezvous',
      nodes: [{ host: '127.0.0.1', port }],
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      newStamp: () => stamps.next(),
    })
  store = new ZonedStore({
    zones: [zone('near', near), zone('far', far)],
    writeAck: 'quorum',
    clock: systemClock,
    log: silentLog,
    background,
    newStamp: () => stamps.next(),
    // A busy test machine may pause a healthy process for longer than the 10 ms of production.
    readDeadlineMs: 100,
  })
  await allUp()
})
afterAll(async () => {
  await store.close()
  for (const server of [near, far]) {
    await server.process.stop('SIGKILL')
    await server.stop()
  }
})

const allUp = () =>
  eventually(() => store.health().every(({ state }) => state === 'up'), { what: 'both zones up, nothing owed' })
const put = (key: string, value: string) =>
  store.put('shop', key, text(value), { stamp: stamps.next(), ttlMs: 600_000 })
const read = async (key: string): Promise<string> => {
  const found = await store.get('shop', key, { deadlineMs })
  return found.kind === 'hit' ? `${found.value} from ${found.zone}` : found.because
}

describe('a site that opens', () => {
  const openWith = (port: number) => {
    const opening = new StampClock(systemClock, 2)
    const newStamp = () => opening.next()
    const nodes = [{ host: '127.0.0.1', port }]
    const parts = { clock: systemClock, random: systemRandom, log: silentLog, newStamp }
    const zone = new MemcachedStore({ ...parts, zone: 'near', ring: 'rendezvous', nodes, writeDeadlineMs: deadlineMs })
    const zones = [zone]
    return { newStamp, opened: new ZonedStore({ ...parts, zones, writeAck: 'all', background, readDeadlineMs: 1_000 }) }
  }

  it('keeps the very first answer, since it waits until its zones are connected', async () => {
    await using slow = await startFaultProxy(near.port)
    await slow.set({ kind: 'latency', ms: 20 })
    const { opened, newStamp } = openWith(slow.port)

    expect(await opened.opened(10_000)).toBe(true)

    const tags = { exact: ['t'], scopes: [] }
    await opened.put('opening', 'k', text('first'), { stamp: newStamp(), ttlMs: 60_000, tags })
    expect((await opened.get('opening', 'k', { deadlineMs })).kind).toBe('hit')
    await opened.close()
  })

  it('goes on without a zone that is away', async () => {
    const { opened } = openWith(1)

    expect(await opened.opened(20)).toBe(false)

    await opened.close()
  })
})

describe('a site of two memcached zones', () => {
  it('goes on reading and writing while the near zone is frozen, and serves nothing that it missed', async () => {
    for (let i = 0; i < 20; i++) await put(`k${i}`, 'old')

    await near.process.freeze()
    const waits: number[] = []
    for (let i = 0; i < 20; i++) {
      const startedAt = performance.now()
      expect(await read(`k${i}`)).toBe('old from far')
      waits.push(performance.now() - startedAt)
    }
    // The first ones wait out the read deadline; then the breaker is open and nobody waits.
    expect(Math.max(...waits)).toBeLessThan(400)
    expect(Math.max(...waits.slice(10))).toBeLessThan(90)
    for (let i = 0; i < 10; i++) expect(await put(`k${i}`, 'new')).toBe('stored')
    for (let i = 10; i < 20; i++) {
      expect(await store.delete('shop', `k${i}`, { stamp: stamps.next() })).toBe('deleted')
    }
    near.process.signal('SIGCONT')

    const seen = new Set<string>()
    const isSettled = async (): Promise<boolean> => {
      for (let i = 0; i < 10; i++) seen.add(await read(`k${i}`))
      for (let i = 10; i < 20; i++) seen.add(await read(`k${i}`))
      return store.health().every(({ state, owed }) => state === 'up' && owed === 0)
    }
    await eventually(isSettled)
    await isSettled()
    expect([...seen].filter((value) => value.startsWith('old'))).toEqual([])
  })

  it('loses no read when a zone is killed, and fills it again when it comes back empty', async () => {
    await allUp()
    for (let i = 0; i < 20; i++) await put(`kept${i}`, 'x')

    await near.process.stop('SIGKILL')
    for (let i = 0; i < 20; i++) expect(await read(`kept${i}`)).toBe('x from far')
    expect(await put('while away', 'y')).toBe('stored')
    expect(await read('while away')).toBe('y from far')

    // Two zones that started within two seconds count as equally cold, and memcached tells its age in whole seconds.
    await eventually(() => Date.now() - farStartedAt > 3_500, { what: 'the far zone is clearly the older one' })
    const { port } = near
    await near.stop()
    near = await startMemcached([], port)
    await allUp()
    expect(await read('kept0')).toBe('x from far')
    await background.settle(1_000)
    expect(await read('kept0')).toBe('x from near')
  })

  it('serves nothing, and says why, when both are away', async () => {
    await put('k', 'x')
    await Promise.all([near.process.stop('SIGKILL'), far.process.stop('SIGKILL')])

    await eventually(async () => (await read('never written')) === 'refused')
    expect(await put('k', 'y')).toBe('failed')
    expect(await store.delete('shop', 'k', { stamp: stamps.next() })).toBe('failed')
  })
})
