import { describe, expect, it } from 'vitest'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { HitSample } from '../../../gateway/warm-up/hit-sample.ts'
import { PullBudget } from '../../../gateway/warm-up/pull-budget.ts'
import type { PulledValue, PullPeer } from '../../../gateway/warm-up/pull-peer.ts'
import { type PullOutcome, WarmStore } from '../../../gateway/warm-up/warm-store.ts'
import { Background } from '../../../server-kit/background.ts'
import { HeldClock } from '../../../server-kit/clock.ts'
import { silentLog } from '../../../server-kit/log.ts'

const deadlineMs = 100

/** One site with one zone, and another site that answers with `there`. */
function bed(there: Record<string, PulledValue | 'failed'>, most = 10) {
  const clock = new HeldClock(Date.UTC(2026, 0, 1))
  const stamps = new StampClock(clock, 1)
  const zone: CacheStore = new MemoryStore({ zone: 'near', clock, limitBytes: 1024 * 1024 })
  const background = new Background(silentLog)
  const outcomes: PullOutcome[] = []
  const asked: string[] = []
  const peer: PullPeer = {
    pull: async (_, key) => {
      asked.push(key)
      return there[key] ?? 'absent'
    },
    sample: async () => [],
    namespaces: async () => [],
    close: async () => {},
  }
  const sample = new HitSample(clock)
  const store = new WarmStore({
    outer: zone,
    inner: zone,
    peer,
    pulls: (namespace) => namespace === 'shop',
    budget: new PullBudget({ share: 0.05, most }),
    deadlineMs: 50,
    sample,
    newStamp: () => stamps.next(),
    clock,
    background,
    told: (outcome) => outcomes.push(outcome),
  })
  const value = (key: string, ttlMs: number): PulledValue => ({
    kind: 'set',
    namespace: 'shop',
    key,
    stamp: stamps.next(),
    value: Buffer.from(`of ${key}`),
    flags: 7,
    expiresAtMs: ttlMs === 0 ? 0 : clock.now() + ttlMs,
  })
  return { clock, stamps, zone, store, background, outcomes, asked, sample, there, value }
}

describe('a site that warms up by pulling', () => {
  it('answers from the other site, keeps the copy with what is left of its life, and asks no second time', async () => {
    const { store, zone, background, outcomes, asked, there, value } = bed({})
    there['a'] = value('a', 30_000)

    const first = await store.get('shop', 'a', { deadlineMs })
    await background.settle(1_000)
    const kept = await zone.get('shop', 'a', { deadlineMs })
    const second = await store.get('shop', 'a', { deadlineMs })

    expect(first).toMatchObject({ kind: 'hit', flags: 7, zone: 'peer' })
    expect(kept).toMatchObject({ kind: 'hit', flags: 7, stamp: there['a'].stamp })
    expect(kept.kind === 'hit' && kept.ttlMs).toBeLessThanOrEqual(30_000)
    expect(second).toMatchObject({ kind: 'hit', zone: 'near' })
    expect(asked).toEqual(['a'])
    expect(outcomes).toEqual(['pulled'])
  })

  it('asks nothing where nobody wants it, and for a route that does', async () => {
    const { store, asked } = bed({})

    await store.get('orders', 'a', { deadlineMs })
    expect(asked).toEqual([])
    await store.get('orders', 'a', { deadlineMs, pull: true })
    expect(asked).toEqual(['a'])
  })

  it('never asks for what was deleted here: the other site hears of it later', async () => {
    const { store, zone, asked, stamps, there, value } = bed({})
    there['a'] = value('a', 30_000)
    await zone.delete('shop', 'a', { stamp: stamps.next() })

    expect(await store.get('shop', 'a', { deadlineMs })).toMatchObject({ kind: 'miss', because: 'tombstone' })
    expect(asked).toEqual([])
  })

  it('does not put a copy over what was deleted while it was on its way', async () => {
    const { store, zone, stamps, background, there, value } = bed({})
    there['a'] = value('a', 30_000)

    const pulled = store.get('shop', 'a', { deadlineMs })
    await zone.delete('shop', 'a', { stamp: stamps.next() })
    await pulled
    await background.settle(1_000)

    expect(await zone.get('shop', 'a', { deadlineMs })).toMatchObject({ kind: 'miss', because: 'tombstone' })
  })

  it('takes nothing that is about to expire, and nothing of a clock that is far ahead', async () => {
    const { store, outcomes, clock, there, value } = bed({})
    there['late'] = value('late', 1_000)
    const ahead = value('ahead', 0)
    there['ahead'] = { ...ahead, stamp: ahead.stamp + (BigInt(600) << 20n) * 1_000n }
    clock.advance(1)

    expect((await store.get('shop', 'late', { deadlineMs })).kind).toBe('miss')
    expect((await store.get('shop', 'ahead', { deadlineMs })).kind).toBe('miss')
    expect(outcomes).toEqual(['absent', 'absent'])
  })

  it('is a miss when the other site fails, and beyond its budget asks no more', async () => {
    const { store, outcomes, asked } = bed({ a: 'failed' }, 1)

    expect((await store.get('shop', 'a', { deadlineMs })).kind).toBe('miss')
    expect((await store.get('shop', 'b', { deadlineMs })).kind).toBe('miss')
    expect(asked).toEqual(['a'])
    expect(outcomes).toEqual(['failed', 'no-budget'])
  })

  it('notes what is hit, for the other site to compare itself with', async () => {
    const { store, zone, stamps, sample } = bed({})
    await zone.put('shop', 'a', Buffer.from('1'), { ttlMs: 60_000, stamp: stamps.next() })

    await store.get('shop', 'a', { deadlineMs })
    await store.get('shop', 'b', { deadlineMs })

    expect(sample.keys('shop')).toEqual(['a'])
  })
})
