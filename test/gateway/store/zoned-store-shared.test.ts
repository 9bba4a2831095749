import { describe, expect, it } from 'vitest'
import type { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'
import { eventually } from '../../support/eventually.ts'
import { deadlineMs, hourMs, loseAll, site, text } from './zoned-site.ts'

describe('a site whose processes tell one another of its zones', () => {
  it('Store Z4: a delete that a zone missed is refused while nobody can be told, and its zone is told before it is answered', async () => {
    const { far, shared, stamps, store, put } = site()
    await put('k', 'x')
    far.fails = 'timeout'
    shared.answers = false
    expect(await store.delete('shop', 'k', { stamp: stamps.next() })).toBe('failed')
    expect(await store.bump('shop', { stamp: stamps.next() })).toBe('failed')
    expect(await store.invalidate('shop', 'tag', 't', { stamp: stamps.next() })).toBe('failed')
    // A value is stored all the same: what is not true any more is owed here.
    expect(await put('k', 'y')).toBe('stored')

    shared.answers = true
    expect(await store.delete('shop', 'k', { stamp: stamps.next() })).toBe('deleted')
    expect(shared.log).toContain('owes far')
    const told = shared.log.length
    expect(await store.delete('shop', 'another', { stamp: stamps.next() })).toBe('not-found')
    // Told once for all that is owed.
    expect(shared.log.length).toBe(told)
  })

  it('Store Z4: the announcement is taken back when the zone has all that it was owed', async () => {
    const { far, shared, store, stamps } = site()
    far.fails = 'timeout'
    await store.delete('shop', 'k', { stamp: stamps.next() })
    far.fails = undefined

    await eventually(() => shared.log.includes('settled far'))
    expect(store.health()[1]).toMatchObject({ state: 'up', owed: 0 })
  })

  it('Store Z4: a conditional delete is refused too when a zone missed it and nobody can be told', async () => {
    const { far, shared, stamps, store } = site()
    const stamp = stamps.next()
    await store.put('shop', 'k', text('x'), { stamp, ttlMs: -1 })
    far.fails = 'timeout'
    shared.answers = false

    expect(await store.delete('shop', 'k', { stamp: stamps.next(), ifStamp: stamp })).toBe('failed')
  })

  it('Store Z6: what missed more than can be listed is owed a floor until that outlives the process', async () => {
    const { far, shared, store, put, read, near } = site()
    for (let i = 0; i < 150; i++) await put(`k${i}`, 'old')
    far.fails = 'timeout'
    shared.answers = false
    for (let i = 0; i < 150; i++) await put(`k${i}`, 'new')
    far.fails = undefined
    near.fails = 'timeout'

    await eventually(() => shared.log.includes('raise far'))
    expect(await read('k0')).toBe('absent')
    expect(store.health()[1]?.owed).toBeGreaterThan(0)
    shared.answers = true
    await eventually(() => store.health()[1]?.owed === 0)
    expect(store.health()[1]?.state).toBe('cold')
    expect(await put('k0', 'newer')).toBe('stored')
    expect(await read('k0')).toBe('newer from far')
  })

  it('Store Z6: a zone that may not be read is written to and asked nothing, and leads nothing', async () => {
    const { near, far, shared, store, stamps, put, read } = site()
    shared.unread.add('near')

    expect(await put('k', 'x')).toBe('stored')
    expect(await read('k')).toBe('x from far')
    expect([near.reads, await read('k', near)]).toEqual([0, 'x from near'])
    expect(store.health()[0]?.state).toBe('write-only')
    await far.delete('shop', 'k', { stamp: stamps.next() })
    expect(await store.put('shop', 'k', text('y'), { stamp: stamps.next(), ttlMs: -1, mode: 'replace' })).toBe('absent')
  })

  it('Store Z6: a value below the floor of its zone or site is none, and says above what stamp one must be', async () => {
    const { shared, stamps, store, put, read } = site()
    await put('k', 'x')
    shared.floors.set('near', stamps.next())
    expect(await read('k')).toBe('x from far')

    const floor = stamps.next()
    shared.floors.set('*', floor)
    expect(await store.get('shop', 'k', { deadlineMs })).toEqual({ kind: 'miss', because: 'absent', stamp: floor })
    await put('k', 'y')
    expect(await read('k')).toBe('y from near')
  })

  it('while nobody knows what others owe, only what all zones have alike is served, and nothing is decided', async () => {
    const { near, far, shared, stamps, store, put, read } = site()
    await put('k', 'x')
    await put('missed', 'old')
    // By another process: the far zone missed it.
    await near.delete('shop', 'missed', { stamp: stamps.next() })
    shared.informed = false

    expect(await read('k')).toBe('x from near')
    expect(await read('missed')).toBe('tombstone')
    await far.put('shop', 'k', text('newer'), { stamp: stamps.next(), ttlMs: -1 })
    expect(await read('k')).toBe('unreadable')
    far.fails = 'timeout'
    expect(await read('k')).toBe('unreadable')
    far.fails = undefined
    expect(await store.put('shop', 'n', text('y'), { stamp: stamps.next(), ttlMs: -1, mode: 'add' })).toBe('failed')
    expect(await store.touch('shop', 'k', { ttlMs: 5 })).toEqual({ kind: 'failed' })
    expect(await put('n', 'y')).toBe('stored')
  })

  it('Store J7: reads nothing of a namespace that another site may have invalidated unheard', async () => {
    const { near, silent, put, read } = site()
    await put('k', 'x')
    silent.add('shop')

    expect(await read('k')).toBe('unreadable')
    expect(near.reads).toBe(0)
    silent.clear()
    expect(await read('k')).toBe('x from near')
  })
})

describe('a write that comes late to a site', () => {
  it('Store S8: brings back nothing, also where the zones have lost its tombstone', async () => {
    const { near, far, stamps, store, read } = site()
    const begun = stamps.next()
    await store.delete('shop', 'k', { stamp: stamps.next() })
    for (const zone of [near, far]) await loseAll(zone)

    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })).toBe('older')
    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1, mode: 'add' })).toBe('older')
    expect(await read('k')).toBe('absent')
  })

  it('Store S8: and of which nobody knows any more whether it was deleted, is a delete', async () => {
    const { clock, stamps, store, put, read } = site()
    const begun = stamps.next()
    clock.advance(1)
    await store.delete('shop', 'other', { stamp: stamps.next() })
    clock.advance(hourMs)
    await store.delete('shop', 'another', { stamp: stamps.next() })

    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })).toBe('older')
    expect(await read('k')).toBe('tombstone')
    await put('k', 'x')
    expect(await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })).toBe('older')
    expect(await read('k')).toBe('x from near')
  })

  it('stays in no zone when one of them has something newer', async () => {
    const { background, near, far, stamps, store, put } = site('one')
    const begun = stamps.next()
    await put('k', 'newer')
    await loseAll(near)

    await store.put('shop', 'k', text('late'), { stamp: begun, ttlMs: -1 })
    await background.settle(1_000)

    expect([(await near.get('shop', 'k')).kind, (await far.get('shop', 'k')).kind]).toEqual(['miss', 'hit'])
  })
})

