import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileRate } from '../../../gateway/limits/gcra.ts'
import { RedisLimiter } from '../../../gateway/limits/redis-limiter.ts'
import { limiterContract } from '../../contracts/limiter.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'

let server: TestServer
let redis: Redis
let count = 0

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.port, '127.0.0.1')
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const open = () => new RedisLimiter({ redis, prefix: `t${count++}:` })

// Time passes for the server alone: this is the one place where a test waits for it.
limiterContract(async () => ({ limiter: open(), pass: (ms) => wait(ms) }))

describe('a limiter in Redis', () => {
  it('counts what two gateways let through as one', async () => {
    const prefix = `t${count++}:`
    const [one, two] = [new RedisLimiter({ redis, prefix }), new RedisLimiter({ redis, prefix })]
    const claim = { kind: 'rate', key: 'a', rate: compileRate({ count: 50, windowMs: 600_000 }) } as const

    const verdicts = await Promise.all(Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? one : two).take([claim])))

    expect(verdicts.filter(([verdict]) => verdict?.allowed)).toHaveLength(50)
  })

  it('leaves no key behind for longer than it counts', async () => {
    const prefix = `t${count++}:`
    const limiter = new RedisLimiter({ redis, prefix })

    await limiter.take([{ kind: 'rate', key: 'a', rate: compileRate({ count: 5, windowMs: 5_000 }) }])
    await limiter.take([{ kind: 'quota', key: 'q', count: 5, leftMs: 5_000 }])

    expect(await redis.pttl(`${prefix}a`)).toBeGreaterThan(0)
    expect(await redis.pttl(`${prefix}a`)).toBeLessThanOrEqual(1_001)
    expect(await redis.pttl(`${prefix}q`)).toBeLessThanOrEqual(65_000)
  })

  it('says that nobody could count when Redis is away', async () => {
    const away = new Redis(1, '127.0.0.1', { enableOfflineQueue: false, maxRetriesPerRequest: 0, lazyConnect: true })
    away.on('error', () => {})
    const limiter = new RedisLimiter({ redis: away, prefix: 'x' })

    await expect(limiter.take([{ kind: 'quota', key: 'q', count: 5, leftMs: 5_000 }])).rejects.toMatchObject({
      code: 'limits-store-away',
    })
    away.disconnect()
  })
})
