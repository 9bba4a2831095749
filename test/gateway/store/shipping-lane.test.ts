import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CacheOperation } from '../../../gateway/store/cache-operation.ts'
import { ShippingLane } from '../../../gateway/store/shipping-lane.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'

const now = Date.UTC(2026, 0, 1)
const set = (key: string, n: number, bytes = 10, expiresAtMs = 0): CacheOperation => ({
  kind: 'set',
  namespace: 'shop',
  key,
  stamp: makeStamp(now + n, 0, 1),
  value: Buffer.alloc(bytes),
  flags: 0,
  expiresAtMs,
})
const del = (key: string, n: number): CacheOperation => ({
  kind: 'delete',
  namespace: 'shop',
  key,
  stamp: makeStamp(now + n, 0, 1),
})
const purge = (key: string, n: number, softMs?: number): CacheOperation => ({
  kind: 'invalidate',
  namespace: 'shop',
  target: 'tag',
  key,
  stamp: makeStamp(now + n, 0, 1),
  ...(softMs === undefined ? {} : { softMs }),
})
const lane = (operations = 1_000, setBytes = 1_000_000): ShippingLane => new ShippingLane({ operations, setBytes })
const all = (from: ShippingLane, at = now) => from.take(512, 1_000_000, at)
const short = (from: ShippingLane, at = now): string[] =>
  all(from, at).map(({ operation: { kind, key } }) => `${kind} ${key}`)

