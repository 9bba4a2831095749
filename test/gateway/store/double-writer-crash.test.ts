/**
 * The process ends between any two steps of a write: before or after the journal has it, before or after each zone. What is
 * answered holds after the restart, in each zone and for the other sites; what is not answered holds everywhere or nowhere.
 */
import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import type { Appended, AppendOptions } from '../../../gateway/journal/journal.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import { replay } from '../../../gateway/replication/replay.ts'
import { asDelete, type CacheOperation } from '../../../gateway/store/cache-operation.ts'
import type { Stamp } from '../../../gateway/store/cache-store.ts'
import { DoubleWriter } from '../../../gateway/store/double-writer.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import type { Intent, Recorded } from '../../../gateway/store/operation-record.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'

/** Lets so many steps happen, and none after them. */
class Life {
  #left: number
  readonly over: Promise<'killed'>
  #end: (killed: 'killed') => void = () => undefined

  constructor(steps: number) {
    this.#left = steps
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  step(): Promise<void> {
    if (this.#left-- > 0) return Promise.resolve()
    this.#end('killed')
    return new Promise(() => undefined)
  }
}

/** Remembers what was written in time. */
class DiskJournal extends MemoryJournal {
  readonly disk: { readonly operation: Recorded; readonly local: boolean }[] = []
  readonly synced = new Set<Stamp>()
  life = new Life(Number.POSITIVE_INFINITY)

  override append(operation: CacheOperation, options: AppendOptions = {}): Appended {
    return this.#write(operation, super.append(operation, options), options.local ?? false)
  }

  override intend(intent: Intent): Appended {
    return this.#write(intent, super.intend(intent), true)
  }

  override async *unapplied(): AsyncIterable<CacheOperation> {
    const isFollowed = ({ key, stamp }: Intent): boolean =>
      this.disk.some(
        ({ operation }) => operation.kind !== 'intent' && operation.key === key && operation.stamp === stamp,
      )
    for (const { operation } of this.disk) {
      if (operation.kind !== 'intent') yield operation
      else if (!isFollowed(operation)) yield asDelete(operation)
    }
  }

  #write(operation: Recorded, { seq }: Appended, local: boolean): Appended {
    const write = async (): Promise<boolean> => {
      // A disk takes longer than a zone in memory: whoever does not wait is first.
      await new Promise((resolve) => setImmediate(resolve))
      await this.life.step()
      this.disk.push({ operation, local })
      return true
    }
    const written = write()
    const durable = written.then(async () => {
      await this.life.step()
      this.synced.add(operation.stamp)
      return true
    })
    return { seq, written, durable }
  }
}

class Zone extends MemoryStore {
  life = new Life(Number.POSITIVE_INFINITY)

