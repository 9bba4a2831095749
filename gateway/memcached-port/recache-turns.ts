import { hash } from 'node:crypto'
import type { CacheStore, Hit } from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'

export interface RecacheTurnsOptions {
  /** The zones of this site alone: a turn must not hold back another site. */
  readonly zones: CacheStore
  readonly stamps: StampClock
}

/** Somebody who won and died holds nobody up for longer, ms. */
const turnMs = 30_000
/** No client's. */
const turnNamespace = 'tidegate-recache'
const taken = Buffer.from('taken')

/**
 * Who is to make a value anew before it expires (`mg R`): one caller for each value and 30 s. By an item of its own that
 * names the value's stamp, so that the next value is a new turn.
 */
export class RecacheTurns {
  readonly #options: RecacheTurnsOptions

  constructor(options: RecacheTurnsOptions) {
    this.#options = options
  }

  /** False: it is another one's turn, or nobody could be asked. */
  async take(namespace: string, key: string, { stamp }: Hit): Promise<boolean> {
    const { zones, stamps } = this.#options
    const name = `${namespace}/${stamp}/${hash('sha256', key, 'base64url')}`
    const put = { mode: 'add', ttlMs: turnMs, stamp: stamps.next() } as const
    return (await zones.put(turnNamespace, name, taken, put)) === 'stored'
  }
}