describe('a shipping lane', () => {
  it('ships in the order of arrival and keeps what is not acknowledged', () => {
    const it = lane()
    for (const key of ['a', 'b', 'c']) it.append(set(key, 1), now)

    const taken = all(it)
    it.acknowledge(taken, taken[1]?.seq ?? 0)

    expect(taken.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(short(it)).toEqual(['set c'])
  })

  it('ships only the newest of several writes of a key', () => {
    const it = lane()
    it.append(set('a', 1), now)
    it.append(set('b', 2), now)
    it.append(del('a', 3), now)
    it.append(set('a', 2), now)

    expect(short(it)).toEqual(['set b', 'delete a'])
  })

  it('does not forget a write that came while an older one of its key was under way', () => {
    const it = lane()
    it.append(set('a', 1), now)
    const taken = all(it)
    it.append(del('a', 2), now)

    it.acknowledge(taken, 1)

    expect(short(it)).toEqual(['delete a'])
  })

  it('closes a batch at its limits, and always ships at least one operation', () => {
    const it = lane()
    it.append(set('large', 1, 500_000), now)
    it.append(set('b', 2), now)

    expect(it.take(512, 1_000, now)).toHaveLength(1)
    expect(it.take(1, 1_000_000, now)).toHaveLength(1)
  })

  it('gives up the oldest values first, and still says that what was there is not true', () => {
    const it = lane(1_000, 100)
    for (const key of ['a', 'b', 'c']) it.append(set(key, 1, 40), now)

    expect(short(it)).toEqual(['delete a', 'set b', 'set c'])
    expect(it).toMatchObject({ droppedSets: 1, setBytes: 80, owed: 0 })
    expect(it.dirty.size).toBe(0)
  })

  it('drops no delete as long as there is a set to drop', () => {
    const it = lane(3)
    for (const key of ['d1', 'd2']) it.append(del(key, 1), now)
    for (const key of ['s1', 's2', 's3']) it.append(set(key, 2), now)

    expect(short(it)).toEqual(['delete d1', 'delete d2', 'set s3'])
    expect(it.dirty.size).toBe(0)
  })

  it('ships invalidations before anything that waits, in one batch by rising seq', () => {
    const it = lane()
    for (const key of ['a', 'b', 'c']) it.append(set(key, 1), now)
    it.append(purge('t', 2), now)

    const taken = it.take(2, 1_000_000, now)

    expect(taken.map(({ operation: { kind, key } }) => `${kind} ${key}`)).toEqual(['set a', 'invalidate t'])
    expect(taken.map(({ seq }) => seq)).toEqual([1, 4])
    expect(it.owed).toBe(1)
    it.acknowledge(taken, 4)
    expect(short(it)).toEqual(['set b', 'set c'])
    expect(it).toMatchObject({ owed: 0, size: 2 })
  })

  it('ships the newest hard and the newest soft invalidation of a tag: both are needed', () => {
    const it = lane()
    for (const [n, softMs] of [[3], [1], [2, 60], [4, 90]] as const) it.append(purge('t', n, softMs), now)

    expect(all(it).map(({ operation }) => operation)).toEqual([purge('t', 3), purge('t', 4, 90)])
  })

  it('never drops an invalidation: too many of one namespace become one of all of it', () => {
    const it = lane(8)
    it.append({ ...purge('other', 1), namespace: 'beside' }, now)
    for (let n = 0; n < 100; n++) {
      it.append(purge(`t${n}`, n, n % 2 === 0 ? 60 : undefined), now + n)
      it.append(set(`k${n}`, n), now + n)
    }

    const waiting = all(it, now + 100).map(({ operation }) => operation)
    const purges = waiting.filter(({ kind }) => kind === 'invalidate')
    expect(purges.length).toBeLessThanOrEqual(4)
    expect(purges).toContainEqual({ ...purge('other', 1), namespace: 'beside' })
    // Whatever was asked for is in what is left: the tag itself, or the namespace with a stamp that is not older.
    const bump = purges.find((each) => each.kind === 'invalidate' && each.target === 'all')
    for (let n = 0; n < 100; n++) {
      const own = purges.some(({ key }) => key === `t${n}`)
      expect(own || (bump !== undefined && bump.stamp >= purge('', n).stamp)).toBe(true)
    }
    expect(it).toMatchObject({ owedSinceMs: now })
    expect(it.dirty.size).toBe(0)
    it.acknowledge(all(it), 1_000)
    expect(it).toMatchObject({ owed: 0, size: 0 })
  })

  it('owes for ever when a delete had to be dropped', () => {
    const it = lane(2)
    for (const key of ['a', 'b', 'c']) it.append(del(key, 1), now)
    expect([...it.dirty]).toEqual(['shop'])

    it.acknowledge(all(it), 100)

    expect(it).toMatchObject({ size: 0, owed: 1 })
  })

  it('owes a delete until the newer set in its place has arrived', () => {
    const it = lane()
    it.append(del('a', 1), now)
    it.append(del('a', 2), now + 25)
    it.append(set('a', 3), now + 50)
    expect(it).toMatchObject({ owed: 1, owedSinceMs: now })

    it.acknowledge(all(it), 100)

    expect(it).toMatchObject({ owed: 0, owedSinceMs: undefined })
  })

  it('ships a set that expired or grew too old on the way as a delete', () => {
    const it = lane()
    it.append(set('expired', 1, 10, now + 1_000), now)
    it.append(set('old', 2), now)

    expect(short(it, now + 999)).toEqual(['set expired', 'set old'])
    expect(short(it, now + 1_000)).toEqual(['delete expired', 'set old'])
    expect(short(it, now + 601_000)).toEqual(['delete expired', 'delete old'])
  })

  it('keeps its limits and its sums under any traffic', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      n: fc.nat({ max: 50 }),
      bytes: fc.nat({ max: 60 }),
      what: fc.constantFrom('set', 'set', 'delete', 'ship'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const it = lane(4, 100)
        for (const { key, n, bytes, what } of steps) {
          if (what === 'ship') {
            const taken = it.take(2, 1_000, now)
            it.acknowledge(taken, taken[0]?.seq ?? 0)
          } else it.append(what === 'set' ? set(key, n, bytes) : del(key, n), now)
          const waiting = all(it)
          const values = waiting.flatMap(({ operation }) => (operation.kind === 'set' ? [operation.value.length] : []))
          expect(it.size).toBeLessThanOrEqual(4)
          expect(it.setBytes).toBe(values.reduce((sum, length) => sum + length, 0))
          expect(it.setBytes).toBeLessThanOrEqual(100)
          expect(it.sets).toBe(values.length)
        }
      }),
    )
  })
})
