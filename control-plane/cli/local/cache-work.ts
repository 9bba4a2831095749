/** The work of the sample monolith: look a product up, compute and keep it on a miss, now and then drop a changed one. */

import { setTimeout as sleep } from 'node:timers/promises'

export interface CacheStep {
  readonly at: number
  readonly did: 'read' | 'write' | 'delete'
  readonly key: string
  /** `hit`, `miss`, `stored`, `dropped`, or why it failed. */
  readonly result: string
  readonly ms: number
}

export interface CacheWorkOptions {
  readonly cache: string
  readonly token: string
  readonly namespace: string
}

const products = 5
const changesEvery = 7
const ttlSeconds = 60
const keptSteps = 50
const deadlineMs = 2_000

export class CacheWork {
  readonly #options: CacheWorkOptions
  readonly #recent: CacheStep[] = []
  readonly #totals = { hits: 0, misses: 0, writes: 0, deletes: 0, failures: 0 }
  #round = 0

  constructor(options: CacheWorkOptions) {
    this.#options = options
  }

  /** The last 50 steps, oldest first. */
  get recent(): readonly CacheStep[] {
    return this.#recent
  }

  get totals(): Readonly<Record<'hits' | 'misses' | 'writes' | 'deletes' | 'failures', number>> {
    return this.#totals
  }

  /** One round each `everyMs` until `ending`; a cache that is away is told in the steps and tried again. */
  async run(everyMs: number, ending: AbortSignal): Promise<void> {
    while (!ending.aborted) {
      await this.round()
      // Being told to end is no failure of waiting.
      await sleep(everyMs, undefined, { signal: ending }).catch(() => undefined)
    }
  }

  async round(): Promise<void> {
    const round = this.#round++
    const key = `product:${round % products}`
    if (round % changesEvery === changesEvery - 1) {
      const dropped = await this.#call('delete', 'DELETE', key)
      if (dropped !== undefined) this.#totals.deletes++
      return
    }
    const found = await this.#call('read', 'GET', key)
    if (found === 200) this.#totals.hits++
    else if (found === 404) {
      this.#totals.misses++
      const value = JSON.stringify({ product: round % products, price: 100 + round, computedIn: round })
      if ((await this.#call('write', 'PUT', key, value)) !== undefined) this.#totals.writes++
    }
  }

  /** The status, undefined when it failed. */
  async #call(did: CacheStep['did'], method: string, key: string, value?: string): Promise<number | undefined> {
    const { cache, token, namespace } = this.#options
    const [at, began] = [Date.now(), performance.now()]
    let status: number | undefined
    let result: string
    try {
      const answer = await fetch(`${cache}/cache/v1/${namespace}/${encodeURIComponent(key)}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(value === undefined
            ? {}
            : { 'content-type': 'application/json', 'x-tidegate-cache-ttl': String(ttlSeconds) }),
        },
        ...(value === undefined ? {} : { body: value }),
        signal: AbortSignal.timeout(deadlineMs),
      })
      // Read to its end, or its connection is lost for the next call.
      await answer.arrayBuffer()
      const fine = answer.ok || answer.status === 404
      result = fine ? words[did][answer.ok ? 0 : 1] : `refused with ${answer.status}`
      if (fine) status = answer.status
    } catch (cause) {
      result = `failed: ${cause instanceof Error ? cause.message : String(cause)}`
    }
    if (status === undefined) this.#totals.failures++
    this.#recent.push({ at, did, key, result, ms: performance.now() - began })
    if (this.#recent.length > keptSteps) this.#recent.shift()
    return status
  }
}

const words = {
  read: ['hit', 'miss'],
  write: ['stored', 'refused'],
  delete: ['dropped', 'was not there'],
} as const