describe('a touch at a site of two zones', () => {
  it('Store S11: is decided by one zone and copied to the value with its stamp, in the others', async () => {
    const { near, far, stamps, store, put, clock } = site()
    await put('k', 'x', 60_000)
    const left = async (zone: MemoryStore) => {
      const found = await zone.get('shop', 'k')
      return found.kind === 'hit' ? found.ttlMs : found.because
    }

    expect((await store.touch('shop', 'k', { ttlMs: 5_000 })).kind).toBe('touched')
    expect([await left(near), await left(far)]).toEqual([5_000, 5_000])
    expect(await store.touch('shop', 'k', { ttlMs: 9_000, ifStamp: 1n })).toEqual({ kind: 'not-found' })
    await far.put('shop', 'k', text('newer'), { stamp: stamps.next(), ttlMs: 7_000 })
    expect((await store.touch('shop', 'k', { ttlMs: 9_000 })).kind).toBe('touched')
    expect([await left(near), await left(far)]).toEqual([9_000, 7_000])
    clock.advance(10_000)
    expect(await store.touch('shop', 'k', { ttlMs: 9_000 })).toEqual({ kind: 'not-found' })
  })

  it('Store S11: that a zone missed takes the value from there, and one settles nothing that the zone is owed', async () => {
    const { near, far, store, put, read } = site()
    await put('k', 'x', 60_000)
    far.fails = 'timeout'
    expect((await store.touch('shop', 'k', { ttlMs: 5_000 })).kind).toBe('touched')
    near.fails = 'timeout'
    far.fails = undefined
    // Not from the far one, which has it.
    expect(await read('k')).toBe('timeout')

    near.fails = undefined
    await put('n', 'old')
    far.fails = 'timeout'
    await put('n', 'new')
    far.fails = undefined
    await store.touch('shop', 'n', { ttlMs: 5_000 })
    near.fails = 'timeout'
    expect(await read('n')).toBe('timeout')
  })
})

describe('zones that are for one namespace', () => {
  it('are left out of all others, and are no zone of them', async () => {
    const { near, far, store, put, read, stamps, options } = site('all')
    near.keeps = (namespace) => namespace === 'legacy'
    const fresh = new ZonedStore({ ...options, zones: [near, far] })
    near.fails = 'timeout'

    expect(await fresh.put('shop', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1 })).toBe('stored')
    expect(await fresh.put('shop', 'k2', text('x'), { stamp: stamps.next(), ttlMs: -1, mode: 'add' })).toBe('stored')
    expect(await read('k', fresh)).toBe('x from far')
    expect(await fresh.put('legacy', 'k', text('x'), { stamp: stamps.next(), ttlMs: -1 })).toBe('failed')
    expect(fresh.health().map(({ owed }) => owed)).toEqual([1, 0])
    expect(await fresh.inspect('shop', 'k', deadlineMs)).toMatchObject([{ zone: 'far', node: 'memory' }])
    expect([await put('k', 'y'), store.health().length]).toEqual(['failed', 2])
  })
})
