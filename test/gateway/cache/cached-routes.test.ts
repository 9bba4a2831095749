import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import { CachedRoutes } from '../../../gateway/cache/cached-routes.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'

const cache: CachePolicy = { profile: 'api', ttlMs: 30_000, per: 'everyone', key: {}, tags: [] }
const cached = (pattern: string, facts: Partial<RouteFacts> = {}) =>
  route(pattern, { ...facts, policy: { ...policy, ...facts.policy, cache } })
const tableWith = (...routes: readonly RouteFacts[]) => tableOf(structure(routes), placementSet([]))
const found = (routes: readonly RouteFacts[]) => routes.map(({ pattern }) => pattern).toSorted()

describe('the routes whose answers may be stored', () => {
  it('are found by every pattern that a path fits, whatever else they ask of a request', async () => {
    const when = [{ from: 'country', test: 'oneOf', value: ['DE'] }] as const
    const table = await tableWith(
      cached('/v1/orders/{id}'),
      cached('/v1/orders/{id}', { when }),
      cached('/v1/orders/{id}:export'),
      cached('/v1/orders/**'),
      cached('/v1/orders/list'),
      cached('/v1/users/{id}', { service: 'users' }),
      route('/v1/orders/{id}/lines'),
    )
    const routes = CachedRoutes.of(table)

    expect(found(routes.matching('api.example.com', '/v1/orders/7'))).toEqual([
      '/v1/orders/**',
      '/v1/orders/{id}',
      '/v1/orders/{id}',
    ])
    expect(found(routes.matching('api.example.com', '/v1/orders/7:export'))).toContain('/v1/orders/{id}:export')
    expect(found(routes.matching('api.example.com', '/v1/orders'))).toEqual(['/v1/orders/**'])
    expect(found(routes.matching('api.example.com', '/v1/orders/7/lines'))).toEqual(['/v1/orders/**'])
    expect(found(routes.matching('api.example.com', '/v2/orders/7'))).toEqual([])
    expect(CachedRoutes.of(table)).toBe(routes)
  })

  it('serve a slash at the end as nothing where they say so', async () => {
    const ignoring = cached('/v1/orders/{id}', { policy: { ...policy, trailingSlash: 'ignore' } })
    const routes = CachedRoutes.of(await tableWith(ignoring, cached('/v1/users/{id}', { service: 'users' })))

    expect(routes.matching('api.example.com', '/v1/orders/7/')).toHaveLength(1)
    expect(routes.matching('api.example.com', '/v1/users/7/')).toHaveLength(0)
  })

  it('are those of the host, by whichever of its names', async () => {
    const table = await tableWith(
      cached('/v1/a', { host: 'api.example.com' }),
      cached('/v1/b', { host: '*.example.com' }),
      cached('/v1/c'),
    )
    const routes = CachedRoutes.of(table)

    for (const path of ['/v1/a', '/v1/b', '/v1/c']) expect(routes.matching('api.example.com', path)).toHaveLength(1)
    expect(routes.matching('other.test', '/v1/a')).toHaveLength(0)
    expect(routes.matching('other.test', '/v1/b')).toHaveLength(0)
    expect(routes.matching('other.test', '/v1/c')).toHaveLength(1)
  })

  it('are below a prefix when paths of theirs may begin with it', async () => {
    const table = await tableWith(cached('/v1/orders/{id}'), cached('/v1/{kind}/{id}/lines'), cached('/files/**'))
    const below = (...prefix: string[]) => found(CachedRoutes.of(table).below('http-orders', 'api.example.com', prefix))

    expect(below('v1')).toEqual(['/v1/orders/{id}', '/v1/{kind}/{id}/lines'])
    expect(below('v1', 'users', '7')).toEqual(['/v1/{kind}/{id}/lines'])
    expect(below('v1', 'users', '7', 'notes')).toEqual([])
    expect(below('files', 'a', 'b', 'c')).toEqual(['/files/**'])
    expect(below('v1', 'orders2')).toEqual(['/v1/{kind}/{id}/lines'])
    expect(below('v2')).toEqual([])
  })

  it('leave out none that a request can be given by', async () => {
    const segment = fc.constantFrom('a', 'b', 'a:x', '7', '')
    const patterns = ['/a/{id}', '/a/{id}:x', '/a/**', '/{k}/b', '/{k}/{id}', '/a/b', '/**', '/a/b/', '/{k}:x/**']
    const table = await tableWith(...patterns.map((pattern) => cached(pattern)))
    const routes = CachedRoutes.of(table)
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (parts) => {
        const path = `/${parts.join('/')}`
        const at = table.index.trie.match('api.example.com', path, 'GET')
        const given = table.structure.value.routes[at]
        if (given !== undefined) expect(routes.matching('api.example.com', path)).toContain(given)
      }),
      { numRuns: 500 },
    )
  })
})
