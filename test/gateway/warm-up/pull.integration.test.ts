import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { HitSample } from '../../../gateway/warm-up/hit-sample.ts'
import { HttpPullPeer } from '../../../gateway/warm-up/http-pull-peer.ts'
import { pullRoutes } from '../../../gateway/warm-up/pull-routes.ts'
import { warmthOf } from '../../../gateway/warm-up/warmth.ts'
import { WarmthGauge } from '../../../gateway/warm-up/warmth-gauge.ts'
import { Background } from '../../../server-kit/background.ts'
import { systemClock as clock } from '../../../server-kit/clock.ts'
import { silentLog } from '../../../server-kit/log.ts'
import { createMetrics } from '../../../server-kit/metrics.ts'
import { installProblemReplies } from '../../../server-kit/problem-reply.ts'

const deadlineMs = 2_000
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** The other site, which believes whoever says the word, and a peer that asks it. */
async function otherSite(word = 'a peer') {
  const stamps = new StampClock(clock, 2)
  const there: CacheStore = new MemoryStore({ zone: 'there', clock, limitBytes: 1024 * 1024 })
  const sample = new HitSample(clock)
  const app = Fastify()
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  const isPeer = async ({ headers }: { headers: Readonly<Record<string, unknown>> }) => headers['x-word'] === 'a peer'
  await app.register(pullRoutes, { inner: there, sample, isPeer, clock, deadlineMs })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const peer = new HttpPullPeer({ origin, sign: async () => ({ 'x-word': word }) })
  closing.push(
    () => app.close(),
    () => peer.close(),
  )
  return { there, stamps, sample, peer, app }
}

describe('asking the other site for what this one lacks', () => {
  it('brings value, flags, type, tags and stamp unchanged, and no longer life than it has there', async () => {
    const { there, stamps, peer } = await otherSite()
    const stamp = stamps.next()
    const tags = { exact: ['t:one'], scopes: [] }
    const value = Buffer.from([0, 255, 13, 10, 0])
    const put = { stamp, ttlMs: 60_000, flags: 0xffffffff, contentType: 'image/x', tags }
    await there.put('shop', 'a b/ü%2F', value, put)

    const pulled = await peer.pull('shop', 'a b/ü%2F', deadlineMs)

    expect(pulled).toMatchObject({ kind: 'set', stamp, flags: 0xffffffff, contentType: 'image/x', tags })
    if (typeof pulled === 'string') return
    expect(pulled.value).toEqual(value)
    expect(pulled.expiresAtMs).toBeLessThanOrEqual(clock.now() + 60_000)
    expect(pulled.expiresAtMs).toBeGreaterThan(clock.now() + 50_000)
  })

  it('says absent for what is not there, was deleted or is stale, and failed where nobody answers', async () => {
    const { there, stamps, peer, app } = await otherSite()
    const soft = { sinceMs: clock.now() - 1, forMs: 60_000 }
    await there.put('shop', 'stale', Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000, soft })
    await there.put('shop', 'gone', Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000 })
    await there.delete('shop', 'gone', { stamp: stamps.next() })

    expect(await peer.pull('shop', 'never', deadlineMs)).toBe('absent')
    expect(await peer.pull('shop', 'gone', deadlineMs)).toBe('absent')
    expect(await peer.pull('shop', 'stale', deadlineMs)).toBe('absent')
    await app.close()
    expect(await peer.pull('shop', 'never', deadlineMs)).toBe('failed')
  })

  it('answers peers alone', async () => {
    const { there, stamps, peer } = await otherSite('somebody')
    await there.put('shop', 'a', Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000 })

    expect(await peer.pull('shop', 'a', deadlineMs)).toBe('failed')
    expect(await peer.sample('shop', deadlineMs)).toBeUndefined()
    expect(await peer.namespaces(deadlineMs)).toBeUndefined()
  })
})

describe('how warm a site is', () => {
  it('is the share of what is hit there that is here', async () => {
    const { sample, peer } = await otherSite()
    const stamps = new StampClock(clock, 1)
    const here: CacheStore = new MemoryStore({ zone: 'here', clock, limitBytes: 1024 * 1024 })
    for (let i = 0; i < 100; i++) {
      sample.note('shop', `key-${i}`)
      if (i % 4 === 0) await here.put('shop', `key-${i}`, Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000 })
    }

    expect(await warmthOf('shop', 'there', peer, here, clock, deadlineMs)).toEqual({
      from: 'there',
      sampled: 100,
      present: 25,
      share: 0.25,
    })
    expect(await warmthOf('quiet', 'there', peer, here, clock, deadlineMs)).toEqual({
      from: 'there',
      sampled: 0,
      present: 0,
    })
  })

  it('stands in the metrics, and is not a number while nobody knows', async () => {
    const { sample, peer, app } = await otherSite()
    const stamps = new StampClock(clock, 1)
    const here: CacheStore = new MemoryStore({ zone: 'here', clock, limitBytes: 1024 * 1024 })
    const metrics = createMetrics()
    const peers = new Map([['there', peer]])
    const gauge = new WarmthGauge({ peers, inner: here, clock, background: new Background(silentLog), metrics })
    closing.push(async () => gauge.close())
    const told = async () => (await metrics.text()).match(/^tidegate_cache_warm_share\{site="there"\} (\S+)$/m)?.[1]

    expect(await told()).toBe('Nan')
    sample.note('shop', 'a')
    sample.note('orders', 'b')
    await here.put('orders', 'b', Buffer.from('1'), { stamp: stamps.next(), ttlMs: 60_000 })
    await gauge.look()
    expect(await told()).toBe('0.5')
    await app.close()
    await gauge.look()
    expect(await told()).toBe('Nan')
  })
})
