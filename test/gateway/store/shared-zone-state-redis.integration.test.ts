import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { KeptZoneState } from '../../../gateway/store/kept-zone-state.ts'
import { leaseMs, RedisZoneState, type RedisZoneStateOptions } from '../../../gateway/store/shared-zone-state-redis.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let redis: TestServer
let folder: TemporaryFolder
const opened = new Set<RedisZoneState>()
const stamps = new StampClock(systemClock, 1)

beforeEach(async () => {
  redis = await startRedis()
  folder = await temporaryFolder()
})
afterEach(async () => {
  await Promise.all([...opened].map((state) => state.close()))
  opened.clear()
  await redis.process.stop('SIGKILL')
  await redis.stop()
  await folder[Symbol.asyncDispose]()
})

/** One process of the site; each has a home of its own. */
async function processAt(
  place: string,
  { home = place, ...options }: Partial<RedisZoneStateOptions> & { home?: string } = {},
): Promise<RedisZoneState> {
  const kept = await KeptZoneState.open({
    folder: folder.file(home),
    place,
    newStamp: () => stamps.next(),
    log: silentLog,
  })
  const state = new RedisZoneState({
    url: `redis://${redis.address}`,
    site: 'cloud',
    place,
    newLife: () => systemRandom.id(),
    kept,
    newStamp: () => stamps.next(),
    see: () => undefined,
    clock: systemClock,
    log: silentLog,
    background: new Background(silentLog),
    retellMs: 900,
    ...options,
  })
  opened.add(state)
  await state.opened(5_000)
  return state
}

/** As kill -9 would: it says no more, and nothing that it owes is settled. */
async function kill(state: RedisZoneState): Promise<void> {
  opened.delete(state)
  await state.close()
}

const ready = (...states: RedisZoneState[]) =>
  eventually(() => states.every(({ informed }) => informed), { what: 'all processes are informed' })

