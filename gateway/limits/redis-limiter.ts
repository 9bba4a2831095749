import type { Redis } from 'ioredis'
import { problems } from '../errors.ts'
import type { RateVerdict } from './gcra.ts'
import type { Claim, Limiter } from './limiter.ts'
import { limiterScript } from './limiter-script.ts'

interface ScriptedRedis extends Redis {
  takeClaims(keys: number, ...keysAndArguments: (string | number)[]): Promise<string[]>
}

export interface RedisLimiterOptions {
  /** With a command time-out and without an offline queue: a limit that waits is worse than none. */
  readonly redis: Redis
  /** Before each key. */
  readonly prefix: string
}

/** Counts for all processes of a site, in one script a step: over keys of several slots, so on one server, never a cluster. */
export class RedisLimiter implements Limiter {
  readonly #redis: ScriptedRedis
  readonly #prefix: string

  constructor({ redis, prefix }: RedisLimiterOptions) {
    redis.defineCommand('takeClaims', { lua: limiterScript })
    this.#redis = redis as ScriptedRedis
    this.#prefix = prefix
  }

  async take(claims: readonly Claim[]): Promise<readonly RateVerdict[]> {
    const keys = claims.map(({ key }) => this.#prefix + key)
    const values = claims.flatMap((claim) =>
      claim.kind === 'rate' ? ['r', claim.rate.everyMs, claim.rate.burst] : ['q', claim.count, claim.leftMs],
    )
    let flat: string[]
    try {
      flat = await this.#redis.takeClaims(keys.length, ...keys, ...values)
    } catch (cause) {
      throw problems['limits-store-away']({ cause, retryAfterS: 1 })
    }
    return claims.map((_, at) => {
      const [allowed, remaining, resetMs, retryMs] = flat.slice(at * 4, at * 4 + 4).map(Number)
      return { allowed: allowed === 1, remaining: remaining ?? 0, resetMs: resetMs ?? 0, retryMs: retryMs ?? 0 }
    })
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }
}
