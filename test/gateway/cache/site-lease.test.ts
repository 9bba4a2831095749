import { describe, expect, it } from 'vitest'
import { SiteLeases } from '../../../gateway/cache/site-lease.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { HeldTimers } from './held-timers.ts'

function bed(replaced: Partial<CacheStore> = {}) {
  const timers = new HeldTimers()
  const { clock } = timers
  const memory = new MemoryStore({ zone: 'z', clock })
  const looks: number[] = []
  const store = {
    get: (namespace: string, key: string) => {
      looks.push(clock.monotonic())
      return memory.get(namespace, key)
    },
    put: memory.put.bind(memory),
    delete: memory.delete.bind(memory),
    ...replaced,
  }
  const process = (writer: number) => {
    const stamps = new StampClock(clock, writer)
    return new SiteLeases({ store, newStamp: () => stamps.next(), deadlineMs: 10, clock, timers })
  }
  /** Lets time pass in small steps, and what was waited for happen. */
  const pass = async (ms: number) => {
    await new Promise((resolve) => setImmediate(resolve))
    for (let passed = 0; passed < ms; passed++) {
      timers.advance(1)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { one: process(1), other: process(2), pass, looks }
}

describe('leases of a site', () => {
  it('Cache W6: the first process fetches; the other looks after 5, 10, 20 and 40 ms, then each 50, until it is done', async () => {
    const { one, other, pass, looks } = bed()
    const first = await one.turn('n', 'k', 5_000)
    const second = other.turn('n', 'k', 5_000)

    await pass(200)
    expect(looks).toEqual([5, 15, 35, 75, 125, 175])
    if (first.kind === 'fetch') await first.release()
    await pass(50)

    expect(await second).toEqual({ kind: 'look' })
  })

  it('Cache W6: when the first has ended, the next one to miss takes its turn', async () => {
    const { one, other, pass } = bed()
    const first = await one.turn('n', 'k', 5_000)
    if (first.kind === 'fetch') await first.release()
    await pass(1)

    expect((await other.turn('n', 'k', 5_000)).kind).toBe('fetch')
  })

  it('Cache W6: leases of other keys and namespaces are other leases', async () => {
    const { one, other } = bed()
    await one.turn('n', 'k', 5_000)

    expect((await other.turn('n', 'k2', 5_000)).kind).toBe('fetch')
    expect((await other.turn('n2', 'k', 5_000)).kind).toBe('fetch')
  })

  it('Cache W6: nobody waits longer than it may', async () => {
    const { one, other, pass } = bed()
    await one.turn('n', 'k', 5_000)
    const second = other.turn('n', 'k', 100)

    await pass(150)

    expect(await second).toEqual({ kind: 'late' })
  })

  it('Cache W6: a process that died holds the others up for 5 s at most, and its late release frees nobody else’s', async () => {
    const { one, other, pass } = bed()
    const dead = await one.turn('n', 'k', 5_000)
    const second = other.turn('n', 'k', 60_000)
    await pass(5_100)
    expect((await second).kind).not.toBe('fetch')
    const third = await other.turn('n', 'k', 5_000)
    expect(third.kind).toBe('fetch')

    if (dead.kind === 'fetch') await dead.release()
    const fourth = one.turn('n', 'k', 20)
    await pass(60)

    expect(await fourth).toEqual({ kind: 'late' })
  })

  it('Cache X1: a store that fails costs a fetch of one’s own, and no wait', async () => {
    const { one, other } = bed({ put: async () => 'failed' })

    const turns = [await one.turn('n', 'k', 5_000), await other.turn('n', 'k', 5_000)]

    for (const turn of turns) {
      expect(turn.kind).toBe('fetch')
      if (turn.kind === 'fetch') await turn.release()
    }
  })
})
