import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '#server-kit/clock.ts'
import { type CompiledRate, takeOne } from '../limits/gcra.ts'
import { network } from '../network.ts'

/** What follows is so short-lived that who is forgotten early gains a second's worth of guesses. */
const networksLimit = 10_000

/** Credentials that were found good, and are no guesses when they come again. */
const provenLimit = 10_000

/** Whoever guesses on all the same owes no more than this: others of that network are not shut out for longer. */
const longestDebtMs = 10_000

/**
 * How many unknown credentials each network may bring. Only guesses are charged, after the answer; so who brings good ones
 * never meets this limit, however many they are, unless somebody guesses from the same network at the same time. Even then a
 * credential that was good when last asked for is no guess: one guesser must not lock a whole office out. What was asked at
 * once beyond the limit is a debt, so that the rate holds in the end.
 */
export class Guesses {
  readonly #rate: CompiledRate
  readonly #clock: Clock
  readonly #paid = new LRUCache<string, number>({ max: networksLimit })
  /** By digest: a dump of it lets nobody in. */
  readonly #proven = new LRUCache<string, true>({ max: provenLimit })

  constructor(perSecond: number, clock: Clock) {
    this.#rate = { everyMs: 1_000 / perSecond, burst: 2 * perSecond }
    this.#clock = clock
  }

  get networks(): number {
    return this.#paid.size
  }

  /** Until this address may have that credential looked up, ms; 0 = now. */
  waitMs(address: string, credential: string): number {
    const paidAtMs = this.#paid.get(network(address))
    if (paidAtMs === undefined) return 0
    const { retryMs } = takeOne(this.#rate, paidAtMs, this.#clock.monotonic()).verdict
    return retryMs > 0 && this.#proven.has(nameOf(credential)) ? 0 : retryMs
  }

  /** That one was found good. */
  prove(credential: string): void {
    this.#proven.set(nameOf(credential), true)
  }

  /** That address brought one that nobody knows. */
  charge(address: string, credential: string): void {
    this.#proven.delete(nameOf(credential))
    const name = network(address)
    const now = this.#clock.monotonic()
    const { everyMs, burst } = this.#rate
    const paidAtMs = Math.max(this.#paid.get(name) ?? 0, now) + everyMs
    this.#paid.set(name, Math.min(paidAtMs, now + everyMs * burst + longestDebtMs))
  }
}

function nameOf(credential: string): string {
  return hash('sha256', credential, 'base64url')
}
