import { LRUCache } from 'lru-cache'
import type { Caller } from '#routes/messages.ts'
import { Problem } from '#routes/problem.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { ReadonlyBefore } from './token-memory.ts'
import type { Recalled, TokenStore } from './token-store.ts'

export interface GraceOptions {
  readonly graceMs: number
  /** Callers that are remembered at most. */
  readonly entries: number
}

interface Verified {
  readonly caller: Caller
  /** Monotonic ms. */
  readonly atMs: number
}

/**
 * Who was verified lately, for the time in which nobody can be asked: apart from the memory that is kept right, which is
 * empty then. Never a credential that was invalidated, or found unknown, since.
 */
export class Grace {
  readonly #graceMs: number
  readonly #verified: LRUCache<string, Verified>
  /** What the tracked memory held when its connection was lost: true until then, whatever each entry's own age. */
  #before: { readonly entries: ReadonlyBefore; readonly provenMs: number } | undefined

  constructor({ graceMs, entries }: GraceOptions) {
    this.#graceMs = graceMs
    this.#verified = new LRUCache({ max: entries })
  }

  get size(): number {
    return this.#verified.size
  }

  remember(name: string, caller: Caller, atMs: number): void {
    this.#verified.set(name, { caller, atMs })
  }

  forget(name: string): void {
    this.#verified.delete(name)
    this.#before?.entries.delete(name)
  }

  forgetAll(): void {
    this.#verified.clear()
    this.#before = undefined
  }

  inherit(entries: ReadonlyBefore, provenMs: number): void {
    this.#before = { entries, provenMs }
  }

  /** Verified less than the grace ago, and not at its own end; `now`: ms since 1970. */
  recall(name: string, monotonicMs: number, now: number): Caller | undefined {
    const since = monotonicMs - this.#graceMs
    const alone = this.#verified.get(name)
    if (alone !== undefined && alone.atMs > since) return living(alone.caller, now)
    if (this.#before === undefined) return undefined
    if (this.#before.provenMs <= since) {
      this.#before = undefined
      return undefined
    }
    const before = this.#before.entries.get(name)
    return before && living(before.caller, now)
  }
}

function living(caller: Caller, now: number): Caller | undefined {
  return caller.expiresAt === undefined || caller.expiresAt > now ? caller : undefined
}

export interface GracedStoreOptions {
  readonly store: TokenStore
  readonly grace: Grace
  /** What the memories call a credential. */
  readonly nameOf: (token: string) => string
  readonly clock: Clock
  /** Counts who was let in unasked. */
  readonly letIn: () => void
}

/** A store whose absence is bridged for those who were verified lately. Everyone else still gets `auth-store-away`. */
export class GracedStore implements TokenStore {
  readonly #options: GracedStoreOptions

  constructor(options: GracedStoreOptions) {
    this.#options = options
  }

  recall(token: string): Recalled {
    return this.#options.store.recall(token)
  }

  async find(token: string): Promise<Caller | undefined> {
    const { store, grace, nameOf, clock, letIn } = this.#options
    const name = nameOf(token)
    const askedMs = clock.monotonic()
    try {
      const caller = await store.find(token)
      if (caller === undefined) grace.forget(name)
      else grace.remember(name, caller, askedMs)
      return caller
    } catch (problem) {
      const known =
        problem instanceof Problem && problem.code === 'auth-store-away'
          ? grace.recall(name, clock.monotonic(), clock.now())
          : undefined
      if (known === undefined) throw problem
      letIn()
      return known
    }
  }

  close(): Promise<void> {
    return this.#options.store.close()
  }
}
