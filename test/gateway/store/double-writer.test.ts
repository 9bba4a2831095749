import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import { makeStamp, StampClock } from '../../../gateway/store/stamp.ts'
import { cacheStoreContract } from '../../contracts/cache-store.ts'
import { eventually, within } from '../../support/eventually.ts'
import { sendingSide, TestPeer } from '../replication/sides.ts'

const clock = systemClock
const text = (value: string): Buffer => Buffer.from(value)

function site(options: Parameters<typeof sendingSide>[1] = {}) {
  const peer = new TestPeer()
  const there = peer.side.read
  return { peer, there, ...sendingSide(peer, options) }
}

cacheStoreContract('the double writer', {
  make: () => site().store,
})

describe('a double-written cache', () => {
  it('has at the other site what was written here, byte for byte, and with the same stamp', async () => {
    const { peer, stamps, store } = site()
    const stamp = stamps.next()
    const value = Buffer.from([0, 255, 13, 10])

    await store.put('shop', 'k', value, { stamp, ttlMs: 60_000, flags: 9, contentType: 'a/b' })

    expect(await store.drained(2_000)).toBe(true)
    const found = await peer.side.store.get('shop', 'k', { deadlineMs: 1_000 })
    expect(found).toMatchObject({ kind: 'hit', stamp, flags: 9, contentType: 'a/b' })
    expect(found.kind === 'hit' && found.value.equals(value) && found.ttlMs <= 60_000).toBe(true)
  })

  it('writes over a delete of a clock ahead of ours, once it was seen', async () => {
    const { stamps, inner, store, put } = site()
    await inner.delete('shop', 'k', { stamp: makeStamp(clock.now() + 5_000, 0, 9) })
    expect(await put('k', 'x')).toBe('older')

    await store.get('shop', 'k', { deadlineMs: 1_000 })

    expect(await store.put('shop', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1 })).toBe('stored')
  })

  it('purges at the other site what it purges here, with the same stamp, and owes it until it is there', async () => {
    const { peer, stamps, store, there } = site()
    const tags = { exact: ['t'], scopes: ['s'] }
    const fill = async (): Promise<void> => {
      await store.put('shop', 'k', text('x'), { stamp: stamps.next(), ttlMs: 60_000, tags })
      expect(await store.drained(2_000)).toBe(true)
      expect(await there('k')).toBe('x')
    }
    const purges = [
      () => store.invalidate('shop', 'tag', 't', { stamp: stamps.next() }),
      () => store.invalidate('shop', 'scope', 's', { stamp: stamps.next() }),
      () => store.bump('shop', { stamp: stamps.next() }),
    ]

    for (const purge of purges) {
      await fill()
      peer.state = 'away'
      expect(await purge()).toBe('applied')
      expect(await there('k')).toBe('x')
      expect(store.debt()).toMatchObject({ deletes: 1, sets: 0 })
      peer.state = 'up'
      expect(await store.drained(5_000)).toBe(true)
      expect(await there('k')).toBe('invalidated')
      expect(store.debt().deletes).toBe(0)
    }
    await fill()
    await store.invalidate('shop', 'tag', 't', { stamp: stamps.next(), softMs: 30_000.5 })
    expect(await store.drained(2_000)).toBe(true)
    expect(await peer.side.store.get('shop', 'k', { deadlineMs: 1_000 })).toMatchObject({
      kind: 'hit',
      soft: { forMs: 30_001 },
    })
  })

  it('ships a purge that failed here all the same, and nothing that is no purge', async () => {
    const { inner, stamps, store } = site()
    await inner.close()

    expect(await store.invalidate('shop', 'tag', 't', { stamp: stamps.next() })).toBe('failed')
    expect(store.debt().deletes).toBe(1)
    await store.invalidate('shop', 'tag', '', { stamp: stamps.next() })
    await store.bump('No', { stamp: stamps.next() })
    await store.bump('shop', { stamp: stamps.next(), softMs: Number.NaN })
    expect(store.debt().deletes).toBe(1)
  })

  it.each([
    [undefined, 5_000],
    // Beyond half a second it is taken for a value that says itself when it gets stale.
    [60_000, 400],
  ])('fetches anew what a clock ahead of ours has purged (soft: %s ms), once it was read', async (softMs, aheadMs) => {
    const { stamps, inner, store } = site()
    const tags = { exact: ['t'], scopes: [] }
    await store.put('shop', 'k', text('old'), { stamp: stamps.next(), ttlMs: -1, tags })
    const how = softMs === undefined ? {} : { softMs }
    await inner.invalidate('shop', 'tag', 't', { stamp: makeStamp(clock.now() + aheadMs, 7, 9), ...how })

    await store.get('shop', 'k', { deadlineMs: 1_000 })
    await store.put('shop', 'k', text('new'), { stamp: stamps.next(), ttlMs: -1, tags })

    const found = await store.get('shop', 'k', { deadlineMs: 1_000 })
    expect(found).toMatchObject({ kind: 'hit' })
    expect(found).not.toHaveProperty('soft')
  })

  it('ships the bytes as they were when they were written', async () => {
    const { peer, stamps, store, there } = site()
    peer.state = 'away'
    const larger = Buffer.alloc(1_000, 'a')
    await store.put('shop', 'k', larger.subarray(0, 5), { stamp: stamps.next(), ttlMs: -1 })

    larger.fill('b')
    peer.state = 'up'

    expect(await store.drained(2_000)).toBe(true)
    expect(await there('k')).toBe('aaaaa')
  })

  it('owes a delete until it is applied there', async () => {
    const { peer, store, put, del, there } = site()
    await put('k', 'x')
    await store.drained(2_000)
    peer.state = 'away'

    expect(await del('k')).toBe('deleted')
    expect(store.debt()).toMatchObject({ deletes: 1, dirty: [] })
    await eventually(() => store.debt().oldestAgeMs > 20)
    expect(await there('k')).toBe('x')

    peer.state = 'up'
    expect(await store.drained(5_000)).toBe(true)
    expect(await there('k')).toBe('tombstone')
    expect(store.debt()).toMatchObject({ deletes: 0, sets: 0, oldestAgeMs: 0 })
  })

  it('never lets a write wait for the other site', async () => {
    for (const state of ['away', 'silent'] as const) {
      const { peer, store, put, del } = site()
      peer.state = state
      for (let i = 0; i < 200; i++) {
        await within(50, `write ${i}`, put(`k${i}`, 'x'))
        await within(50, `delete ${i}`, del(`k${i}`))
      }
      expect(store.debt().deletes).toBe(200)
      await store.close()
    }
  })

  it('is right after lost acknowledgements: what came twice did nothing twice', async () => {
    const { peer, store, put, del, there } = site()
    peer.state = 'forgets to answer'
    await put('a', '1')
    await del('b')
    await eventually(() => peer.batches.length >= 2)
    await put('a', '2')
    peer.state = 'up'

    expect(await store.drained(5_000)).toBe(true)
    expect(await there('a')).toBe('2')
    expect(await there('b')).toBe('tombstone')
  })

  it('sends one batch of a lane at a time, and small batches', async () => {
    const { peer, store, put } = site()
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => put(`k${i}`, 'x'.repeat(100))))

    expect(await store.drained(5_000)).toBe(true)
    expect(peer.mostUnderWay).toBe(1)
    expect(Math.max(...peer.batches.map(({ values }) => values.length))).toBeLessThanOrEqual(512)
    expect(peer.batches.every(({ values, header }) => values[0]?.seq === header.values.first)).toBe(true)
  })

  it('ships an invalidation for a write that failed here', async () => {
    const { peer, inner, put, there, store } = site()
    await put('k', 'old')
    await store.drained(2_000)
    await inner.close()

    expect(await put('k', 'new')).toBe('failed')
    await eventually(async () => (await there('k')) === 'tombstone')
    expect(peer.batches.length).toBeGreaterThan(0)
  })

  it('ships nothing of a conditional write that changed nothing', async () => {
    const { stamps, store, put, shipper, peer } = site()
    const old = stamps.next()
    await put('k', 'x')
    await store.drained(2_000)
    const before = peer.batches.length

    await store.put('shop', 'k', text('y'), { stamp: stamps.next(), ttlMs: -1, mode: 'add' })
    await store.delete('shop', 'k', { stamp: stamps.next(), ifStamp: old })
    await store.delete('shop', 'nothing', { stamp: stamps.next(), ifStamp: old })

    expect(shipper.lag().waiting).toBe(0)
    expect(peer.batches).toHaveLength(before)
  })

  it('ships only the namespaces that it is told to', async () => {
    const { peer, stamps, store } = site({ namespaces: ['shop-*', 'users'] })
    peer.state = 'away'
    for (const namespace of ['shop-a', 'users', 'shop', 'user']) {
      await store.delete(namespace, 'k', { stamp: stamps.next() })
      await store.put(namespace, 'l', text('x'), { stamp: stamps.next(), ttlMs: -1 })
    }

    expect(store.debt()).toMatchObject({ deletes: 2, sets: 2 })
  })

  it('Store J5: gives up a whole namespace at the other site before it forgets a single delete', async () => {
    const limits = { invalidations: 8 }
    const { peer, store, put, del, there } = site({
      journal: new MemoryJournal({ clock, random: systemRandom, limits }),
    })
    await put('k0', 'x')
    await put('other', 'x')
    await store.drained(2_000)
    peer.state = 'away'
    for (let i = 0; i < 40; i++) await del(`k${i}`)
    expect(store.debt().dirty).toEqual(['shop'])
    expect(store.debt().deletes).toBeGreaterThan(0)

    peer.state = 'up'

    expect(await store.drained(5_000)).toBe(true)
    expect([await there('k0'), await there('other')]).toEqual(['invalidated', 'invalidated'])
    expect(store.debt()).toMatchObject({ deletes: 0, dirty: [] })
  })

  it('makes whoever read a value newer than it, whatever the clocks say', async () => {
    const { inner, stamps, store } = site()
    const ahead = new StampClock({ ...clock, now: () => clock.now() + 30_000 }, 9).next()
    await inner.put('shop', 'k', text('from a fast clock'), { stamp: ahead, ttlMs: -1 })
    expect(stamps.next() < ahead).toBe(true)

    await store.get('shop', 'k', { deadlineMs: 50 })

    expect(stamps.next() > ahead).toBe(true)
  })
})
