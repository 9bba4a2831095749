import type { Clock } from '#server-kit/clock.ts'
import type { ItemCommands } from '../cache-api/item-commands.ts'
import type { CacheStore, DeleteOutcome, Hit, Miss, PutOptions, PutOutcome, Stamp } from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'

export interface PortStoreOptions {
  /** The outermost one: what is written here reaches the other sites. */
  readonly store: CacheStore
  readonly items: ItemCommands
  readonly stamps: StampClock
  readonly clock: Clock
  /** For one read, ms. */
  readonly readDeadlineMs: number
}

/** `stamp`: of what is stored. */
export type PortPutOutcome = { readonly stamp: Stamp } | Exclude<PutOutcome, 'stored' | 'older'>

export type PortDeleteOutcome = Exclude<DeleteOutcome, 'older'> | 'exists'

/** Each lost against another write that came between. */
const tries = 4

/** The store as memcached's commands see it: whoever writes last, by the wall, has written last. */
export class PortStore {
  readonly items: ItemCommands
  readonly clock: Clock
  readonly #options: PortStoreOptions

  constructor(options: PortStoreOptions) {
    this.#options = options
    this.items = options.items
    this.clock = options.clock
  }

  get(namespace: string, key: string, access = false): Promise<Hit | Miss> {
    const { store, readDeadlineMs } = this.#options
    return store.get(namespace, key, access ? { deadlineMs: readDeadlineMs, access } : { deadlineMs: readDeadlineMs })
  }

  /**
   * A stamp that turns out to be older belongs to a clock ahead of ours, or to a write of this very moment. Having seen it,
   * the next one of ours is above it. After the last try a plain set counts as stored, and overwritten at once.
   */
  async put(namespace: string, key: string, value: Buffer, put: Omit<PutOptions, 'stamp'>): Promise<PortPutOutcome> {
    const { store, stamps } = this.#options
    let stamp = stamps.next()
    for (let tried = 0; tried < tries; tried++, stamp = stamps.next()) {
      const outcome = await store.put(namespace, key, value, { ...put, stamp })
      if (outcome === 'stored') return { stamp }
      if (outcome !== 'older') return outcome
      const found = await this.get(namespace, key)
      if (found.stamp !== undefined && stamps.see(found.stamp) === 'beyond') return 'failed'
    }
    const isPlain = put.ifStamp === undefined && (put.mode ?? 'set') === 'set'
    return isPlain ? { stamp } : 'failed'
  }

  /** `exists`: not the value with `ifStamp`. */
  async delete(namespace: string, key: string, ifStamp?: Stamp): Promise<PortDeleteOutcome> {
    const { store, stamps } = this.#options
    const condition = ifStamp === undefined ? {} : { ifStamp }
    for (let tried = 0; tried < tries; tried++) {
      const outcome = await store.delete(namespace, key, { ...condition, stamp: stamps.next() })
      if (outcome !== 'older') return outcome
      const found = await this.get(namespace, key)
      if (ifStamp !== undefined && (found.kind === 'miss' || (found.unique ?? found.stamp) !== ifStamp)) return 'exists'
      if (found.stamp !== undefined) stamps.see(found.stamp)
    }
    return 'failed'
  }

  bump(namespace: string): Promise<'applied' | 'failed'> {
    const { store, stamps } = this.#options
    return store.bump(namespace, { stamp: stamps.next() })
  }
}
