import type { Log } from '#server-kit/log.ts'
import type { Invalidation } from './cache-operation.ts'
import type { DeleteOutcome, Stamp, ZoneHealth, ZoneStore } from './cache-store.ts'
import type { SharedZoneState } from './shared-zone-state.ts'
import { stampMs } from './stamp.ts'
import { later } from './tag-record.ts'
import { ZoneDebt } from './zone-debt.ts'

/** A zone younger than this may lack what an older one has, ms. */
const warmingMs = 10 * 60_000
/** Zones that started together are equally cold: asking the other would be a trip for nothing. */
const startedTogetherMs = 2_000
const settleAtOnce = 64

export interface SiteZoneOptions {
  readonly store: ZoneStore
  readonly shared: SharedZoneState
  readonly newStamp: () => Stamp
  readonly log: Log
  readonly owedLimit: number
}

/** One zone among those of a site: what this process owes it, who knows of that, and what of it may be read. */
export class SiteZone {
  readonly name: string
  readonly store: ZoneStore
  readonly #options: SiteZoneOptions
  readonly #debt: ZoneDebt
  /** Whether the other processes know that we owe it something; undefined: they are told with the next that is owed. */
  #told: Promise<boolean> | undefined
  /** They may know. */
  #wasTold = false
  /** A floor of ours that would not outlive this process. Until it does, the zone is owed something. */
  #unkeptFloor: Stamp | undefined

  constructor(options: SiteZoneOptions) {
    this.#options = options
    this.store = options.store
    this.name = options.store.zone
    this.#debt = new ZoneDebt(options.owedLimit)
  }

  /** Deletes that it waits for. */
  get owed(): number {
    return this.#debt.size + (this.#unkeptFloor === undefined ? 0 : 1)
  }

  /** Values with a lower stamp are not served: cold, never stale. */
  get floor(): Stamp {
    return later(this.#debt.floor, this.#options.shared.floor(this.name))
  }

  keeps(namespace: string): boolean {
    return this.store.keeps === undefined || this.store.keeps(namespace)
  }

  /** Nobody owes it anything that could be under this key. */
  mayRead(namespace: string, key: string): boolean {
    return !this.#debt.owes(namespace, key) && this.#options.shared.mayRead(this.name)
  }

  /** It can decide what a conditional write finds. */
  mayLead(namespace: string, key: string): boolean {
    return this.mayRead(namespace, key) && this.#answers()
  }

  health(nowMs: number): ZoneHealth {
    return { zone: this.name, state: this.#state(nowMs), owed: this.owed }
  }

  /**
   * It did not confirm a write: the key is not read here until it has this instead. True once the other processes know
   * that they must not read the zone; before that, nobody may be told that the invalidation holds.
   */
  owe(missed: Invalidation): Promise<boolean> {
    if (!this.#debt.owe(missed, this.#options.newStamp)) {
      this.#unkeptFloor = this.#debt.floor
      this.#options.log.warn({ zone: this.name }, 'cache zone missed too many writes and starts from nothing')
    }
    if (this.#told !== undefined) return this.#told
    const told = this.#options.shared.owes(this.name)
    this.#told = told
    this.#wasTold = true
    void told.then((known) => {
      if (!known && this.#told === told) this.#told = undefined
    })
    return told
  }

  /** It confirmed a write. */
  took(done: Invalidation): void {
    this.#debt.settle(done)
  }

  /** Brings it what it is owed, until it fails again or `isOver`. True when nothing is left. */
  async settle(isOver: () => boolean): Promise<boolean> {
    while (!isOver()) {
      const owed = this.#debt.oldest(settleAtOnce)
      if (owed.length === 0) return this.#clear()
      const outcomes = await Promise.all(owed.map((invalidation) => take(this.store, invalidation)))
      outcomes.forEach((outcome, index) => {
        const invalidation = owed[index]
        if (outcome !== 'failed' && invalidation !== undefined) this.#debt.settle(invalidation)
      })
      if (outcomes.includes('failed')) return false
    }
    return false
  }

  isWarming(namespace: string, key: string, nowMs: number): boolean {
    const sinceMs = this.#collectingSinceMs(namespace, key)
    return sinceMs !== undefined && nowMs - sinceMs < warmingMs
  }

  isWarmerThan(cold: SiteZone, namespace: string, key: string): boolean {
    const coldSinceMs = cold.#collectingSinceMs(namespace, key) ?? 0
    const sinceMs = this.#collectingSinceMs(namespace, key)
    return sinceMs !== undefined && sinceMs + startedTogetherMs < coldSinceMs
  }

  async #clear(): Promise<boolean> {
    const floor = this.#unkeptFloor
    if (floor !== undefined) {
      if (!(await this.#options.shared.raise(this.name, floor))) return false
      if (this.#unkeptFloor === floor) this.#unkeptFloor = undefined
    }
    // What was owed meanwhile stands in the same announcement.
    if (this.owed > 0) return false
    if (this.#wasTold) {
      this.#told = undefined
      this.#wasTold = false
      this.#options.shared.settled(this.name)
    }
    return true
  }

  #state(nowMs: number): ZoneHealth['state'] {
    if (!this.#answers()) return 'suspect'
    if (!this.#options.shared.mayRead(this.name)) return 'write-only'
    if (this.owed > 0) return 'owing'
    const { floor } = this
    return floor > 0n && nowMs - stampMs(floor) < warmingMs ? 'cold' : 'up'
  }

  #answers(): boolean {
    for (const { state } of this.store.health()) if (state === 'suspect') return false
    return true
  }

  /** When the memory that holds this key was last empty: at its start, or when all that it had was given up. */
  #collectingSinceMs(namespace: string, key: string): number | undefined {
    const startedAtMs = this.store.startedAtMs(namespace, key)
    return startedAtMs === undefined ? undefined : Math.max(startedAtMs, stampMs(this.floor))
  }
}

/** Applies an invalidation to one store. */
export function take(store: ZoneStore, invalidation: Invalidation): Promise<DeleteOutcome | 'applied'> {
  const { namespace, key, stamp } = invalidation
  if (invalidation.kind === 'delete') return store.delete(namespace, key, { stamp })
  const { target, softMs } = invalidation
  const options = softMs === undefined ? { stamp } : { stamp, softMs }
  return target === 'all' ? store.bump(namespace, options) : store.invalidate(namespace, target, key, options)
}
