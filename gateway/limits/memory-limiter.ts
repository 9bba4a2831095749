import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'
import { type RateVerdict, takeOne } from './gcra.ts'
import type { Claim, Limiter } from './limiter.ts'
import { spendOne } from './quota.ts'

export interface MemoryLimiterOptions {
  readonly clock: Clock
  /** Keys that are remembered. Beyond it the one unused for longest is forgotten, which is lenient and never unbounded. */
  readonly maxKeys: number
  /** Part of each limit that this process may give, when it counts in the place of all. Default 1. */
  readonly share?: number
}

/** Counts in this process alone. */
export class MemoryLimiter implements Limiter {
  readonly #clock: Clock
  readonly #share: number
  /** Of a rate: the instant at which all is paid back, monotonic ms; of a quota: how much is spent. */
  readonly #state: LRUCache<string, number>

  constructor({ clock, maxKeys, share = 1 }: MemoryLimiterOptions) {
    this.#clock = clock
    this.#share = share
    this.#state = new LRUCache({ max: maxKeys })
  }

  take(claims: readonly Claim[]): readonly RateVerdict[] {
    const now = this.#clock.monotonic()
    const verdicts: RateVerdict[] = []
    const states: number[] = []
    let all = true
    for (const claim of claims) {
      const held = this.#state.get(claim.key) ?? 0
      if (claim.kind === 'rate') {
        const { everyMs, burst } = claim.rate
        const rate = { everyMs: everyMs / this.#share, burst: Math.max(1, burst * this.#share) }
        const { verdict, paidAtMs } = takeOne(rate, held, now)
        verdicts.push(verdict)
        states.push(paidAtMs)
      } else {
        verdicts.push(spendOne(Math.ceil(claim.count * this.#share), held, claim.leftMs))
        states.push(held + 1)
      }
      all &&= verdicts.at(-1)?.allowed === true
    }
    if (all) for (const [at, claim] of claims.entries()) this.#state.set(claim.key, states[at] as number)
    return verdicts
  }

  get size(): number {
    return this.#state.size
  }

  async close(): Promise<void> {
    this.#state.clear()
  }
}
