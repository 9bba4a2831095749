import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Caller } from '#routes/messages.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import { type CompiledRate, takeOne } from '../limits/gcra.ts'
import type { Recalled, TokenStore } from './token-store.ts'

/** PORT: asks another site's own token store. Undefined = unknown there; a throw = it did not answer. */
export type AskSite = (site: Site, token: string) => Promise<Caller | undefined>

export const peerOutcomes = ['known', 'unknown', 'away', 'limited'] as const

export interface AlsoAskOptions {
  readonly store: TokenStore
  readonly sites: readonly Site[]
  readonly ask: AskSite
  readonly clock: Clock
  /** Questions a second about credentials that were not known a moment ago. */
  readonly perSecond: number
  readonly asked: (outcome: (typeof peerOutcomes)[number]) => void
}

/** Nobody is let in for longer than this on a question of before: a revocation there is seen here within 1 s. */
const knownMs = 800
/** From this age on an answer is asked for again behind the request that uses it: who comes often never waits. */
const freshMs = 300
/** A token that nobody knows is not asked for again so soon, so that guesses cost the other site little. */
const unknownMs = 5_000
const rememberedLimit = 10_000
/** Different tokens that are asked for at once. */
const askingLimit = 1_000

interface Known {
  readonly caller: Caller
  /** Monotonic ms of the question: what is true is true of that moment, not of the answer. */
  readonly askedMs: number
}

/**
 * A token unknown here is asked once of the other sites: someone who got one there before a move stays logged in here. A
 * site that does not answer makes it unknowable, never unknown; and so does a flood of unknown ones, above its rate.
 */
export class AlsoAsk implements TokenStore {
  readonly #options: AlsoAskOptions
  readonly #rate: CompiledRate
  readonly #known = new LRUCache<string, Known>({ max: rememberedLimit })
  readonly #unknown = new LRUCache<string, number>({ max: rememberedLimit })
  readonly #asking = new Map<string, Promise<Caller | undefined>>()
  #paidAtMs = 0

  constructor(options: AlsoAskOptions) {
    this.#options = options
    this.#rate = { everyMs: 1_000 / options.perSecond, burst: options.perSecond }
  }

  /** Entries in the two memories together. */
  get size(): number {
    return this.#known.size + this.#unknown.size
  }

  recall(token: string): Recalled {
    const here = this.#options.store.recall(token)
    // Whoever was never looked up here may be known here by now, and that goes first.
    return here === 'unknown' ? this.#there(token, nameOf(token)) : here
  }

  async find(token: string): Promise<Caller | undefined> {
    const here = await this.#options.store.find(token)
    if (here !== undefined) return here
    const name = nameOf(token)
    const there = this.#there(token, name)
    if (there !== undefined) return there === 'unknown' ? undefined : there
    return this.#asking.get(name) ?? this.#askNew(token, name)
  }

  close(): Promise<void> {
    return this.#options.store.close()
  }

  #there(token: string, name: string): Recalled {
    const { clock } = this.#options
    const now = clock.monotonic()
    const known = this.#known.get(name)
    if (known !== undefined && now < known.askedMs + knownMs && isLiving(known.caller, clock.now())) {
      if (now >= known.askedMs + freshMs) this.#askAhead(token, name)
      return known.caller
    }
    const untilMs = this.#unknown.get(name)
    return untilMs !== undefined && now < untilMs ? 'unknown' : undefined
  }

  #askAhead(token: string, name: string): void {
    if (this.#asking.has(name) || this.#asking.size >= askingLimit) return
    this.#ask(token, name).catch(() => {
      // The answer of before counts until its time is over; who comes after that is told.
    })
  }

  #askNew(token: string, name: string): Promise<Caller | undefined> {
    const taken = takeOne(this.#rate, this.#paidAtMs, this.#options.clock.monotonic())
    // Who was known there a while ago is no guess: a flood of those must not lock out who came here before a move.
    const free = this.#known.has(name)
    if ((!free && !taken.verdict.allowed) || this.#asking.size >= askingLimit) {
      this.#options.asked('limited')
      return Promise.reject(problems['auth-peer-away']({ retryAfterS: 1 }))
    }
    if (!free) this.#paidAtMs = taken.paidAtMs
    return this.#ask(token, name)
  }

  #ask(token: string, name: string): Promise<Caller | undefined> {
    const answer = this.#askAll(token, name).finally(() => this.#asking.delete(name))
    this.#asking.set(name, answer)
    return answer
  }

  async #askAll(token: string, name: string): Promise<Caller | undefined> {
    const { sites, ask, clock, asked } = this.#options
    const askedMs = clock.monotonic()
    const answers = await Promise.allSettled(sites.map((site) => ask(site, token)))
    for (const answer of answers) {
      if (answer.status === 'fulfilled' && answer.value !== undefined) {
        asked('known')
        this.#known.set(name, { caller: answer.value, askedMs })
        return answer.value
      }
    }
    const away = answers.find((answer) => answer.status === 'rejected')
    if (away !== undefined) {
      asked('away')
      throw problems['auth-peer-away']({ cause: away.reason, retryAfterS: 1 })
    }
    asked('unknown')
    this.#known.delete(name)
    this.#unknown.set(name, askedMs + unknownMs)
    return undefined
  }
}

const isLiving = ({ expiresAt }: Caller, now: number): boolean => expiresAt === undefined || expiresAt > now

/** Remembered by digest: short whatever a stranger sends, and a dump of this memory lets nobody in. */
function nameOf(token: string): string {
  return hash('sha256', token, 'base64url')
}