  override async put(...args: Parameters<MemoryStore['put']>) {
    await this.life.step()
    return super.put(...args)
  }
  override async delete(...args: Parameters<MemoryStore['delete']>) {
    await this.life.step()
    return super.delete(...args)
  }
  override async invalidate(...args: Parameters<MemoryStore['invalidate']>) {
    await this.life.step()
    return super.invalidate(...args)
  }
  override async bump(...args: Parameters<MemoryStore['bump']>) {
    await this.life.step()
    return super.bump(...args)
  }
}

interface World {
  readonly store: DoubleWriter
  readonly stamp: Stamp
  readonly old: Stamp
}
type Write = (world: World) => Promise<string>

const tags = { exact: ['t'], scopes: [] }
const fresh = Buffer.from('new')
const writes: Record<string, { write: Write; done: string; left: string }> = {
  'a put': {
    write: ({ store, stamp }) => store.put('shop', 'k', fresh, { stamp, ttlMs: -1 }),
    done: 'stored',
    left: 'new',
  },
  'a compare and set': {
    write: ({ store, stamp, old }) => store.put('shop', 'k', fresh, { stamp, ttlMs: -1, ifStamp: old }),
    done: 'stored',
    left: 'new',
  },
  'a delete': {
    write: ({ store, stamp }) => store.delete('shop', 'k', { stamp }),
    done: 'deleted',
    left: 'tombstone',
  },
  'a conditional delete': {
    write: ({ store, stamp, old }) => store.delete('shop', 'k', { stamp, ifStamp: old }),
    done: 'deleted',
    left: 'tombstone',
  },
  'an invalidation of a tag': {
    write: ({ store, stamp }) => store.invalidate('shop', 'tag', 't', { stamp }),
    done: 'applied',
    left: 'invalidated',
  },
  'a bump': {
    write: ({ store, stamp }) => store.bump('shop', { stamp }),
    done: 'applied',
    left: 'invalidated',
  },
}

async function killedAfter(steps: number, { write }: (typeof writes)[string]) {
  const stamps = new StampClock(clock, 1)
  const newStamp = () => stamps.next()
  const journal = new DiskJournal({ clock, random: seededRandom(1) })
  const zones = [new Zone({ zone: 'a', clock }), new Zone({ zone: 'b', clock })]
  const zoned = () =>
    new ZonedStore({ zones, writeAck: 'all', clock, log: silentLog, background: new Background(silentLog), newStamp })
  const store = new DoubleWriter({ inner: zoned(), journal, shippers: [], stamps, clock })
  const old = stamps.next()
  await store.put('shop', 'k', Buffer.from('old'), { stamp: old, ttlMs: -1, tags })
  journal.disk.splice(0)

  const life = new Life(steps)
  for (const each of [journal, ...zones]) each.life = life
  const stamp = stamps.next()
  const outcome = await Promise.race([write({ store, stamp, old }), life.over])

  const isSynced = journal.synced.has(stamp)
  const after = new Life(Number.POSITIVE_INFINITY)
  for (const each of [journal, ...zones]) each.life = after
  const giveUpAll = async (): Promise<boolean> => true
  await replay({ journal, store: zoned(), clock, stampClock: stamps, giveUpAll, log: silentLog })
  const left = await Promise.all(
    zones.map(async (zone) => {
      const found = await zone.get('shop', 'k')
      return found.kind === 'hit' ? found.value.toString() : found.because
    }),
  )
  const shipped = journal.disk.filter(({ operation, local }) => !local && operation.stamp === stamp)
  return { outcome, left, isShipped: shipped.length > 0, isSynced }
}

describe('a process that ends in the middle of a write', () => {
  it.each(Object.keys(writes))(
    'Store J1: loses nothing that was answered, and leaves nothing half done: %s',
    async (name) => {
      const each = writes[name] as (typeof writes)[string]
      let steps = 0
      for (;;) {
        const { outcome, left, isShipped, isSynced } = await killedAfter(steps++, each)

        // In both zones the same, whatever it is.
        expect(new Set(left).size, `${name}, killed after ${steps - 1} steps: ${left}`).toBe(1)
        expect(['old', 'tombstone', each.left]).toContain(left[0])
        if (outcome === 'killed') continue
        expect([outcome, left[0], isShipped]).toEqual([each.done, each.left, true])
        // What takes values away survives the machine as well.
        if (each.left !== 'new') expect(isSynced).toBe(true)
        break
      }
      // The journal, its disk, two zones: whatever the order, they were all passed one by one.
      expect(steps).toBeGreaterThanOrEqual(4)
    },
  )

  it.each([false, true])(
    'is told of, where the disk takes nothing (the page cache: %s): nothing is answered as done',
    async (page) => {
      const journal = new MemoryJournal({ clock, random: seededRandom(1) })
      const [written, nowhere] = [Promise.resolve(page), Promise.resolve(false)]
      journal.append = () => ({ seq: 1, written, durable: nowhere })
      journal.intend = () => ({ seq: 1, written: nowhere, durable: nowhere })
      const stamps = new StampClock(clock, 1)
      const inner = new MemoryStore({ zone: 'a', clock })
      const old = stamps.next()
      await inner.put('shop', 'k', Buffer.from('old'), { stamp: old, ttlMs: -1 })
      const store = new DoubleWriter({ inner, journal, shippers: [], stamps, clock })

      for (const { write, left } of Object.values(writes)) {
        // A value need not survive the machine.
        if (page && left === 'new') continue
        expect(await write({ store, stamp: stamps.next(), old })).toBe('failed')
      }
      if (!page) expect(await inner.get('shop', 'k')).toMatchObject({ kind: 'hit', stamp: old })
    },
  )
})
