import type { HeldNumbers, Refusal, TableOffer, ToldRefusal } from '#routes/messages.ts'
import { receive } from '#routes/receive.ts'
import type { TrustedKeys } from '#routes/seal.ts'
import { heldNumbers, type Table } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'

/** Requests that may wait for a newer table at once. */
const waitersLimit = 1_000
/** Different refusals that are remembered for status. */
const refusalsLimit = 50

export interface TableHolderOptions {
  /** As they are now: keys change while the process runs. */
  readonly trusted: () => TrustedKeys
  readonly clock: Clock
  readonly log: Log
}

interface Waiter {
  readonly enough: (table: Table) => boolean
  readonly settle: (table: Table | undefined) => void
}

/** The table in force. It changes by pointer swap alone, so that a request under way keeps the one it started with. */
export class TableHolder {
  readonly #options: TableHolderOptions
  readonly #waiters = new Set<Waiter>()
  readonly #refusals = new Map<string, ToldRefusal>()
  readonly #listeners = new Set<(table: Table) => void>()
  #current: Table | undefined
  #receiving: Promise<unknown> = Promise.resolve()
  /** Asks whoever brings tables to look for a newer one now. */
  refresh: () => void = () => {}

  constructor(options: TableHolderOptions) {
    this.#options = options
  }

  get current(): Table | undefined {
    return this.#current
  }

  get numbers(): HeldNumbers | undefined {
    return this.#current && heldNumbers(this.#current)
  }

  /** What was offered and not taken, the newest last. */
  get refusals(): readonly ToldRefusal[] {
    return [...this.#refusals.values()]
  }

  /** Called with each new table, at once after the swap, until what it gives back is called. */
  onChange(listener: (table: Table) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Takes what is newer and sealed; tells what was refused. One offer at a time, in order of coming. */
  offer(offer: TableOffer): Promise<readonly Refusal[]> {
    const taken = this.#receiving.then(() => this.#take(offer))
    // A failure is the caller's to handle; the next offer goes on all the same.
    this.#receiving = taken.catch(() => undefined)
    return taken
  }

  /**
   * The first table that is `enough`, or undefined after `limitMs`, when too many wait already, or when `abandon` is
   * called through the returned handle.
   */
  waitFor(
    enough: (table: Table) => boolean,
    limitMs: number,
    onAbandon?: (abandon: () => void) => void,
  ): Promise<Table | undefined> {
    if (this.#current !== undefined && enough(this.#current)) return Promise.resolve(this.#current)
    if (this.#waiters.size >= waitersLimit) return Promise.resolve(undefined)
    this.refresh()
    return new Promise((resolve) => {
      const settle = (table: Table | undefined): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        resolve(table)
      }
      const waiter: Waiter = { enough, settle }
      const timer = setTimeout(() => settle(undefined), limitMs)
      this.#waiters.add(waiter)
      onAbandon?.(() => settle(undefined))
    })
  }

  get waiting(): number {
    return this.#waiters.size
  }

  async #take(offer: TableOffer): Promise<readonly Refusal[]> {
    const { table, changed, refusals } = await receive(this.#current, offer, this.#options.trusted())
    for (const refusal of refusals) this.#tell(refusal)
    if (!changed || table === undefined) return refusals
    this.#current = table
    const { structure, placements } = table
    this.#options.log.info({ structure: structure.number, placements: placements.number }, 'a new table is in force')
    for (const listener of this.#listeners) listener(table)
    for (const waiter of this.#waiters) if (waiter.enough(table)) waiter.settle(table)
    return refusals
  }

  #tell(refusal: Refusal): void {
    const key = `${refusal.kind} ${refusal.because} ${refusal.offered ?? ''}`
    const before = this.#refusals.get(key)
    if (before === undefined) this.#options.log.warn({ ...refusal }, 'a table document was refused')
    this.#refusals.delete(key)
    this.#refusals.set(key, { ...refusal, at: this.#options.clock.now(), count: (before?.count ?? 0) + 1 })
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= refusalsLimit) break
      this.#refusals.delete(oldest)
    }
  }
}
