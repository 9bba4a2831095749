import { hash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CacheInvalidated, CacheInvalidation } from '#routes/gateway-answers.ts'
import type { CachePolicy } from '#routes/policy.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { memcachedCommands } from '../../support/memcached-commands.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

const cached = (cache: Partial<CachePolicy> = {}) => ({
  ...policy,
  cache: { profile: 'api', ttlMs: 600_000, per: 'everyone', key: {}, tags: [], ...cache } satisfies CachePolicy,
})
const routes = [
  route('/v1/orders/{id}', { policy: cached({ tags: ['order:{id}'], key: { query: { except: ['utm'] } } }) }),
  route('/v1/orders2/{id}', { policy: cached() }),
  route('/v1/swr/{id}', { policy: cached({ staleWhileRevalidateMs: 600_000, tags: ['swr'] }) }),
  route('/v1/sie/{id}', { policy: cached({ staleIfErrorMs: 600_000, tags: ['sie'] }) }),
  route('/v1/own/{id}', { policy: { ...cached({ per: 'consumer', tags: ['own:{id}'] }), auth: { scopes: [] } } }),
]

let bed: Bed
let zone: TestServer
let gateway: RunningGateway
let origin: Server
let answerBy: (request: IncomingMessage, answer: ServerResponse, number: number) => void
let asked = 0

beforeAll(async () => {
  bed = await openBed()
  zone = await startMemcached()
  origin = createServer((request, answer) => answerBy(request, answer, ++asked))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const deployments = ['onprem', 'cloud'].map((site) => ({ site, url }))
  const services = [service('orders', { deployments })]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  await bed.writeTable(
    'split',
    structure(routes, { services }),
    placementSet([placement('orders', { epoch: 2, moving: { to: 'cloud', reads: 10_000, writes: 0 } })]),
  )
  const tokens = ['ann', 'bob'].map((name) => ({ sha256: hash('sha256', name, 'hex'), consumer: name, scopes: [] }))
  await writeFile(bed.folder.file('tokens.json'), JSON.stringify(tokens))
  gateway = await start('onprem', {})
})
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  origin.closeAllConnections()
  origin.close()
  await zone.stop()
})
beforeEach(() => {
  answerBy = (_, answer, number) => void answer.end(`answer ${number}`)
})

function start(site: string, yaml: Record<string, unknown>) {
  return bed.start(site, {
    home: bed.folder.file(`home-${site}-${Math.floor(performance.now())}`),
    table: { file: 'table' },
    tokens: { driver: 'memory', file: 'tokens.json' },
    cache: { zones: [{ name: 'near', driver: 'memcached', nodes: [zone.address] }], readDeadline: '2s' },
    rates: { shedAbove: '60s' },
    ...yaml,
  })
}

interface Got {
  readonly status: number
  readonly body: string
  readonly cache: string
}

