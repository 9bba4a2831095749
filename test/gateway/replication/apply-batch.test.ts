import { afterEach, describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { AppliedMark } from '../../../gateway/journal/applied-mark.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import { applyBatch } from '../../../gateway/replication/apply-batch.ts'
import type { Batch } from '../../../gateway/replication/batch.ts'
import { type CacheOperation, isInvalidation } from '../../../gateway/store/cache-operation.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { makeStamp, StampClock, stampMs } from '../../../gateway/store/stamp.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

function receiver(over: Partial<CacheStore> = {}) {
  const clock = new HeldClock()
  clock.advance(3_600_000)
  const memory = new MemoryStore({ zone: 'here', clock })
  const stampClock = new StampClock(clock, 2)
  const alarms: object[] = []
  const log: Log = { ...silentLog, error: (facts) => alarms.push(facts) }
  const store: CacheStore = {
    prepare: (...args) => memory.prepare(...args),
    get: (namespace, key) => memory.get(namespace, key),
    put: (...args) => memory.put(...args),
    delete: (...args) => memory.delete(...args),
    touch: (...args) => memory.touch(...args),
    invalidate: (...args) => memory.invalidate(...args),
    bump: (...args) => memory.bump(...args),
    health: () => memory.health(),
    close: () => memory.close(),
    ...over,
  }
  const journal = new MemoryJournal({ clock, random: seededRandom(1) })
  const mark = new AppliedMark({ journal, health: () => store.health(), clock })
  closing.push(() => mark.close())
  const apply = (...operations: CacheOperation[]) =>
    applyBatch(batchOf(operations, clock.now()), { store, clock, stampClock, journal, mark, log })
  const read = async (key: string): Promise<string> => {
    const found = await memory.get('shop', key)
    return found.kind === 'hit' ? found.value.toString() : found.because
  }
  const stampAt = (ms: number): bigint => makeStamp(clock.now() + ms, 0, 1)
  return { clock, memory, stampClock, alarms, apply, read, stampAt }
}

/** Seqs from 11 on, in both logs together. */
const batchOf = (operations: readonly CacheOperation[], now: number): Batch => {
  const sequenced = operations.map((operation, i) => ({ seq: 11 + i, operation }))
  const log = (of: typeof sequenced) => ({ after: 10, first: of[0]?.seq ?? 0, count: of.length })
  const invalidations = sequenced.filter(({ operation }) => isInvalidation(operation))
  const values = sequenced.filter(({ operation }) => !isInvalidation(operation))
  return {
    header: {
      v: 2,
      site: 'there',
      place: 'p',
      journal: 'j',
      writer: 1,
      lane: 0,
      head: 10 + operations.length,
      debt: 0,
      waiting: 0,
      now,
      invalidations: log(invalidations),
      values: log(values),
      bumps: [],
    },
    invalidations,
    values,
  }
}
const set = (key: string, stamp: bigint, value = 'x', expiresAtMs = 0): CacheOperation => ({
  kind: 'set',
  namespace: 'shop',
  key,
  stamp,
  value: Buffer.from(value),
  flags: 0,
  expiresAtMs,
})
const del = (key: string, stamp: bigint): CacheOperation => ({ kind: 'delete', namespace: 'shop', key, stamp })

describe('a received batch', () => {
  it('is applied if newer, and changes nothing the second time', async () => {
    const { apply, read, memory, stampAt } = receiver()
    await memory.put('shop', 'newer', Buffer.from('mine'), { stamp: stampAt(0), ttlMs: -1 })
    const operations = [set('a', stampAt(-5)), set('newer', stampAt(-5)), del('b', stampAt(-5))]

    expect(await apply(...operations)).toEqual({
      through: { invalidations: 13, values: 12 },
      applied: 2,
      older: 1,
      expired: 0,
      failed: 0,
    })
    expect(await apply(...operations)).toEqual({
      through: { invalidations: 13, values: 12 },
      applied: 2,
      older: 1,
      expired: 0,
      failed: 0,
    })
    expect([await read('a'), await read('newer'), await read('b')]).toEqual(['x', 'mine', 'tombstone'])
  })

  it('gives no value a longer life than it has left', async () => {
    const { apply, memory, clock, stampAt } = receiver()
    await apply(set('a', stampAt(-5), 'x', clock.now() + 5_000))

    const found = await memory.get('shop', 'a')
    expect(found.kind === 'hit' && found.ttlMs).toBe(5_000)
  })

  it('takes a set that expired on the way, or is older than a tombstone lives, as the end of what was there', async () => {
    const { apply, read, memory, clock, stampAt } = receiver()
    for (const key of ['expired', 'old']) {
      await memory.put('shop', key, Buffer.from('before'), { stamp: stampAt(-900_000), ttlMs: -1 })
    }

    const done = await apply(set('expired', stampAt(-5), 'x', clock.now()), set('old', stampAt(-600_001)))

    expect(done).toMatchObject({ through: { values: 12 }, applied: 0, older: 0, expired: 2, failed: 0 })
    expect([await read('expired'), await read('old')]).toEqual(['tombstone', 'tombstone'])
  })

  it('raises the alarm on skew, and lets no wild clock win for ever', async () => {
    const { apply, read, alarms, memory, stampClock, clock, stampAt } = receiver()
    await apply(set('a', stampAt(499)))
    expect(alarms).toHaveLength(0)

    await apply(set('a', stampAt(600)), set('b', stampAt(61_000)), del('c', stampAt(61_000)))
    expect(alarms).toHaveLength(1)
    expect([await read('b'), await read('c')]).toEqual(['tombstone', 'tombstone'])
    expect(stampMs(stampClock.next()) - clock.now()).toBeLessThan(1_000)
    // One word a minute, not one a batch.
    await apply(set('d', stampAt(600)))
    expect(alarms).toHaveLength(1)
    expect(await memory.put('shop', 'b', Buffer.from('mine'), { stamp: stampClock.next(), ttlMs: -1 })).toBe('stored')
  })

  it('makes a tagged value readable and purgeable here, and purges what is older', async () => {
    const { apply, read, memory, stampAt } = receiver()
    const tags = { exact: ['t'], scopes: ['s'] }
    const tagged = (key: string, stamp: bigint): CacheOperation => {
      const written = set(key, stamp)
      return written.kind === 'set' ? { ...written, tags } : written
    }
    const purge = (target: 'tag' | 'scope' | 'all', stamp: bigint, softMs?: number): CacheOperation => ({
      kind: 'invalidate',
      namespace: 'shop',
      target,
      key: target === 'tag' ? 't' : target === 'scope' ? 's' : '',
      stamp,
      ...(softMs === undefined ? {} : { softMs }),
    })
    await apply(tagged('a', stampAt(-9)))
    expect(await memory.get('shop', 'a')).toMatchObject({ kind: 'hit', tags })

    for (const [at, target] of [
      [-8, 'tag'],
      [-6, 'scope'],
      [-4, 'all'],
    ] as const) {
      expect(await apply(purge(target, stampAt(at)))).toMatchObject({ applied: 1, through: { invalidations: 11 } })
      expect(await read('a')).toBe('invalidated')
      await apply(tagged('a', stampAt(at + 1)))
      expect(await read('a')).toBe('x')
    }
    await apply(purge('tag', stampAt(-1), 60_000), purge('all', stampAt(61_000)))
    expect(await read('a')).toBe('invalidated')
    // By our own clock, not by one that is far ahead.
    const { stamp } = (await memory.get('shop', 'a')) as { stamp: bigint }
    expect(stamp).toBeLessThan(stampAt(1_000))
  })

  it('acknowledges nothing beyond an operation that failed', async () => {
    const away = receiver({
      put: async () => 'failed',
      delete: async (_ns, key) => (key === 'b' ? 'failed' : 'deleted'),
    })

    const done = await away.apply(del('a', away.stampAt(-5)), del('b', away.stampAt(-5)), del('c', away.stampAt(-5)))

    expect(done).toMatchObject({ through: { invalidations: 11 }, failed: 1 })
    const deaf = receiver({ bump: async () => 'failed' })
    const bump = { kind: 'invalidate', namespace: 'shop', target: 'all', key: '', stamp: deaf.stampAt(-5) } as const
    expect(await deaf.apply(bump)).toMatchObject({ through: { invalidations: 10 }, failed: 1 })
  })

  it('deletes where it cannot store, so that no single value stops the lane', async () => {
    const { apply, stampAt, read, memory } = receiver({ put: async () => 'failed' })
    await memory.put('shop', 'a', Buffer.from('before'), { stamp: stampAt(-10), ttlMs: -1 })

    expect(await apply(set('a', stampAt(-5)))).toMatchObject({ through: { values: 11 }, failed: 0 })
    expect(await read('a')).toBe('tombstone')
  })
})
