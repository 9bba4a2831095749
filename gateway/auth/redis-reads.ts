import type { Caller } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import { type CredentialForm, fieldList, readCaller } from './credential-form.ts'
import type { RedisClient } from './redis-client.ts'

export interface Read {
  readonly caller: Caller | undefined
  /** Until Redis itself forgets the key, ms; undefined = it does not. */
  readonly ttlMs: number | undefined
}

export interface RedisReadsOptions {
  readonly redis: RedisClient
  readonly deadlineMs: number
  readonly clock: Clock
  /** Look-ups that wait for an answer at once. Default 10,000. */
  readonly limit?: number
}

/** What Redis says of a key that is not there. */
const goneTtl = -2

/** Look-ups in one Redis, each with an end, and never more under way than a limit. */
export class RedisReads {
  readonly #options: Required<RedisReadsOptions>
  #underWay = 0

  constructor(options: RedisReadsOptions) {
    this.#options = { limit: 10_000, ...options }
  }

  /** Throws `auth-store-away` after the deadline, on any error, and at once above the limit. */
  async read(form: CredentialForm, key: string, withTtl = false): Promise<Read> {
    const { redis, clock } = this.#options
    const value: Promise<unknown> =
      form.form === 'hash' ? this.#asked(() => redis.hmget(key, ...fieldList(form))) : this.#asked(() => redis.get(key))
    // Of the same turn of the event loop, so in the same write.
    const ttl = withTtl ? this.#asked(() => redis.pttl(key)) : undefined
    const [found, ttlMs = -1] = await Promise.all([value, ttl])
    // It ended between the two questions.
    if (ttlMs === goneTtl) return { caller: undefined, ttlMs: undefined }
    return { caller: readCaller(form, found, clock.now()), ttlMs: ttlMs >= 0 ? ttlMs : undefined }
  }

  close(): void {
    this.#options.redis.disconnect()
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    const { deadlineMs, limit } = this.#options
    if (this.#underWay >= limit) throw problems['auth-store-away']({ retryAfterS: 1 })
    let timer: NodeJS.Timeout | undefined
    try {
      const answer = this.#counted(ask)
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(problems['auth-store-away']({ retryAfterS: 1 })), deadlineMs)
      })
      return await Promise.race([answer, late])
    } catch (cause) {
      throw problems['auth-store-away']({ cause, retryAfterS: 1 })
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Counted until the client itself gave up: what it still holds in its queue is what must not grow. It may also throw at
   * once, as for a slot that no node of a cluster has.
   */
  async #counted<T>(ask: () => Promise<T>): Promise<T> {
    this.#underWay++
    try {
      return await ask()
    } finally {
      this.#underWay--
    }
  }
}
