import { Redis } from 'ioredis'
import type { Static } from 'typebox'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { ms } from '../config-parts.ts'
import type { Phase } from '../phase.ts'
import { limitsByAddress } from './by-address.ts'
import { limitsByIdentity } from './by-identity.ts'
import { inFlight } from './in-flight.ts'
import type { rates } from './limits-config.ts'
import { LoopDelay } from './loop-delay.ts'
import { MemoryLimiter } from './memory-limiter.ts'
import { RedisLimiter } from './redis-limiter.ts'
import { routeRate } from './route-limits.ts'
import { shed, shedTiers } from './shed.ts'
import { type ShedLevel, shedLevel } from './shed-level.ts'
import { limitOutcomes, Taking } from './taking.ts'

export interface LimitsOptions {
  readonly yaml: Static<typeof rates>
  /** Requests under way in this process, and how many may be. */
  readonly inFlight: () => number
  readonly limit: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
}

export interface Limits {
  readonly shed: Phase
  readonly byAddress: Phase
  readonly byIdentity: Phase
  readonly inFlight: Phase
  close(): Promise<void>
}

/** For how long the load must be lower before a tier is let in again. */
const easingMs = 1_000

/** All that limits requests; it measures and counts until it is closed. */
export function openLimits({ yaml, inFlight: underWay, limit, clock, random, log, metrics }: LimitsOptions): Limits {
  const process = new MemoryLimiter({ clock, maxKeys: yaml.maxKeys })
  const alone = new MemoryLimiter({ clock, maxKeys: yaml.maxKeys, share: 1 / yaml.processes })
  const site = yaml.redis === undefined ? undefined : openRedis(yaml.redis, yaml.prefix, ms(yaml.deadline), log)
  const taking = new Taking({
    site,
    process,
    alone,
    outcomes: metrics.counter('tidegate_limits_total', 'What limits said of requests.', {
      limit: ['address', 'consumer', 'route', 'quota'],
      outcome: limitOutcomes,
    }),
  })

  let level: ShedLevel = 0
  let sinceMs = 0
  const delay = new LoopDelay(clock, () => {
    const now = shedLevel({ delayMs: delay.p99Ms, inFlight: underWay(), limit }, level, ms(yaml.shedAbove))
    const nowMs = clock.monotonic()
    if (now >= level) sinceMs = nowMs
    // It falls only when it was lower for a while: those who were refused come back all at once.
    if (now === level || (now < level && nowMs - sinceMs < easingMs)) return
    if (now >= 2 || level >= 2) log.warn({ level: now, former: level, delayMs: delay.p99Ms }, 'load is shed by tiers')
    level = now
  })
  delay.start()
  metrics.gauge('tidegate_shed_level', 'Least important tiers that are refused: 0 none, 3 all but tier 1.', {}, (g) =>
    g.set({}, level),
  )
  metrics.gauge('tidegate_limit_keys', 'Addresses and consumers that this process counts.', {}, (g) =>
    g.set({}, process.size + alone.size),
  )
  const everywhere = yaml.perAddress && {
    count: yaml.perAddress.count,
    windowMs: ms(yaml.perAddress.window),
    ...(yaml.perAddress.burst === undefined ? {} : { burst: yaml.perAddress.burst }),
  }
  return {
    shed: shed({
      level: () => level,
      random,
      shed: metrics.counter('tidegate_shed_total', 'Requests refused under overload.', { tier: shedTiers }),
    }),
    byAddress: limitsByAddress({ taking, everywhere: routeRate(everywhere), headers: yaml.headers }),
    byIdentity: limitsByIdentity(taking, clock),
    inFlight: inFlight(),
    close: async () => {
      delay.stop()
      await Promise.all([process.close(), alone.close(), site?.close()])
    },
  }
}

function openRedis(url: string, prefix: string, deadlineMs: number, log: Log): RedisLimiter {
  const redis = new Redis(url, {
    // What waits for a connection holds up a request that a local count could have let through.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    commandTimeout: deadlineMs,
    enableAutoPipelining: true,
    retryStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 5), 1_000),
  })
  let away = false
  redis.on('error', (cause) => {
    if (!away) log.warn({ err: cause }, 'the Redis of the limits is away')
    away = true
  })
  redis.on('ready', () => {
    if (away) log.info({}, 'the Redis of the limits is back')
    away = false
  })
  return new RedisLimiter({ redis, prefix })
}
