import { hash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Caller } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import { callerOf } from './caller.ts'
import type { TokenStore } from './token-store.ts'

export interface RedisTokenStoreOptions {
  readonly url: string
  /** `token:{token}` */
  readonly key: string
  readonly hash: 'sha256' | 'none'
  readonly deadlineMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Tokens in Redis, as JSON `{ consumer, scopes, expiresAt? }`. */
export class RedisTokenStore implements TokenStore {
  readonly #options: RedisTokenStoreOptions
  readonly #redis: Redis
  #away = false

  constructor(options: RedisTokenStoreOptions) {
    this.#options = options
    const { url, deadlineMs, log } = options
    this.#redis = new Redis(url, {
      // A look-up that waits for a connection would answer in minutes; refused at once, it is a clear 503.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 1_000,
      commandTimeout: deadlineMs,
      // Look-ups of one turn of the event loop leave in one write.
      enableAutoPipelining: true,
      retryStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 5), 1_000),
    })
    this.#redis.on('error', (cause) => {
      if (!this.#away) log.warn({ err: cause }, 'the token store is away')
      this.#away = true
    })
    this.#redis.on('ready', () => {
      if (this.#away) log.info({}, 'the token store is back')
      this.#away = false
    })
  }

  async find(token: string): Promise<Caller | undefined> {
    const { key, clock } = this.#options
    const written = this.#options.hash === 'sha256' ? hash('sha256', token, 'hex') : token
    // A function, since `$&` in a token would be a pattern to `replace`.
    const text = await this.#get(key.replace('{token}', () => written))
    if (text === null) return undefined
    try {
      return callerOf(JSON.parse(text), clock.now())
    } catch {
      // Not our form: nobody can say who that is, so nobody is let in by it.
      return undefined
    }
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  async #get(key: string): Promise<string | null> {
    try {
      return await this.#redis.get(key)
    } catch (cause) {
      throw problems['auth-store-away']({ cause, retryAfterS: 1 })
    }
  }
}
