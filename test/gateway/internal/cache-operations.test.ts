import Fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { cacheOperations } from '../../../gateway/internal/cache-operations.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { LoneZoneState } from '../../../gateway/store/shared-zone-state-lone.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { ZonedStore } from '../../../gateway/store/zoned-store.ts'
import type { PullPeer } from '../../../gateway/warm-up/pull-peer.ts'
import { Background } from '../../../server-kit/background.ts'
import { HeldClock } from '../../../server-kit/clock.ts'
import { silentLog } from '../../../server-kit/log.ts'
import { installProblemReplies } from '../../../server-kit/problem-reply.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function site() {
  const clock = new HeldClock()
  const stamps = new StampClock(clock, 1)
  const newStamp = () => stamps.next()
  const shared = new LoneZoneState(newStamp)
  const zones = ['near', 'far'].map((zone) => new MemoryStore({ zone, clock }))
  const zoned = new ZonedStore({
    zones,
    writeAck: 'all',
    clock,
    log: silentLog,
    background: new Background(silentLog),
    newStamp,
    shared,
  })
  const hot: Record<string, readonly string[] | undefined> = {}
  const peer: PullPeer = {
    pull: async () => 'absent',
    sample: async (namespace) => hot[namespace],
    namespaces: async () => [],
    close: async () => {},
  }
  const scopes: string[] = []
  const abandoned: string[] = []
  const app = Fastify()
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  await app.register(cacheOperations, {
    zoned,
    inner: zoned,
    shared,
    peers: new Map([['cloud', peer]]),
    abandon: async (of, place) => {
      abandoned.push(`${of} ${place}`)
      return place === 'gone' ? 'unknown' : 'abandoned'
    },
    require: async (_, scope) => void scopes.push(scope),
    clock,
    deadlineMs: 1_000,
  })
  closing.push(
    () => app.close(),
    () => zoned.close(),
  )
  const get = async (path: string) => {
    const { statusCode, body } = await app.inject(`/gateway/v1/cache/${path}`)
    return { status: statusCode, body: JSON.parse(body) }
  }
  const post = async (path: string, payload: object) => {
    const { statusCode, body } = await app.inject({ method: 'POST', url: `/gateway/v1/cache/${path}`, payload })
    return { status: statusCode, body: JSON.parse(body) }
  }
  return { clock, stamps, zones, zoned, hot, scopes, abandoned, get, post }
}

describe('what operators see of a cache', () => {
  it('is each zone with a key, what it holds there, and where', async () => {
    const { stamps, zoned, zones, get, scopes } = await site()
    const stamp = stamps.next()
    const tags = { exact: ['one'], scopes: [] }
    const key = 'a/b ü&c'
    await zoned.put('legacy', key, Buffer.from('hello'), {
      stamp,
      ttlMs: 90_500,
      flags: 7,
      contentType: 'text/x',
      tags,
    })
    await zones[1]?.delete('legacy', key, { stamp: stamps.next() })

    const { status, body } = await get(`item?ns=legacy&key=${encodeURIComponent(key)}`)

    expect(status).toBe(200)
    expect(body).toMatchObject({
      namespace: 'legacy',
      key,
      zones: [
        {
          zone: 'near',
          node: 'memory',
          result: 'hit',
          stamp: String(stamp),
          bytes: 5,
          flags: 7,
          contentType: 'text/x',
        },
        { zone: 'far', node: 'memory', result: 'tombstone' },
      ],
    })
    expect(body.zones[0]).toMatchObject({ tags: ['one'], ttl: 91 })
    expect(scopes).toEqual(['status'])
    expect((await get('item?ns=LEGACY&key=a')).status).toBe(400)
    expect((await get('item?ns=legacy')).body).toMatchObject({ code: 'cache-request-invalid' })
  })

  it('is how many keys that are hot elsewhere are here, and who does not say', async () => {
    const { stamps, zoned, hot, get } = await site()
    await zoned.put('legacy', 'a', Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000 })
    hot['legacy'] = ['a', 'b']

    expect((await get('warmth?ns=legacy')).body).toEqual({
      namespace: 'legacy',
      sites: [{ from: 'cloud', sampled: 2, present: 1, share: 0.5 }],
    })
    expect((await get('warmth?ns=other&from=cloud')).body.sites).toEqual([
      { from: 'cloud', sampled: 0, present: 0, away: true },
    ])
    expect((await get('warmth?ns=legacy&from=mars')).body).toMatchObject({ code: 'cache-request-invalid' })
  })
})

describe('what operators turn in a cache', () => {
  it('is a zone that is not read any more, and then begins empty', async () => {
    const { clock, stamps, zoned, get, post, scopes } = await site()
    await zoned.put('legacy', 'a', Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000 })

    expect((await post('zones/near', { state: 'write-only' })).body).toEqual({ zone: 'near', state: 'write-only' })
    expect(await zoned.get('legacy', 'a', { deadlineMs: 100 })).toMatchObject({ kind: 'hit', zone: 'far' })
    expect((await get('zones')).body.zones).toMatchObject([
      { zone: 'near', state: 'write-only' },
      { zone: 'far', state: 'up' },
    ])

    clock.advance(5)
    for (const zone of ['near', 'far']) await post(`zones/${zone}`, { state: 'cold' })
    expect(await zoned.get('legacy', 'a', { deadlineMs: 100 })).toMatchObject({ kind: 'miss' })
    expect((await get('zones')).body.zones[0].emptySince).toBeGreaterThan(0)
    expect(new Set(scopes)).toEqual(new Set(['operate', 'status']))
  })

  it('is nothing for a zone or state that there is not', async () => {
    const { post } = await site()

    expect((await post('zones/nowhere', { state: 'up' })).body.detail).toMatch(/no zone is called nowhere/)
    expect((await post('zones/near', { state: 'gone' })).body.detail).toMatch(/up, write-only, cold/)
  })

  it('is whom the site waits for', async () => {
    const { post, abandoned } = await site()

    expect((await post('abandon', { site: 'cloud', place: 'ab12' })).body).toMatchObject({ outcome: 'abandoned' })
    expect((await post('abandon', { site: 'cloud', place: 'gone' })).status).toBe(400)
    expect((await post('abandon', { site: 'cloud' })).status).toBe(400)
    expect(abandoned).toEqual(['cloud ab12', 'cloud gone'])
  })
})
