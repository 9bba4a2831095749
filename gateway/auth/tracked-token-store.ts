import type { Caller } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import { type CredentialForm, keyOf, nameOf } from './credential-form.ts'
import type { Grace } from './grace.ts'
import type { RedisReads } from './redis-reads.ts'
import type { Asking, TokenMemory } from './token-memory.ts'
import type { Recalled, TokenStore } from './token-store.ts'
import type { Keeper, Tracking } from './tracking.ts'

export interface TrackedTokenStoreOptions {
  readonly reads: RedisReads
  readonly form: CredentialForm
  readonly tracking: Tracking
  readonly memory: TokenMemory
  readonly clock: Clock
  /** Who bridges the absence of Redis; undefined = nobody. */
  readonly grace: Grace | undefined
  /** Counts what Redis told. */
  readonly told: (what: 'key' | 'flushed' | 'lost') => void
}

/**
 * Credentials in Redis, kept in this process for as long as Redis would tell of a change: a deleted one is refused as soon as
 * its message came, and nothing is believed once a connection is lost.
 */
export class TrackedTokenStore implements TokenStore, Keeper {
  readonly #options: TrackedTokenStoreOptions

  constructor(options: TrackedTokenStoreOptions) {
    this.#options = options
    options.tracking.add(this)
  }

  changed(key: string): void {
    const { form, memory, grace, told } = this.#options
    const name = nameOf(form, key)
    memory.forget(name)
    grace?.forget(name)
    told('key')
  }

  cleared(because: 'flushed' | 'lost', provenMs: number): void {
    const { memory, grace, told } = this.#options
    const before = memory.clear()
    if (because === 'flushed') grace?.forgetAll()
    else grace?.inherit(before, provenMs)
    told(because)
  }

  recall(token: string): Recalled {
    const { form, memory, clock } = this.#options
    return memory.recall(nameOf(form, keyOf(form, token)), clock.monotonic(), clock.now())
  }

  find(token: string): Promise<Caller | undefined> {
    const { form, memory, tracking } = this.#options
    const key = keyOf(form, token)
    const name = nameOf(form, key)
    // Shared only while a change would part them: who asks after a revocation must not get an answer of before it.
    const underWay = tracking.on ? memory.asking(name)?.answer : undefined
    if (underWay !== undefined) return underWay
    const asking = memory.begin(name)
    asking.answer = this.#ask(key, asking)
    return asking.answer
  }

  async close(): Promise<void> {
    this.#options.memory.clear()
  }

  async #ask(key: string, asking: Asking): Promise<Caller | undefined> {
    const { reads, form, tracking, memory, clock } = this.#options
    const askedMs = clock.monotonic()
    // Of a read that left while nobody would have told of a change, nothing is kept.
    const kept = tracking.on
    try {
      const { caller, ttlMs } = await reads.read(form, key, kept)
      if (kept) memory.end(asking, caller, askedMs, ttlMs)
      return caller
    } finally {
      memory.abandon(asking)
    }
  }
}
