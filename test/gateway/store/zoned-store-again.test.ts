import { expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import type { GetOptions, Hit, Miss } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'

/** Does not answer in time the first so many reads. */
class LateZone extends MemoryStore {
  readonly asked: GetOptions[] = []
  readonly #late: number

  constructor(zone: string, late: number) {
    super({ zone, clock: systemClock })
    this.#late = late
  }

  override async get(namespace: string, key: string, options?: GetOptions): Promise<Hit | Miss> {
    this.asked.push(options ?? { deadlineMs: 0 })
    if (this.asked.length <= this.#late) return { kind: 'miss', because: 'timeout' }
    return super.get(namespace, key)
  }
}

it('Store Z1: while one zone is away, another one that is late once is asked again within the time of the caller', async () => {
  const stamps = new StampClock(systemClock, 1)
  const newStamp = () => stamps.next()
  const zones = [new LateZone('near', 1), new LateZone('far', Number.POSITIVE_INFINITY)]
  const background = new Background(silentLog)
  const store = new ZonedStore({ zones, writeAck: 'all', clock: systemClock, log: silentLog, background, newStamp })
  await store.put('shop', 'k', Buffer.from('value'), { stamp: newStamp(), ttlMs: 60_000 })

  const found = await store.get('shop', 'k', { deadlineMs: 1_000 })

  expect(found).toMatchObject({ kind: 'hit', zone: 'near' })
  expect(zones.map(({ asked }) => asked.length)).toEqual([2, 2])
  expect(
    await new ZonedStore({ zones: [], writeAck: 'all', clock: systemClock, log: silentLog, background, newStamp }).get(
      'shop',
      'k',
      { deadlineMs: 1 },
    ),
  ).toMatchObject({ kind: 'miss' })
})
