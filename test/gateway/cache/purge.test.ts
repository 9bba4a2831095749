import { beforeAll, describe, expect, it } from 'vitest'
import type { CacheInvalidation } from '#routes/gateway-answers.ts'
import type { CachePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import { applyPurge, planPurge } from '../../../gateway/cache/purge.ts'
import {
  declaredTag,
  groupTag,
  pathScopes,
  resourceRule,
  routeScope,
  uriTag,
} from '../../../gateway/cache/tag-names.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'

const host = 'api.example.com'
const cached = (pattern: string, cache: Partial<CachePolicy> = {}, facts: Partial<RouteFacts> = {}) =>
  route(pattern, {
    ...facts,
    policy: { ...policy, cache: { profile: 'api', ttlMs: 30_000, per: 'everyone', key: {}, tags: [], ...cache } },
  })
const orders = cached('/v1/orders/{id}')
const when = [{ from: 'country', test: 'oneOf', value: ['DE'] }] as const
const beta = cached('/v1/orders/{id}', { key: { query: 'none' } }, { when })
const shallow = cached('/v1/shallow/**', { prefixDepth: 2 })
/** Its answers may lie below the same prefixes as those of `shallow`. */
const beside = cached('/v1/{any}/{x}/{y}')
const deep = cached('/v1/deep/**', { prefixDepth: 8 })
const users = cached('/v1/users/{id}', {}, { service: 'users' })

let table: Table

beforeAll(async () => {
  table = await tableOf(structure([orders, beta, shallow, beside, deep, users]), placementSet([]))
})

const plan = (words: CacheInvalidation, namespace = 'http-orders') => planPurge(table, namespace, words)
const refusal = (words: unknown, namespace = 'http-orders') => {
  try {
    plan(words as CacheInvalidation, namespace)
  } catch (cause) {
    const { code, message } = cause as { code: string; message: string }
    return `${code}: ${message}`
  }
  return 'taken'
}

describe('what a purge names', () => {
  it('Cache U5: a URL is all that any route may have stored for it, under the key rule of each', () => {
    const { tags } = plan({ urls: [`https://${host}/v1/orders/7?a=1`] })

    expect(new Set(tags)).toEqual(
      new Set([
        uriTag(host, '/v1/orders/7', '?a=1', resourceRule(orders)),
        uriTag(host, '/v1/orders/7', '?a=1', resourceRule(beta)),
      ]),
    )
    expect(new Set(tags).size).toBe(2)
  })

  it('Cache U5: a URL is the same whatever scheme, port, alias and spelling it is written with', () => {
    const { tags } = plan({ urls: [`https://${host}/v1/orders/7`] })

    for (const url of [
      `http://${host}/v1/orders/7`,
      `HTTPS://API.example.com:443/v1/orders/%37#x`,
      'http://localhost:8080/v1/orders/7',
    ])
      expect(plan({ urls: [url] }).tags).toEqual(tags)
    expect(plan({ urls: [`https://${host}/v1/orders/8`] }).tags).not.toEqual(tags)
  })

  it('a URL with letters beyond ASCII is the one that clients ask for', () => {
    const { tags } = plan({ urls: [`https://${host}/v1/orders/größe`] })

    expect(tags).toContain(uriTag(host, '/v1/orders/gr%C3%B6%C3%9Fe', '', resourceRule(orders)))
  })

  it('tags, groups and routes are those that answers were stored with', () => {
    const purge = plan({ tags: ['order:1', 'order:1'], groups: ['a'], routes: [orders.id], soft: 60 })

    expect(purge).toEqual({
      namespace: 'http-orders',
      all: false,
      tags: [declaredTag('order:1'), groupTag(undefined, 'a')],
      scopes: [routeScope(orders.id)],
      keys: [],
      softMs: 60_000,
      words: { tags: 2, groups: 1, routes: 1 },
    })
  })

  it('a prefix ends at a segment, with a slash at its end or without', () => {
    const { scopes } = plan({ prefixes: [`${host}/v1/orders`] })

    expect(scopes).toEqual([pathScopes(host, '/v1/orders/7', 4).at(2)])
    expect(plan({ prefixes: [`https://${host}/v1/orders/`] }).scopes).toEqual(scopes)
    expect(pathScopes(host, '/v1/orders2', 4)).not.toContain(scopes[0])
  })

  it('Cache U6: a prefix deeper than any route below it can be purged by is refused, never followed in part', () => {
    const deepest = `${host}/v1/deep/a/b/c/d/e/f`

    expect(plan({ prefixes: [deepest] }).scopes).toEqual([pathScopes(host, '/v1/deep/a/b/c/d/e/f', 8).at(-1)])
    expect(refusal({ prefixes: [`${host}/v1`, `${deepest}/g`] })).toMatch(/^cache-prefix-too-deep: prefixes\[1\] has 9/)
    expect(refusal({ prefixes: [`${host}/v1/shallow/a`] })).toMatch(/^cache-prefix-too-deep: .* by 2 at most/)
    expect(refusal({ prefixes: [`${host}/v1/shallow`] })).toBe('taken')
  })

  it.each([
    [{ tags: 'a' }, /tags is not acceptable: it must be a list/],
    [{ tags: ['a', ''] }, /tags\[1\]/],
    [{ tags: [7] }, /tags\[0\]/],
    [{ tags: ['a'.repeat(128), 'a'.repeat(129)] }, /tags\[1\] is not acceptable: it must be a text of 1 to 128 bytes/],
    [{ urls: ['/v1/orders/7'] }, /urls\[0\] is not acceptable: it must be an absolute/],
    [{ urls: ['https://user@api.example.com/v1/orders/7'] }, /urls\[0\]/],
    [
      { urls: [`https://${host}/v1/orders/7`, `https://${host}/v1/users/7`] },
      /urls\[1\].*no answer to a GET of it is kept in http-orders\.$/,
    ],
    [{ prefixes: [`${host}/v1/orders?x=1`] }, /prefixes\[0\]/],
    [{ prefixes: [`${host}/v1/../x`] }, /prefixes\[0\]/],
    [{ routes: ['orders:GET:/v1/nothing'] }, /routes\[0\]/],
    [{ routes: [users.id] }, /routes\[0\]/],
    [{ keys: ['k'] }, /keys/],
    [{ all: 'yes' }, /all/],
    [{ all: true, soft: 0 }, /soft/],
    [{ all: true, soft: 86_401 }, /soft/],
    [{ all: true, reason: 7 }, /reason/],
    [{ tag: ['a'] }, /tag is not acceptable: there is no such word/],
    [{}, /names nothing/],
    [{ soft: 60 }, /names nothing/],
  ])('is refused whole, naming the word that cannot be followed: %j', (words, told) => {
    expect(refusal(words)).toMatch(told)
  })

  it('is refused whole when it names more than a thousand', () => {
    const tags = Array.from({ length: 1_001 }, (_, n) => `t${n}`)

    expect(refusal({ tags })).toMatch(/1001 words are more than 1000/)
    expect(refusal({ tags: tags.slice(1) })).toBe('taken')
  })

  it('in a namespace of a program is keys and tags, and of nobody else urls', () => {
    expect(planPurge(undefined, 'shop', { keys: ['a/../b'], tags: ['x'] })).toMatchObject({ keys: ['a/../b'] })
    expect(refusal({ urls: [`https://${host}/v1/orders/7`] }, 'shop')).toMatch(/urls/)
    expect(planPurge(undefined, 'shop', { keys: ['k'], soft: 5 })).toMatchObject({ keys: ['k'], softMs: 5_000 })
    expect(refusal({ urls: [`https://${host}/v1/orders/7`] }, 'http-nobody')).toMatch(/no service of the catalog/)
    expect(refusal({ tags: ['a'] }, 'http-nobody')).toMatch(/tags is not acceptable: no service of the catalog/)
    expect(refusal({ groups: ['a'] }, 'http-nobody')).toMatch(/groups is not acceptable: no service of the catalog/)
    expect(refusal({ all: true }, 'http-nobody')).toBe('taken')
  })
})

describe('doing it', () => {
  const recording = (outcome: 'applied' | 'failed') => {
    const done: unknown[] = []
    const take = async (...given: unknown[]) => {
      done.push(given)
      return outcome
    }
    const store = { invalidate: take, bump: take } as unknown as CacheStore
    return { store, done }
  }

  it('is one operation a name, with one stamp', async () => {
    const { store, done } = recording('applied')

    await applyPurge(store, plan({ tags: ['a'], routes: [orders.id], soft: 9 }), 7n)

    expect(done).toEqual([
      ['http-orders', 'tag', 't:a', { stamp: 7n, softMs: 9_000 }],
      ['http-orders', 'scope', routeScope(orders.id), { stamp: 7n, softMs: 9_000 }],
    ])
  })

  it('is one operation for all of a namespace, whatever else is named', async () => {
    const { store, done } = recording('applied')

    await applyPurge(store, plan({ tags: ['a'], all: true }), 7n)

    expect(done).toEqual([['http-orders', { stamp: 7n }]])
  })

  it('tries again what failed, and that alone', async () => {
    const done: string[] = []
    const store = {
      invalidate: async (...[, , name]: [string, string, string]) => {
        done.push(name)
        return name === 't:b' && done.length < 5 ? 'failed' : 'applied'
      },
    } as unknown as CacheStore

    await applyPurge(store, plan({ tags: ['a', 'b', 'c'] }), 7n)

    expect(done).toEqual(['t:a', 't:b', 't:c', 't:b', 't:b'])
  })

  it('is told as failed when any of it may not be durable', async () => {
    await expect(applyPurge(recording('failed').store, plan({ tags: ['a'] }), 7n)).rejects.toMatchObject({
      code: 'cache-invalidation-not-durable',
    })
  })
})
