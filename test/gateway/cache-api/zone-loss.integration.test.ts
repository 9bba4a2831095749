import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { type CacheApi, lines, type Send, serveCacheApi, startZones, type Zones } from './cache-api-bed.ts'

let zones: Zones
let api: CacheApi<CacheStore>
let send: Send
const path = '/cache/v1/shop/k'

beforeAll(async () => {
  zones = await startZones()
  api = await serveCacheApi(await zones.site(1), systemClock)
  send = api.send
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await zones[Symbol.asyncDispose]()
})

describe('the loss of zones', () => {
  it('is no error of a read: the other zone answers, and when that is gone too it is a miss', async () => {
    await send('PUT', path, { body: 'x' })
    await send('PUT', '/cache/v1/shop/n', { body: '1' })
    await zones.servers[0]?.process.stop('SIGKILL')

    for (let asked = 0; asked < 50; asked++) expect((await send('GET', path)).status).toBe(200)
    expect((await send('GET', path)).headers['x-tidegate-cache-zone']).toBe('zone-1')
    await zones.servers[1]?.process.stop('SIGKILL')
    for (let asked = 0; asked < 50; asked++)
      expect(await send('GET', path)).toMatchObject({ status: 404, code: 'cache-miss' })

    const { headers } = await send('GET', path)
    expect(headers['x-tidegate-cache-reason']).not.toBe('absent')
  })

  it('is told to whoever writes', async () => {
    const unavailable = { status: 503, code: 'cache-write-unavailable' }
    expect(await send('PUT', path, { body: 'y' })).toMatchObject(unavailable)
    expect(await send('PUT', path, { body: 'y', headers: { 'if-none-match': '*' } })).toMatchObject(unavailable)
    expect(await send('POST', `${path}:append`, { body: 'y' })).toMatchObject(unavailable)
    expect(await send('POST', `${path}:touch`, { body: '{"ttl":9}' })).toMatchObject(unavailable)
    expect(await send('POST', `${path}:lease`)).toMatchObject(unavailable)
    for (const headers of [{}, { 'idempotency-key': 'a' }])
      expect(await send('POST', '/cache/v1/shop/n:incr', { body: '{}', headers })).toMatchObject(unavailable)
    for (const target of [path, `${path}?soft=30`])
      expect(await send('DELETE', target)).toMatchObject({ status: 503, code: 'cache-invalidation-not-durable' })
    const body = '{"op":"get","key":"k"}\n{"op":"put","key":"k","value":""}\n{"op":"delete","key":"k"}'
    expect(lines(await send('POST', '/cache/v1/shop:batch', { body })).map(({ status }) => status)).toEqual([
      404, 503, 503,
    ])
  })
})
