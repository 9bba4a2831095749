import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'
import { network } from '../limits/by-address.ts'
import { type CompiledRate, takeOne } from '../limits/gcra.ts'

/** What follows is so short-lived that who is forgotten early gains a second's worth of guesses. */
const networksLimit = 10_000

/** Whoever guesses on all the same owes no more than this: others of that network are not shut out for longer. */
const longestDebtMs = 10_000

/**
 * How many unknown credentials each network may bring. Only guesses are charged, after the answer; so who brings good ones
 * never meets this limit, however many they are, unless somebody guesses from the same network at the same time. What was
 * asked at once beyond the limit is a debt, so that the rate holds in the end.
 */
export class Guesses {
  readonly #rate: CompiledRate
  readonly #clock: Clock
  readonly #paid = new LRUCache<string, number>({ max: networksLimit })

  constructor(perSecond: number, clock: Clock) {
    this.#rate = { everyMs: 1_000 / perSecond, burst: 2 * perSecond }
    this.#clock = clock
  }

  get networks(): number {
    return this.#paid.size
  }

  /** Until this address may have something looked up again, ms; 0 = now. */
  waitMs(address: string): number {
    const paidAtMs = this.#paid.get(network(address))
    return paidAtMs === undefined ? 0 : takeOne(this.#rate, paidAtMs, this.#clock.monotonic()).verdict.retryMs
  }

  /** That address brought one that nobody knows. */
  charge(address: string): void {
    const name = network(address)
    const now = this.#clock.monotonic()
    const { everyMs, burst } = this.#rate
    const paidAtMs = Math.max(this.#paid.get(name) ?? 0, now) + everyMs
    this.#paid.set(name, Math.min(paidAtMs, now + everyMs * burst + longestDebtMs))
  }
}
