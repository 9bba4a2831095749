import type { Caller } from '#routes/messages.ts'
import { type CredentialForm, keyOf } from './credential-form.ts'
import type { RedisReads } from './redis-reads.ts'
import type { TokenStore } from './token-store.ts'

/** Credentials of one kind in Redis, asked for each time. The reads may be shared, and are closed by whoever opened them. */
export class RedisTokenStore implements TokenStore {
  readonly #reads: RedisReads
  readonly #form: CredentialForm

  constructor(reads: RedisReads, form: CredentialForm) {
    this.#reads = reads
    this.#form = form
  }

  recall(): undefined {
    return undefined
  }

  async find(token: string): Promise<Caller | undefined> {
    const { caller } = await this.#reads.read(this.#form, keyOf(this.#form, token))
    return caller
  }

  async close(): Promise<void> {
    // Nothing of its own.
  }
}