describe('what the processes of a site know of its zones', () => {
  it('Store Z4: once a zone is announced as owing, no other process reads it, from that very moment until it is settled', async () => {
    const [one, two] = await Promise.all([processAt('one'), processAt('two')])
    await ready(one, two)

    for (let i = 0; i < 20; i++) {
      expect(await one.owes('far')).toBe(true)
      // No waiting: whoever was told that the delete holds may read elsewhere at once.
      expect(two.mayRead('far')).toBe(false)
      expect([two.mayRead('near'), one.mayRead('far')]).toEqual([true, true])
      one.settled('far')
      await eventually(() => two.mayRead('far'))
    }
  })

  it('Store Z4: what a process owed that comes back without its home is given up, at every process', async () => {
    const [one, two] = await Promise.all([processAt('one'), processAt('two')])
    await ready(one, two)
    const before = stamps.next()
    await one.owes('far')
    await kill(one)

    const again = await processAt('one', { home: 'another' })
    expect(again.floor('far')).toBeGreaterThan(before)
    expect(again.floor('near')).toBe(0n)
    again.replayed('one')
    await eventually(() => two.mayRead('far'))
    expect(two.floor('far')).toBe(again.floor('far'))
  })

  it('Store Z4: without Redis nobody can be told, and whoever asks hears so', async () => {
    const one = await processAt('one')
    await ready(one)
    await redis.process.stop('SIGKILL')

    expect(await one.owes('far')).toBe(false)
    expect(await one.raise('far', stamps.next())).toBe(false)
    await expect(one.force('far', 'write-only')).rejects.toMatchObject({ code: 'cache-zone-state-unshared' })
    // It holds here all the same.
    expect(one.mayRead('far')).toBe(false)
  })

  it('Store Z4: an announcement waits for a process that does not answer until that one reads by nothing old any more', async () => {
    await using wire = await startFaultProxy(redis.port)
    const [one, deaf] = await Promise.all([
      processAt('one'),
      processAt('deaf', { url: `redis://127.0.0.1:${wire.port}` }),
    ])
    await ready(one, deaf)
    await wire.set({ kind: 'black-hole' })

    expect(deaf.informed).toBe(true)

    expect(await one.owes('far')).toBe(true)

    // It knows nothing of it, and goes by what it knew no longer.
    expect(deaf.mayRead('far')).toBe(true)
    expect(deaf.informed).toBe(false)
  })

  it('is uninformed while Redis is away, and knows all again when it is back', async () => {
    const [one, two] = await Promise.all([processAt('one'), processAt('two')])
    await ready(one, two)
    await redis.process.freeze()

    await eventually(() => !one.informed, { what: 'the lease of one is over' })
    expect(await one.owes('far')).toBe(false)
    redis.process.signal('SIGCONT')

    await ready(one, two)
    await eventually(() => !two.mayRead('far'), { what: 'two hears of what was owed meanwhile' })
  })

  it('Store Z6: a process that died owes what it owed until its journal was replayed, also by itself', async () => {
    const [one, two] = await Promise.all([processAt('one'), processAt('two')])
    await ready(one, two)
    await one.owes('far')
    await kill(one)
    await pause(leaseMs)
    expect(two.mayRead('far')).toBe(false)

    const again = await processAt('one')
    await ready(again)
    expect([again.mayRead('far'), two.mayRead('far')]).toEqual([false, false])
    again.replayed('one')
    await eventually(() => again.mayRead('far') && two.mayRead('far'))

    await again.owes('far')
    await kill(again)
    two.replayed('one')
    expect(two.mayRead('far')).toBe(true)
    const third = await processAt('three')
    await ready(third)
    await eventually(() => third.mayRead('far'))
  })

  it('Store J6: what a process owed that is not heard of again is given up for a floor of the zone', async () => {
    const one = await processAt('one')
    await ready(one)
    const old = stamps.next()
    await one.owes('far')
    await kill(one)

    const two = await processAt('two', { abandonMs: 500 })
    await ready(two)
    await eventually(() => two.mayRead('far'))

    expect(two.floor('far') > old).toBe(true)
    expect(two.floor('near')).toBe(0n)
  })

  it('keeps a floor over restarts of all processes, with the Redis gone, and tells it to the next Redis', async () => {
    const one = await processAt('one')
    await ready(one)
    const [ofZone, ofSite] = [stamps.next(), stamps.next()]
    expect(await one.raise('far', ofSite)).toBe(true)
    expect(await one.raise('*', ofZone)).toBe(true)
    expect(await one.raise('*', 5n)).toBe(true)
    await kill(one)
    await redis.process.stop('SIGKILL')
    const { port } = redis
    await redis.stop()
    redis = await startRedis([], port)

    const again = await processAt('one')
    expect([again.floor('far'), again.floor('near')]).toEqual([ofSite, ofZone])
    await ready(again)
    const seen: bigint[] = []
    const two = await processAt('two', { see: (stamp) => seen.push(stamp) })
    await ready(two)
    expect([two.floor('far'), two.floor('near')]).toEqual([ofSite, ofZone])
    expect(seen).toContain(ofSite)
  })

  it('Store Z6: an operator forbids a zone, gives it up or lets it be, and every process goes by that', async () => {
    const [one, two] = await Promise.all([processAt('one'), processAt('two')])
    await ready(one, two)

    await one.force('far', 'write-only')
    expect([one.mayRead('far'), two.mayRead('far')]).toEqual([false, false])
    await two.force('far', 'up')
    expect([one.mayRead('far'), two.mayRead('far')]).toEqual([true, true])
    const before = stamps.next()
    await one.force('far', 'cold')
    expect([one.floor('far') > before, two.floor('far') > before]).toEqual([true, true])
    await one.force('far', 'write-only')
    await kill(two)
    const again = await processAt('two')
    expect(again.mayRead('far')).toBe(false)
  })

  it('when Redis has lost its memory nothing in it proves anything, until what was owed stands there again', async () => {
    const [one, two] = await Promise.all([processAt('one'), processAt('two')])
    await ready(one, two)
    await one.owes('far')
    await kill(one)

    await new Promise<void>((resolve, reject) => {
      const client = new Redis(redis.port)
      client
        .flushall()
        .finally(() => client.disconnect())
        .then(() => resolve(), reject)
    })
    await eventually(() => !two.informed, { what: 'two doubts the new life' })
    await ready(two)

    expect(two.mayRead('far')).toBe(false)
    const third = await processAt('three')
    await ready(third)
    expect(third.mayRead('far')).toBe(false)
  })

  it('goes by its own lease, whatever timers do', async () => {
    let aheadMs = 0
    const clock: Clock = { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() + aheadMs }
    const one = await processAt('one', { clock })
    await ready(one)

    aheadMs += leaseMs + 1

    expect(one.informed).toBe(false)
  })
})
