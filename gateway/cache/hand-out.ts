import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import type { Stamp } from '../store/cache-store.ts'
import type { Asked, CacheLead, Common } from './asked.ts'
import type { EntryStore } from './entry-store.ts'
import { admits, flightClass } from './flight-key.ts'
import { type Flights, marking } from './flights.ts'
import type { Fetched, FoundEntry, Kept } from './found.ts'
import type { Entry } from './policy/entry.ts'
import { ttlS } from './policy/freshness.ts'
import type { Question } from './question.ts'
import type { SharedBody } from './shared-body.ts'
import type { IndexRow } from './variant-index.ts'

export interface HandOutOptions {
  readonly site: Site
  readonly store: EntryStore
  readonly flights: Flights<Asked, Common>
  readonly clock: Clock
  readonly background: Background
  readonly stored: Counter<'outcome'>
}

/** Gives what came of a question to those who wait for it, and to the store. No client waits for what is written there. */
export class HandOut {
  readonly #options: HandOutOptions

  constructor(options: HandOutOptions) {
    this.#options = options
  }

  /** Those who wait get it; unless it is not fresh even now. */
  share(question: Question, entry: Entry, body: Buffer | SharedBody): void {
    const { asked, lead } = question
    if (!this.isFresh(entry)) {
      this.ofNoUse(question, 'not-fresh')
      return
    }
    if (lead === undefined) this.#answered(asked, true)
    lead?.give({ kind: 'entry', entry, body, site: this.#options.site, standsIn: false }, admits(asked, entry))
  }

  /** Who waits goes on alone, and who asks next does not wait, where the reason would be the same. */
  ofNoUse({ asked, lead }: Question, because: Parameters<CacheLead['release']>[0]): void {
    if (lead !== undefined) lead.release(because)
    else if (marking.has(because)) this.#answered(asked, false)
  }

  /**
   * Of use to those who asked meanwhile. Date has whole seconds, so that an answer seems to be up to one older than it is: were it
   * taken at its word, now and then an answer with `max-age=1` would send all who wait to the service at once.
   */
  isFresh(entry: Entry): boolean {
    const { validateAlways, lifetimeS } = entry.freshness
    return !validateAlways && lifetimeS > 0 && ttlS(entry, this.#options.clock.now()) > -1
  }

  /** In the place of what was found. Resolves with whether it is stored. */
  keep({ asked, found }: Question, fetched: Fetched): Promise<boolean> {
    return this.#counted(this.#options.store.keep(asked.lookup, found, fetched))
  }

  keepBehind(question: Question, fetched: Fetched): void {
    this.#options.background.run('store an answer', this.keep(question, fetched))
  }

  /** What a validation made of a stored answer. Resolves with whether it is stored. */
  replace({ asked }: Question, found: FoundEntry, fetched: Fetched): Promise<boolean> {
    return this.#counted(this.#options.store.replace(asked.lookup, found, fetched))
  }

  dropBehind({ lookup }: Asked, found: FoundEntry, stamp: Stamp): void {
    this.#options.background.run('drop a stored answer', this.#options.store.drop(lookup, found, stamp))
  }

  dropVariantBehind({ lookup }: Asked, row: IndexRow, stamp: Stamp): void {
    this.#options.background.run('drop a stored answer', this.#options.store.dropVariant(lookup, row, stamp))
  }

  /** Until it is stored, who comes later is answered by the flight. */
  endBehind({ lead }: Question, kept: Promise<unknown>, shared?: SharedBody): void {
    const end = async (): Promise<void> => {
      try {
        await kept
      } finally {
        lead?.end()
        shared?.close()
      }
    }
    this.#options.background.run('store an answer', end())
  }

  #answered(asked: Asked, storable: boolean): void {
    const { marked, route } = flightClass(asked)
    this.#options.flights.answered(marked, route, storable)
  }

  async #counted(keeping: Promise<Kept>): Promise<boolean> {
    const outcome = await keeping
    this.#options.stored.inc({ outcome })
    return outcome === 'stored'
  }
}
