import type { Structure } from '#routes/structure.ts'
import type { Held, PlacementSet } from '#routes/table.ts'
import type { Background } from '#server-kit/background.ts'
import type { TableFeed } from './feed.ts'
import type { Members } from './members.ts'

/** A gateway that stays silent keeps edges from a table no longer than this. */
const patienceMs = 2_000

/**
 * What edges are offered: the newest table as soon as the gateways run it. An edge that were first would send a client
 * on, while another edge's request of the same client is still executed at the site that it has just left.
 */
export class EdgeFeed {
  readonly #feed: TableFeed
  readonly #members: Members
  readonly #background: Background
  #structure: Held<Structure> | undefined
  #placements: Held<PlacementSet> | undefined
  #following = false
  readonly #listeners = new Set<(what: 'structure' | 'placements') => void>()

  /** `feed` is loaded: what it holds was public before this process began. */
  constructor(feed: TableFeed, members: Members, background: Background) {
    this.#feed = feed
    this.#members = members
    this.#background = background
    this.#structure = feed.structure
    this.#placements = feed.placements
    feed.subscribe(() => this.#follow())
  }

  get structure(): Held<Structure> | undefined {
    return this.#structure
  }

  get placements(): Held<PlacementSet> | undefined {
    return this.#placements
  }

  /** Told of what edges are offered from now on; call the answer to end it. */
  subscribe(listener: (what: 'structure' | 'placements') => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** One run for all that is published meanwhile. */
  #follow(): void {
    if (this.#following) return
    this.#following = true
    this.#background.run('let edges follow the gateways', this.#catchUp())
  }

  async #catchUp(): Promise<void> {
    try {
      while (this.#structure !== this.#feed.structure || this.#placements !== this.#feed.placements) {
        const { structure, placements } = this.#feed
        if (placements !== undefined && placements !== this.#placements) {
          await this.#members.acknowledged(placements.number, patienceMs)
        }
        const what = structure === this.#structure ? 'placements' : 'structure'
        this.#structure = structure
        this.#placements = placements
        for (const listener of this.#listeners) listener(what)
      }
    } finally {
      this.#following = false
    }
  }
}
