import type { Clock } from '#server-kit/clock.ts'
import type { CacheStore, Stamp } from '../store/cache-store.ts'
import type { Timers } from './timers.ts'

export interface SiteLeasesOptions {
  /** Of this site alone: a lease must not hold back another one. */
  readonly store: Pick<CacheStore, 'get' | 'put' | 'delete'>
  readonly newStamp: () => Stamp
  /** For one look at the lease, ms. */
  readonly deadlineMs: number
  readonly clock: Clock
  readonly timers: Timers
}

/**
 * `fetch`: this process fetches; `release` when the answer is stored, or cannot be. `look`: another process has fetched: look
 * into the store, and fetch without further waiting if there is nothing. `late`: it takes too long: fetch.
 */
export type Turn =
  | { readonly kind: 'fetch'; readonly release: () => Promise<void> }
  | { readonly kind: 'look' }
  | { readonly kind: 'late' }

/** A process that died holds nobody up for longer. */
const longestMs = 5_000
const firstPauseMs = 5
const longestPauseMs = 50
const held = Buffer.from('held')

/**
 * One fetch of a key for all processes of a site (`coalesce: site`, W6): the first one to add a short-lived item to the store
 * fetches, and the others look after 5, 10, 20, 40 and then each 50 ms whether it is gone. They never queue for it: were
 * each to take it in turn, the processes would pay one another's origin time. A store that fails costs a second fetch, no more.
 */
export class SiteLeases {
  readonly #options: SiteLeasesOptions

  constructor(options: SiteLeasesOptions) {
    this.#options = options
  }

  /** Resolves within `waitMs`, 5 s at most, and the time that the store takes for one look. Never rejects. */
  async turn(namespace: string, key: string, waitMs: number): Promise<Turn> {
    const { store, newStamp, deadlineMs, clock } = this.#options
    const name = `lease:${key}`
    const stamp = newStamp()
    const put = await store.put(namespace, name, held, { ttlMs: longestMs, stamp, mode: 'add' })
    // With a stamp of its own: a lease that ran out meanwhile is somebody else's by now.
    const release = async () => void (await store.delete(namespace, name, { stamp: newStamp(), ifStamp: stamp }))
    if (put === 'stored') return { kind: 'fetch', release }
    if (put !== 'exists') return { kind: 'fetch', release: nothing }
    const untilMs = clock.monotonic() + Math.min(waitMs, longestMs)
    for (let pauseMs = firstPauseMs; clock.monotonic() < untilMs; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await this.#pause(pauseMs)
      const found = await store.get(namespace, name, { deadlineMs })
      if (found.kind === 'miss') return { kind: 'look' }
    }
    return { kind: 'late' }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.timers.after(ms, resolve))
  }
}

async function nothing(): Promise<void> {}
