import { describe, expect, it } from 'vitest'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'
import { cacheStoreContract } from '../../contracts/cache-store.ts'

cacheStoreContract('the memory store', { make: () => new MemoryStore({ zone: 'here', clock: systemClock }) })

describe('the memory store', () => {
  it('forgets a value when its time is over, and says so', async () => {
    const clock = new HeldClock()
    const store = new MemoryStore({ zone: 'here', clock })
    const stamp = makeStamp(clock.now(), 0, 1)
    await store.put('shop', 'k', Buffer.from('x'), { stamp, ttlMs: 1_000 })

    clock.advance(999)
    expect((await store.get('shop', 'k')).kind).toBe('hit')
    clock.advance(1)
    expect(await store.get('shop', 'k')).toEqual({ kind: 'miss', because: 'expired' })
  })

  it('holds a tombstone for 15 minutes', async () => {
    const clock = new HeldClock()
    const store = new MemoryStore({ zone: 'here', clock })
    const late = { stamp: makeStamp(clock.now(), 0, 1), ttlMs: -1 }
    await store.delete('shop', 'k', { stamp: makeStamp(clock.now(), 1, 1) })

    clock.advance(15 * 60_000 - 1)
    expect(await store.put('shop', 'k', Buffer.from('late'), late)).toBe('older')
  })

  it('stays inside its limit and drops what was used least', async () => {
    const store = new MemoryStore({ zone: 'here', clock: systemClock, limitBytes: 100_000 })
    for (let i = 0; i < 50; i++) {
      await store.put('shop', `k${i}`, Buffer.alloc(10_000), { stamp: makeStamp(1000 + i, 0, 1), ttlMs: -1 })
      await store.get('shop', 'k0')
    }

    expect((await store.get('shop', 'k0')).kind).toBe('hit')
    expect((await store.get('shop', 'k1')).kind).toBe('miss')
    const hits = await Promise.all(Array.from({ length: 50 }, (_, i) => store.get('shop', `k${i}`)))
    expect(hits.filter(({ kind }) => kind === 'hit').length).toBeLessThan(10)
  })

  it('keeps its own copy of a value', async () => {
    const store = new MemoryStore({ zone: 'here', clock: systemClock })
    const value = Buffer.from('abc')
    await store.put('shop', 'k', value, { stamp: 1n, ttlMs: -1 })

    value.fill('x')

    const found = await store.get('shop', 'k')
    expect(found.kind === 'hit' && found.value.toString()).toBe('abc')
  })
})
