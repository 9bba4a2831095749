import type { Background } from '#server-kit/background.ts'
import type { Log } from '#server-kit/log.ts'
import { AppliedMark, type AppliedMarkOptions } from '../journal/applied-mark.ts'
import type { Journal, JournalReader } from '../journal/journal.ts'
import type { Shipper } from './shipper.ts'

/** The journal of this process, and those that dead processes of the home left behind. */
export interface JournalSet {
  readonly own: Journal
  readonly adopted: readonly Journal[]
  onAdopted(listener: (journal: Journal) => void): () => void
  close(): Promise<void>
}

export interface FleetOptions extends Pick<AppliedMarkOptions, 'health' | 'clock'> {
  readonly journals: Pick<JournalSet, 'own' | 'adopted' | 'onAdopted'>
  /** Sites that are told. */
  readonly to: readonly string[]
  readonly open: (to: string, journal: Journal, reader: JournalReader) => Shipper
  /** Finishes in the zones what the process of an adopted journal began. */
  readonly replay: (journal: Journal) => Promise<void>
  readonly log: Log
  readonly background: Background
}

const lookEveryMs = 1_000

/**
 * All shippers of this process: one for each journal and site. An adopted journal is replayed, shipped to its end, and
 * retired once nobody lacks anything of it.
 */
export class Fleet implements Iterable<Shipper> {
  readonly #options: FleetOptions
  readonly #shippers = new Set<Shipper>()
  readonly #endListening: () => void
  #closed = false

  constructor(options: FleetOptions) {
    this.#options = options
    const { journals } = options
    this.#launch(journals.own)
    for (const journal of journals.adopted) this.#adopt(journal)
    this.#endListening = journals.onAdopted((journal) => this.#adopt(journal))
  }

  [Symbol.iterator](): Iterator<Shipper> {
    return this.#shippers.values()
  }

  /** Adopts no more; the shippers are closed by who ships with them. */
  close(): void {
    this.#closed = true
    this.#endListening()
  }

  #launch(journal: Journal): Shipper[] {
    const { to, open, background } = this.#options
    for (const destination of journal.destinations()) {
      if (!to.includes(destination))
        background.run('forget a site that is not told any more', journal.forget(destination))
    }
    const shippers = to.map((site) => open(site, journal, journal.reader(site)))
    for (const shipper of shippers) this.#shippers.add(shipper)
    return shippers
  }

  #adopt(journal: Journal): void {
    this.#options.background.run('ship what a dead process left', this.#bringHome(journal))
  }

  async #bringHome(journal: Journal): Promise<void> {
    const { replay, health, clock, log } = this.#options
    const { place } = journal
    log.info({ place }, 'the cache journal of a dead process was adopted')
    const shippers = this.#launch(journal)
    await replay(journal)
    const mark = new AppliedMark({ journal, health, clock })
    while (!this.#closed) {
      const [drained] = await Promise.all([
        Promise.all(shippers.map((shipper) => shipper.drained(lookEveryMs))),
        // Not before each zone has what was replayed.
        new Promise((resolve) => setTimeout(resolve, 2 * lookEveryMs).unref()),
      ])
      if (drained.every(Boolean) && health().every(({ owed }) => owed === 0)) break
    }
    mark.close()
    if (this.#closed) return
    for (const shipper of shippers) {
      this.#shippers.delete(shipper)
      await shipper.close()
    }
    await journal.retire()
    log.info({ place }, 'the cache journal of a dead process was shipped to its end')
  }
}
