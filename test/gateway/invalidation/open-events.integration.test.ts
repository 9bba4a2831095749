import { hash } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventsAnswer } from '#routes/gateway-answers.ts'
import { invalidateType } from '../../../gateway/invalidation/event.ts'
import { eventually } from '../../support/eventually.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'
import { placementSet, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let redis: TestServer
let client: Redis
let gateway: RunningGateway

beforeAll(async () => {
  redis = await startRedis()
  client = new Redis(redis.port)
  bed = await openBed()
  await bed.writeTable('table', structure([], { services: [service('orders')] }), placementSet([]))
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    internal: { tokens: [token('operator', ['status', 'operate', 'metrics'])] },
    cache: {
      zones: [{ name: 'near', driver: 'memory' }],
      memory: { alone: true },
      clients: [
        {
          name: 'shop',
          sha256: hash('sha256', 'shop', 'hex'),
          namespaces: ['shop'],
          verbs: ['read', 'write', 'delete'],
        },
        { name: 'reader', sha256: hash('sha256', 'reader', 'hex'), namespaces: ['*'], verbs: ['read'] },
      ],
      events: {
        redis: `redis://${redis.address}`,
        stream: true,
        changes: [{ source: 'products', ns: 'shop', tags: ['product:{id}'] }],
      },
    },
  })
})
afterAll(async () => {
  client.disconnect()
  await bed[Symbol.asyncDispose]()
  await redis.stop()
})

function token(name: string, scopes: readonly string[]) {
  return { name, sha256: hash('sha256', name, 'hex'), scopes }
}

const ask = (path: string, init: RequestInit & { token?: string } = {}) =>
  fetch(gateway.internal + path, {
    ...init,
    headers: { authorization: `Bearer ${init.token ?? 'shop'}`, ...(init.headers as Record<string, string>) },
  })
const put = (key: string, tags?: string) =>
  ask(`/cache/v1/shop/${key}`, {
    method: 'PUT',
    body: 'a value',
    headers: tags === undefined ? {} : { 'x-tidegate-cache-tags': tags },
  })
const isGone = async (key: string) => (await ask(`/cache/v1/shop/${key}`)).status === 404
const event = (data: object) =>
  JSON.stringify({
    ...{ specversion: '1.0', id: '1', source: '/shop', type: invalidateType },
    data: { ns: 'shop', reason: 'a test', ...data },
  })
const add = (text: string) => client.xadd('tidegate:{onprem}:events', '*', 'event', text)
const status = async () => (await (await ask('/gateway/v1/events', { token: 'operator' })).json()) as EventsAnswer

describe('a gateway that is told of invalidations', () => {
  it('applies what other programs put into the stream of its site', async () => {
    await eventually(async () => (await status()).state === 'reading')
    await put('1')
    await put('2', 'product:7')
    await put('3')
    await add(event({ keys: ['1'] }))
    await add(JSON.stringify({ op: 'u', before: null, after: { id: 7 }, source: { table: 'products' } }))

    await eventually(async () => (await isGone('1')) && (await isGone('2')))
    expect(await isGone('3')).toBe(false)
  })

  it('applies what comes by HTTP, from whoever may invalidate there', async () => {
    await put('4')
    const post = (as: string) =>
      ask('/gateway/v1/events', {
        ...{ method: 'POST', body: event({ keys: ['4'] }), token: as },
        headers: { 'content-type': 'application/cloudevents+json' },
      })

    expect((await post('reader')).status).toBe(403)
    expect((await post('nobody')).status).toBe(401)
    expect(await isGone('4')).toBe(false)
    expect((await post('shop')).status).toBe(202)
    expect(await isGone('4')).toBe(true)
  })

  it('Store V5: tells operators and metrics how far it is', async () => {
    await add('{')
    await eventually(async () => (await status()).dead === 1)
    const metrics = await (await ask('/metrics', { token: 'operator' })).text()

    expect(metrics).toMatch(/^tidegate_events_dead 1$/m)
    expect(metrics).toMatch(/^tidegate_events_lag 0$/m)
    expect(metrics).toMatch(/^tidegate_events_total\{source="redis-stream",outcome="dead"\} 1$/m)
    expect((await ask('/gateway/v1/events', { token: 'shop' })).status).toBe(401)
  })

  it('goes on serving, and takes events by HTTP, while Redis is away', async () => {
    await put('5')
    await redis.process.stop('SIGKILL')
    await eventually(async () => (await status()).state === 'away')

    const body = event({ keys: ['5'] })
    const headers = { 'content-type': 'application/cloudevents+json' }
    expect((await ask('/gateway/v1/events', { method: 'POST', body, headers })).status).toBe(202)
    expect(await isGone('5')).toBe(true)
    const dead = await ask('/gateway/v1/events/dead', { token: 'operator' })
    expect(dead.status).toBe(503)
  })
})
