import { describe, expect, it } from 'vitest'
import { cacheKey } from '../../../gateway/cache/key.ts'
import { explainRequest } from '../../../gateway/internal/explain-request.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { asked, cachedRoute, ofRoute } from '../cache/asked.ts'

const routes = [
  cachedRoute('/v1/a', { key: { headers: ['accept-language'] } }),
  cachedRoute('/v1/own', { per: 'consumer' }),
]
const table = await tableOf(structure([...routes, route('/v1/plain')]), placementSet([]))
const last = (url: string, method = 'GET', headers = {}) =>
  explainRequest(table, 'onprem', { method, url: `https://api.example.com${url}`, headers }).sentences.at(-1)

describe('the explanation of a request', () => {
  it('Cache K4: tells the very key under which its answer is stored', () => {
    const headers = ['Accept-Language', 'de']
    const x = asked(table, { target: '/v1/a?x=1', headers })
    const { route: found, policy } = ofRoute(x)
    const { clear } = cacheKey(x, found, policy)

    expect(last('/v1/a?x=1', 'GET', { 'Accept-Language': 'de' })).toBe(
      `An answer is stored in http-orders under the key ${clear}.`,
    )
  })

  it('Cache K4: says whose entries it are where each has its own', () => {
    expect(last('/v1/own')).toMatch(/\|nobody -, and each consumer has its own\.$/)
  })

  it.each([
    ['a route without a cache', '/v1/plain', 'GET'],
    ['a write', '/v1/a', 'POST'],
  ])('tells no key for %s', (_, url, method) => {
    expect(last(url, method)).not.toContain('stored')
  })
})
