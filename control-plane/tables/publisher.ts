import type { Records, Store } from '../records.ts'
import { Turns } from '../turns.ts'
import type { TableFeed } from './feed.ts'
import type { Published, Sealer } from './publish.ts'

/** Changes that may wait for their turn. */
const waitingLimit = 500

/**
 * Makes changes one after the other: transaction, then feed. So each change sees in memory what the one before it
 * committed, and nothing is offered to anybody that is not on the disk.
 */
export class Publisher {
  readonly #store: Store
  readonly #feed: TableFeed
  readonly #sealer: Sealer
  readonly #turns = new Turns(waitingLimit)

  constructor(store: Store, feed: TableFeed, sealer: Sealer) {
    this.#store = store
    this.#feed = feed
    this.#sealer = sealer
  }

  /** Runs `work` in a transaction of its own and offers what it published. A throw leaves nothing of it anywhere. */
  change<Result extends { readonly published: Published }>(
    work: (records: Records, sealer: Sealer) => Promise<Result>,
  ): Promise<Result> {
    return this.exclusive(() => this.commit(work))
  }

  /** As `change`, for who holds the turn already. */
  async commit<Result extends { readonly published: Published }>(
    work: (records: Records, sealer: Sealer) => Promise<Result>,
  ): Promise<Result> {
    const result = await this.#store.write((records) => work(records, this.#sealer))
    this.#feed.take(result.published)
    return result
  }

  /** Runs `work` when all changes before it are through; those after it wait. */
  exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#turns.take(work)
  }
}