async function get(path: string, headers: Record<string, string> = {}, by = gateway): Promise<Got> {
  const answer = await fetch(by.public + path, { headers })
  return { status: answer.status, body: await answer.text(), cache: answer.headers.get('cache-status') ?? '' }
}
/** Asks until the answer comes from the store: storing goes on behind the first one. */
async function stored(path: string, headers: Record<string, string> = {}, by = gateway): Promise<string> {
  const { body } = await eventually(
    async () => {
      const got = await get(path, headers, by)
      return got.cache.includes('; hit') ? got : undefined
    },
    { deadlineMs: 15_000 },
  )
  return body
}
async function purge(words: CacheInvalidation, by = gateway): Promise<CacheInvalidated> {
  const init = { method: 'POST', body: JSON.stringify(words) }
  // As a client does that is told that it may not be durable.
  const answer = await eventually(async () => {
    const given = await by.ask('/cache/v1/http-orders:invalidate', init)
    return given.status === 503 ? undefined : given
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as CacheInvalidated
}

describe('a purge', () => {
  it('Cache U5: of a URL takes every variant, and every query that the key takes for the same', async () => {
    answerBy = (request, answer, number) => {
      answer.setHeader('vary', 'accept-language')
      answer.end(`${request.headers['accept-language']} ${number}`)
    }
    const language = (name: string) => ({ 'accept-language': name })
    const before = [
      await stored('/v1/orders/1?a=1', language('de')),
      await stored('/v1/orders/1?a=1', language('en')),
      await stored('/v1/orders/1?a=2', language('en')),
    ]

    await purge({ urls: ['https://api.example.com/v1/orders/1?a=1&utm=x'] })

    expect((await get('/v1/orders/1?a=1', language('de'))).body).not.toBe(before[0])
    expect((await get('/v1/orders/1?utm=y&a=1', language('en'))).body).not.toBe(before[1])
    expect((await get('/v1/orders/1?a=2', language('en'))).body).toBe(before[2])
  })

  it('Cache U5: of a URL or a tag takes every identity', async () => {
    const as = (name: string) => ({ authorization: `Bearer ${name}` })
    for (const words of [{ urls: ['http://api.example.com/v1/own/1'] }, { tags: ['own:1'] }]) {
      const before = [await stored('/v1/own/1', as('ann')), await stored('/v1/own/1', as('bob'))]

      await purge(words)

      expect((await get('/v1/own/1', as('ann'))).body).not.toBe(before[0])
      expect((await get('/v1/own/1', as('bob'))).body).not.toBe(before[1])
    }
  })

  it('Cache N2: of a prefix ends at segments, and one of a route, a tag or all takes what has it', async () => {
    const paths = ['/v1/orders/21', '/v1/orders/22', '/v1/orders2/21']
    const changed = async (words: CacheInvalidation) => {
      const before = await Promise.all(paths.map((path) => stored(path)))
      await purge(words)
      const after = await Promise.all(paths.map((path) => get(path)))
      return after.map(({ body }, at) => body !== before[at])
    }

    expect(await changed({ prefixes: ['api.example.com/v1/orders'] })).toEqual([true, true, false])
    expect(await changed({ prefixes: ['api.example.com/v1/orders/22'] })).toEqual([false, true, false])
    expect(await changed({ routes: [routes[1]?.id ?? ''] })).toEqual([false, false, true])
    expect(await changed({ tags: ['order:21'] })).toEqual([true, false, false])
    expect(await changed({ all: true })).toEqual([true, true, true])
  })

  it('Cache U1: that is soft leaves answers of use: one request fetches, and nobody waits for it', async () => {
    const before = await stored('/v1/swr/1')

    await purge({ tags: ['swr'], soft: 60 })
    const first = await get('/v1/swr/1')

    expect(first.body).toBe(before)
    expect(first.cache).toMatch(/; hit; .*detail=soft/)
    await eventually(async () => (await get('/v1/swr/1')).body !== before)
    await purge({ tags: ['swr'] })
    expect((await get('/v1/swr/1')).cache).toMatch(/fwd=/)
  })

  it('Cache U1: that is soft leaves answers for when the service fails, and one that is hard does not', async () => {
    const before = await stored('/v1/sie/1')
    await purge({ tags: ['sie'], soft: 60 })
    answerBy = (_, answer) => void answer.writeHead(503).end('away')

    expect((await get('/v1/sie/1')).body).toBe(before)
    await purge({ tags: ['sie'] })
    expect(await get('/v1/sie/1')).toMatchObject({ status: 503 })
  })

  it('Cache U2: costs the zones the same whether it hits one answer or many', async () => {
    const count = async (tag: string) => {
      const before = await commands()
      await purge({ tags: [tag] })
      return (await commands()) - before
    }
    answerBy = (_, answer, number) => {
      answer.setHeader('surrogate-key', number % 20 === 0 ? 'few' : 'many')
      answer.end(String(number))
    }
    await Promise.all(Array.from({ length: 60 }, (_, n) => stored(`/v1/orders2/u${n}`)))
    await count('first-of-its-kind')

    expect(await count('many')).toBe(await count('few'))
  })

  it('Cache U6: during a fetch makes what it brings stale before it is stored', async () => {
    let release: () => void = () => undefined
    answerBy = (_, answer, number) => {
      release = () => void answer.end(`old ${number}`)
    }
    const before = asked
    const first = get('/v1/orders/61')
    await eventually(() => asked === before + 1)

    await purge({ tags: ['order:61'] })
    release()
    expect((await first).body).toMatch(/^old/)
    answerBy = (_, answer, number) => void answer.end(`new ${number}`)

    for (let time = 0; time < 3; time++) expect((await get('/v1/orders/61')).body).toMatch(/^new/)
  })

  it('Cache U6: during a fetch: whoever asks after it does not wait for what that brings', async () => {
    let release: () => void = () => undefined
    answerBy = (_, answer, number) => {
      release = () => void answer.end(`old ${number}`)
    }
    const before = asked
    const first = get('/v1/orders/62')
    await eventually(() => asked === before + 1)
    answerBy = (_, answer, number) => void answer.end(`new ${number}`)

    await purge({ tags: ['order:62'] })
    const second = await get('/v1/orders/62')
    const written = await fetch(`${gateway.public}/v1/orders/62`, { method: 'PUT' })
    const third = await get('/v1/orders/62')
    release()

    expect([second.body, third.body].map((body) => body.slice(0, 3))).toEqual(['new', 'new'])
    expect([third.body === second.body, written.status]).toEqual([false, 200])
    expect((await first).body).toMatch(/^old/)
  })

  it('Cache U3: tells which site has it, waits for none, and reaches the one that was away', async () => {
    await using far = await startMemcached()
    const zones = { zones: [{ name: 'far', driver: 'memcached', nodes: [far.address] }], readDeadline: '2s' }
    const cloud = await start('cloud', { table: { file: 'split' }, cache: zones })
    await using proxy = await startFaultProxy(Number(new URL(cloud.internal).port))
    const peer = { public: cloud.public, internal: `http://127.0.0.1:${proxy.port}` }
    const near = {
      zones: [{ name: 'near', driver: 'memcached', nodes: [zone.address] }],
      readDeadline: '2s',
      doubleWrite: { to: ['cloud'] },
    }
    const onprem = await start('onprem', { peers: { cloud: peer }, cache: near })
    const before = await stored('/v1/orders/71', {}, cloud)
    await proxy.set({ kind: 'refuse' })

    expect((await purge({ tags: ['order:71'] }, onprem)).sites).toEqual({ onprem: 'applied', cloud: 'journaled' })
    expect((await get('/v1/orders/71', {}, cloud)).body).toBe(before)
    await proxy.set({ kind: 'none' })

    await eventually(async () => (await get('/v1/orders/71', {}, cloud)).body !== before, { deadlineMs: 15_000 })
    await eventually(async () => (await purge({ tags: ['order:72'] }, onprem)).sites['cloud'] === 'applied')
  })
})

describe('a write through the gateway', () => {
  it.each(['PUT', 'DELETE', 'PROPPATCH'])('Cache N1: by %s is seen by the next read', async (method) => {
    const path = `/v1/orders/write-${method}`
    const before = await stored(path)

    await fetch(gateway.public + path, { method })

    expect((await get(path)).body).not.toBe(before)
  })

  it('Cache N1: that failed leaves what is stored', async () => {
    const before = await stored('/v1/orders/failed')
    answerBy = (_, answer) => void answer.writeHead(409).end()

    expect((await fetch(`${gateway.public}/v1/orders/failed`, { method: 'PUT' })).status).toBe(409)

    expect((await get('/v1/orders/failed')).body).toBe(before)
  })

  it('Cache N1: makes Location untrue, and nothing of another origin', async () => {
    const paths = ['/v1/orders/new', '/v1/orders/foreign']
    const before = await Promise.all(paths.map((path) => stored(path)))
    answerBy = (_, answer, number) => {
      answer
        .setHeader('location', '/v1/orders/new')
        .setHeader('content-location', 'http://other.test/v1/orders/foreign')
      answer.end(String(number))
    }

    await fetch(`${gateway.public}/v1/orders/list`, { method: 'POST' })

    const after = await Promise.all(paths.map((path) => get(path)))
    expect(after.map(({ body }, at) => body === before[at])).toEqual([false, true])
  })

  it('Cache N1: that another site executes is seen by the next read here', async () => {
    await using far = await startMemcached()
    const onprem = await start('onprem', { table: { file: 'split' } })
    const cloud = await start('cloud', {
      table: { file: 'split' },
      // Nothing is shipped: what it knows, it knows from the answer that it passed on.
      cache: { zones: [{ name: 'far', driver: 'memcached', nodes: [far.address] }], readDeadline: '2s' },
      peers: { onprem: { public: onprem.public, internal: onprem.internal } },
    })
    const before = await stored('/v1/orders/81', {}, cloud)
    const executed: string[] = []
    answerBy = (request, answer, number) => {
      executed.push(`${request.method}`)
      answer.end(String(number))
    }

    const put = await fetch(`${cloud.public}/v1/orders/81`, { method: 'PUT' })

    expect([put.status, executed]).toEqual([200, ['PUT']])
    expect((await get('/v1/orders/81', {}, cloud)).body).not.toBe(before)
  })

  it('Cache N5: names groups, whose answers are fetched anew, whatever its status', async () => {
    answerBy = (_, answer, number) => {
      answer.setHeader('cache-groups', '"g1", "g2"')
      answer.end(String(number))
    }
    const before = await stored('/v1/orders2/91')
    answerBy = (request, answer, number) => {
      if (request.method === 'PUT') answer.setHeader('cache-group-invalidation', '"g2"')
      answer.writeHead(request.method === 'PUT' ? 500 : 200).end(String(number))
    }

    await fetch(`${gateway.public}/v1/orders2/92`, { method: 'PUT' })

    expect((await get('/v1/orders2/91')).body).not.toBe(before)
  })

  it('Cache N5: a group is purged by its name alone, too', async () => {
    answerBy = (_, answer, number) => {
      answer.setHeader('cache-groups', '"g3"')
      answer.end(String(number))
    }
    const before = await stored('/v1/orders2/93')

    await purge({ groups: ['g3'] })

    expect((await get('/v1/orders2/93')).body).not.toBe(before)
  })
})

/** Commands that the zone has executed, when there come no more. */
async function commands(): Promise<number> {
  let before = -1
  return eventually(
    async () => {
      const now = await memcachedCommands(zone.port)
      const same = now === before
      before = now
      return same ? now : undefined
    },
    { everyMs: 100 },
  )
}
