import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { replay, replayLimit } from '../../../gateway/replication/replay.ts'
import type { CacheOperation } from '../../../gateway/store/cache-operation.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { makeStamp, StampClock } from '../../../gateway/store/stamp.ts'

function starting(count: number, { lost = false, isDurable = true } = {}) {
  const clock = new HeldClock()
  const store = new MemoryStore({ zone: 'a', clock, limitBytes: 1024 ** 3 })
  const stampClock = new StampClock(clock, 1)
  const seen = { raised: 0, settled: 0, read: 0 }
  const journal = {
    place: 'p',
    lost,
    settleLoss: async () => {
      seen.settled++
      return true
    },
    unapplied: async function* (): AsyncIterable<CacheOperation> {
      for (; seen.read < count; seen.read++) {
        yield { kind: 'delete', namespace: 'shop', key: `k${seen.read}`, stamp: makeStamp(clock.now(), 0, 1) }
      }
    },
  }
  const giveUpAll = async (): Promise<boolean> => {
    seen.raised++
    return isDurable
  }
  const start = () => replay({ journal, store, clock, stampClock, giveUpAll, log: silentLog })
  const has = async (key: number): Promise<boolean> => {
    const found = await store.get('shop', `k${key}`)
    return found.kind === 'miss' && found.because === 'tombstone'
  }
  return { start, seen, has }
}

describe('the start after an end in the middle', () => {
  it('finishes what was half written', async () => {
    const { start, seen, has } = starting(300)

    await start()

    expect([await has(0), await has(299)]).toEqual([true, true])
    expect(seen).toEqual({ raised: 0, settled: 0, read: 300 })
  })

  it('gives up all values where that would take long, and reads the journal to its end all the same', async () => {
    const { start, seen, has } = starting(replayLimit + 10)

    await start()

    expect(await has(replayLimit + 5)).toBe(false)
    expect(seen).toEqual({ raised: 1, settled: 0, read: replayLimit + 10 })
  })

  it('takes all the time that it needs where values cannot be given up', async () => {
    const { start, has } = starting(replayLimit + 10, { isDurable: false })

    await start()

    expect(await has(replayLimit + 5)).toBe(true)
  })

  it('Store J6: gives up all values when the journal was damaged, and says so once that is durable', async () => {
    const one = starting(1, { lost: true })
    await one.start()
    expect(one.seen).toEqual({ raised: 1, settled: 1, read: 1 })

    const two = starting(1, { lost: true, isDurable: false })
    await two.start()
    expect([two.seen.settled, await two.has(0)]).toEqual([0, true])
  })
})
