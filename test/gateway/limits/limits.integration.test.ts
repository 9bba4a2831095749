import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { LimitsPolicy } from '#routes/policy.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let service1: RecordingUpstream
let redis: TestServer

beforeAll(async () => {
  bed = await openBed()
  service1 = await startRecordingUpstream(() => ok('fine'))
  redis = await startRedis()
}, 30_000)
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await service1.close()
  await redis.stop()
})

const minute = 60_000
const limited = (path: string, limits: LimitsPolicy) => route(path, { policy: { ...policy, limits } })

async function start(rates: Record<string, unknown> = {}, instance = 'a'): Promise<RunningGateway> {
  const routes = [
    limited('/v1/address', { perAddress: { count: 2, windowMs: minute } }),
    limited('/v1/route', { perRoute: { count: 3, windowMs: minute } }),
    limited('/v1/quota', { quota: { count: 1, per: 'day' } }),
    limited('/v1/closed', { perAddress: { count: 2, windowMs: minute }, whenAway: 'closed' }),
    route('/v1/free'),
  ]
  const services = [service('orders', { deployments: [{ site: 'onprem', url: service1.url }] })]
  const table = await bed.writeTable(`table-${instance}`, structure(routes, { services }), placementSet([]))
  return bed.start('onprem', { table: { file: table }, home: bed.folder.file(`home-${instance}`), rates })
}

const get = (gateway: RunningGateway, path: string, headers: Record<string, string> = {}) =>
  fetch(gateway.public + path, { headers })
const statuses = async (gateway: RunningGateway, path: string, times: number, headers = {}) => {
  const seen: number[] = []
  for (let at = 0; at < times; at++) seen.push((await get(gateway, path, headers)).status)
  return seen
}

describe('a limit of one process', () => {
  let gateway: RunningGateway
  beforeEach(async () => {
    gateway = await start()
  }, 30_000)

  it('tells clients what is left, and refuses what is above with 429', async () => {
    const first = await get(gateway, '/v1/address')
    await get(gateway, '/v1/address')
    const third = await get(gateway, '/v1/address')

    expect(first.headers.get('ratelimit-policy')).toBe('"address";q=2;w=60')
    expect(first.headers.get('ratelimit')).toMatch(/^"address";r=1;t=30$/)
    expect(third.status).toBe(429)
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(25)
    expect(third.headers.get('ratelimit')).toMatch(/^"address";r=0;t=60$/)
    expect(await third.json()).toMatchObject({ code: 'rate-limited' })
    expect((await get(gateway, '/v1/free')).headers.has('ratelimit')).toBe(false)
  }, 30_000)

  it('asks no service for what it refuses', async () => {
    const before = service1.requests.length

    expect(await statuses(gateway, '/v1/route', 5)).toEqual([200, 200, 200, 429, 429])
    expect(service1.requests.length - before).toBe(3)
  }, 30_000)

  it('of a day is told apart from one of a minute', async () => {
    await get(gateway, '/v1/quota')
    const second = await get(gateway, '/v1/quota')

    expect(second.status).toBe(429)
    expect(await second.json()).toMatchObject({ code: 'quota-spent' })
  }, 30_000)
})

describe('a limit of the site', () => {
  it('is one for all its processes, and goes on by their shares while Redis is away, or closes', async () => {
    const rates = { redis: `redis://127.0.0.1:${redis.port}`, deadline: '200ms', processes: 1 }
    const [one, two] = await Promise.all([start(rates, 'b'), start(rates, 'c')])

    expect((await get(one, '/v1/address')).status).toBe(200)
    expect((await get(two, '/v1/address')).status).toBe(200)
    expect((await get(one, '/v1/address')).status).toBe(429)

    process.kill(redis.process.pid, 'SIGSTOP')
    try {
      expect(await statuses(one, '/v1/address', 3)).toEqual([200, 200, 429])
      const closed = await get(one, '/v1/closed')
      expect(closed.status).toBe(503)
      expect(await closed.json()).toMatchObject({ code: 'limits-store-away' })
    } finally {
      process.kill(redis.process.pid, 'SIGCONT')
    }
  }, 60_000)
})

describe('a limit of the process for every address', () => {
  it('holds over all routes, also those without limits of their own', async () => {
    const gateway = await start({ perAddress: { count: 3, window: '1m' } }, 'd')

    expect(await statuses(gateway, '/v1/free', 4)).toEqual([200, 200, 200, 429])
    expect(await statuses(gateway, '/v1/nowhere', 1)).toEqual([429])
  }, 30_000)
})
