import { beforeAll, describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { groupTag, resourceRule, uriTag } from '../../../gateway/cache/tag-names.ts'
import { UnsafeInvalidation, unsafeOutcomes } from '../../../gateway/cache/unsafe-invalidation.ts'
import { problems } from '../../../gateway/errors.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const host = 'api.example.com'
const cached = (pattern: string, cache: Partial<CachePolicy> = {}, facts: Partial<RouteFacts> = {}) =>
  route(pattern, {
    ...facts,
    policy: { ...policy, cache: { profile: 'api', ttlMs: 30_000, per: 'everyone', key: {}, tags: [], ...cache } },
  })
const orders = cached('/v1/orders/{id}', { key: { query: { except: ['utm'] } } }, { methods: ['GET'] })
const users = cached('/v1/users/{id}', {}, { service: 'users', methods: ['GET'] })
const posts = route('/v1/orders', { methods: ['POST'] })
const changes = route('/v1/orders/{id}', { methods: ['PUT', 'DELETE', 'FROB'] })

let table: Table
let bare: Table

beforeAll(async () => {
  table = await tableOf(structure([orders, users, posts, changes]), placementSet([]))
  bare = await tableOf(structure([posts, changes]), placementSet([]))
})

interface Done {
  readonly namespace: string
  readonly name: string
}

function made(outcome: 'applied' | 'failed' | 'late' = 'applied', limitMs = 50) {
  const done: Done[] = []
  let release = (): void => undefined
  const waiting = new Promise<void>((resolve) => {
    release = resolve
  })
  const take = async (namespace: string, name: string) => {
    done.push({ namespace, name })
    if (outcome === 'late') await waiting
    return outcome === 'failed' ? 'failed' : 'applied'
  }
  const store = {
    invalidate: (namespace: string, _: string, name: string) => take(namespace, name),
    bump: (namespace: string) => take(namespace, '*'),
  } as unknown as CacheStore
  const metrics = createMetrics()
  const outcomes = metrics.counter('tidegate_test_total', 'x', { outcome: unsafeOutcomes })
  const background = new Background(silentLog)
  const invalidation = new UnsafeInvalidation({
    store,
    newStamp: () => 7n,
    limitMs,
    clock: systemClock,
    background,
    log: silentLog,
    outcomes,
    seconds: metrics.histogram('tidegate_test_seconds', 'x', {}, [1]),
  })
  return { invalidation, done, release, background, text: () => metrics.text() }
}

const answer = (status: number, headers: string[] = [], facts: Partial<Answer> = {}): Answer => ({
  status,
  reason: '',
  headers,
  body: undefined,
  ...facts,
})
const request = (method: string, target: string, by = table) => {
  const x = exchangeOf([], { method, target, host })
  x.table = by
  return x
}
const tagOf = (target: string) => {
  const [path = '', query] = target.split('?')
  return uriTag(host, path, query === undefined ? '' : `?${query}`, resourceRule(orders))
}

describe('an answer to a method that may change something', () => {
  it.each(['PUT', 'DELETE', 'POST', 'PATCH', 'FROB', 'PURGE'])(
    'Cache N1: to %s makes its target untrue, under the key rule of a GET of it, before it is sent',
    async (method) => {
      const { invalidation, done } = made()

      await invalidation.after(request(method, '/v1/orders/7?utm=x&a=1'), answer(204))

      expect(done).toEqual([{ namespace: 'http-orders', name: tagOf('/v1/orders/7?a=1') }])
    },
  )

  it('Cache N1: makes Location and Content-Location of its origin untrue, each in the namespace of its service', async () => {
    const { invalidation, done } = made()
    const headers = ['Location', '/v1/orders/8', 'Content-Location', `http://${host}/v1/users/9`]

    await invalidation.after(request('POST', '/v1/orders'), answer(201, headers))

    expect(done).toEqual([
      { namespace: 'http-orders', name: tagOf('/v1/orders/8') },
      { namespace: 'http-users', name: uriTag(host, '/v1/users/9', '', resourceRule(users)) },
    ])
  })

  it('Cache N1: says nothing of another origin', () => {
    const { invalidation } = made()
    const headers = [
      'Location',
      'http://other.example.com/v1/orders/8',
      'Content-Location',
      `https://${host}/v1/orders/8`,
    ]

    expect(invalidation.after(request('POST', '/v1/orders'), answer(201, headers))).toBeUndefined()
  })

  it.each([404, 409, 500, 503])('Cache N1: with %s changes nothing', (status) => {
    expect(made().invalidation.after(request('PUT', '/v1/orders/7'), answer(status))).toBeUndefined()
  })

  it('Cache N1: that the gateway itself gave changes nothing', () => {
    const problem = problems['overloaded']({ what: 'x' })

    expect(made().invalidation.after(request('PUT', '/v1/orders/7'), answer(200, [], { problem }))).toBeUndefined()
  })

  it('Cache N5: makes its groups untrue for all services of its origin, whatever its status', async () => {
    const { invalidation, done } = made()

    await invalidation.after(request('PUT', '/v1/orders/7'), answer(500, ['Cache-Group-Invalidation', '"a", "b"']))

    const names = [groupTag(host, 'a'), groupTag(host, 'b')]
    expect(done).toEqual(
      ['http-orders', 'http-users'].flatMap((namespace) => names.map((name) => ({ namespace, name }))),
    )
  })

  it('Cache N5: with more groups than can be told one by one invalidates all instead of some', async () => {
    const { invalidation, done } = made()
    const groups = Array.from({ length: 200 }, (_, n) => `"g${n}"`).join(', ')

    await invalidation.after(request('PUT', '/v1/orders/7'), answer(204, ['Cache-Group-Invalidation', groups]))

    expect(done).toEqual([
      { namespace: 'http-orders', name: '*' },
      { namespace: 'http-users', name: '*' },
    ])
  })

  it('Cache N1: goes out in time when the store is late, and the invalidation goes on', async () => {
    const { invalidation, done, release, background, text } = made('late')
    const started = performance.now()

    await invalidation.after(request('PUT', '/v1/orders/7'), answer(204))

    expect(performance.now() - started).toBeLessThan(1_000)
    expect(done).toHaveLength(1)
    expect(background.running).toBe(1)
    expect(await text()).toMatch(/tidegate_test_total\{outcome="late"\} 1/)
    release()
    await background.settle(1_000)
  })

  it('Cache N1: goes out when no zone takes the invalidation, which is counted', async () => {
    const { invalidation, text } = made('failed', 5_000)

    await invalidation.after(request('PUT', '/v1/orders/7'), answer(204))

    expect(await text()).toMatch(/tidegate_test_total\{outcome="failed"\} 1/)
  })
})

describe('what costs nothing', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])('Cache N1: %s changes nothing', (method) => {
    const groups = ['Cache-Group-Invalidation', '"a"']

    expect(made().invalidation.after(request(method, '/v1/orders/7'), answer(200, groups))).toBeUndefined()
  })

  it('is a path that no cached route shares, and a table without any', () => {
    const { invalidation } = made()

    expect(invalidation.after(request('PUT', '/v1/other/7'), answer(204))).toBeUndefined()
    expect(invalidation.after(request('PUT', '/v1/orders/7', bare), answer(204))).toBeUndefined()
    const x = exchangeOf([], { method: 'PUT', target: '/v1/orders/7' })
    expect(invalidation.after(x, answer(204))).toBeUndefined()
  })
})

describe('a request that another site executed', () => {
  it('Cache N1: makes the answers of this one untrue, too, before its answer is given', async () => {
    const { invalidation, done } = made()
    const sent: string[] = []
    const crossing = invalidation.crossing({
      send: async (_, to) => {
        sent.push(to)
        return answer(204)
      },
    })

    const given = await crossing.send(request('PUT', '/v1/orders/7'), 'cloud')

    expect([given.status, sent]).toEqual([204, ['cloud']])
    expect(done).toEqual([{ namespace: 'http-orders', name: tagOf('/v1/orders/7') }])
  })
})
