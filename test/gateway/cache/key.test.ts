import { beforeAll, describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import type { Table } from '#routes/table.ts'
import { cacheKey, cacheNamespace } from '../../../gateway/cache/key.ts'
import { placement, placementSet, structure, tableOf } from '../../support/tables.ts'
import { type Asked, asked, cachedRoute, ofRoute, tableWith } from './asked.ts'

let table: Table

beforeAll(async () => {
  table = await tableWith(
    cachedRoute('/raw'),
    cachedRoute('/keyed', { key: { headers: ['x-plan'], cookies: ['currency', 'theme'] } }),
    cachedRoute('/some', { key: { query: { only: ['q', 'page'] }, sort: true } }),
    cachedRoute('/most', { key: { query: { except: ['utm_source'] } } }),
    cachedRoute('/sorted', { key: { sort: true } }),
    cachedRoute('/none', { key: { query: 'none' } }),
    cachedRoute('/mine', { per: 'consumer' }),
    cachedRoute('/token', { per: 'token' }),
    cachedRoute('/beta', {}, { when: [{ from: 'header:x-beta', test: 'equals', value: 'on' }] }),
    cachedRoute('/beta'),
  )
})

function keyOf(target: string, request: Asked = {}) {
  const x = asked(table, { target, ...request })
  const { route, policy } = ofRoute(x)
  return cacheKey(x, route, policy)
}
const textOf = (target: string, request?: Asked) => keyOf(target, request).text

describe('the key of a stored answer', () => {
  it('Cache K1: is the same for GET and HEAD, and for every spelling of a host and a path that means the same', () => {
    const key = textOf('/raw')

    expect(textOf('/raw', { method: 'HEAD' })).toBe(key)
    expect(textOf('/r%61w')).toBe(key)
    expect(textOf('/raw', { host: 'API.example.com' })).toBe(key)
    expect(textOf('/raw', { host: 'api.example.com:443' })).toBe(key)
    expect(textOf('/raw', { scheme: 'http', host: 'api.example.com:80' })).toBe(textOf('/raw', { scheme: 'http' }))
    expect(key).toHaveLength(43)
  })

  it('Cache K1: differs by scheme, port, alias, path and each byte of the query, and a lone "?" is a query', () => {
    const different = [
      textOf('/raw'),
      textOf('/raw', { scheme: 'http' }),
      textOf('/raw', { host: 'api.example.com:80' }),
      textOf('/raw', { host: 'localhost' }),
      textOf('/raw?'),
      textOf('/raw?a=1&b=2'),
      textOf('/raw?b=2&a=1'),
      textOf('/raw?a=1&b=2&b=2'),
      textOf('/raw?a=1&b=%32'),
      textOf('/none'),
    ]

    expect(new Set(different).size).toBe(different.length)
  })

  it('Cache K1: keeps a value that imitates the end of its part inside its part', () => {
    const one = keyOf('/keyed', { headers: ['x-plan', 'a|cookie currency -', 'cookie', 'theme=b'] })
    const other = keyOf('/keyed', { headers: ['x-plan', 'a', 'cookie', 'theme=b'] })

    expect(one.clear).toContain('|x-plan 19:a|cookie currency -|cookie currency -')
    expect(one.text).not.toBe(other.text)
  })

  it('Cache K5: has no field that the client took off its request by Connection, since no service got it', () => {
    const taken = { headers: ['x-plan', 'gold', 'connection', 'keep-alive, X-Plan'] }

    expect(textOf('/keyed', taken)).toBe(textOf('/keyed'))
    expect(textOf('/keyed', { headers: ['x-plan', 'gold', 'connection', 'keep-alive'] })).not.toBe(textOf('/keyed'))
  })

  it('Cache K2: says nothing of where it is served, so that the other site finds a doubled answer', async () => {
    const moved = placementSet([placement('split-off', { owner: 'cloud', epoch: 7 })])
    const again = await tableOf(structure([cachedRoute('/raw', {}, { unit: 'split-off' })]), moved)
    const x = asked(again, { target: '/raw' })
    const { route, policy } = ofRoute(x)

    expect(x.decision?.site).toBe('cloud')
    expect(cacheKey(x, route, policy)).toEqual(keyOf('/raw'))
  })

  it('Cache K3: is one for each consumer, and nobody is a class that no name can be', () => {
    const keys = [
      textOf('/mine', { consumer: 'alice' }),
      textOf('/mine', { consumer: 'bob' }),
      textOf('/mine'),
      textOf('/mine', { consumer: '-' }),
      textOf('/mine', { consumer: 'nobody' }),
    ]

    expect(new Set(keys).size).toBe(keys.length)
    expect(textOf('/mine', { consumer: 'alice', credential: 'another token' })).toBe(keys[0])
  })

  it('Cache K3: never comes from a field that the client wrote', () => {
    const headers = ['authorization', 'Bearer alice', 'x-consumer', 'alice', 'x-consumer-id', 'alice']

    expect(textOf('/mine', { headers })).toBe(textOf('/mine'))
    expect(textOf('/token', { headers })).toBe(textOf('/token'))
  })

  it('Cache K3: is one for each token where the route says so, and shows the token to nobody', () => {
    const key = keyOf('/token', { consumer: 'alice', credential: 'secret-one' })

    expect(key.text).not.toBe(textOf('/token', { consumer: 'alice', credential: 'secret-two' }))
    expect(key.text).not.toBe(textOf('/token'))
    expect(key.clear).not.toContain('secret-one')
  })

  it('Cache K3: is shared with nobody where it is not known which token was accepted', () => {
    const x = asked(table, { target: '/token', consumer: 'alice' })
    const y = asked(table, { target: '/token', consumer: 'alice' })
    x.credential = undefined
    y.credential = undefined
    y.requestId = 'r1'
    const { route, policy } = ofRoute(x)

    expect(cacheKey(x, route, policy).text).not.toBe(cacheKey(y, route, policy).text)
  })

  it('Cache K3: begins anew with each change of the block by which answers would be reused or purged otherwise', async () => {
    const changes: Partial<CachePolicy>[] = [
      {},
      { per: 'consumer' },
      { profile: 'strict' },
      { key: { sort: true } },
      { key: { headers: ['x-plan'] } },
      { tags: ['page'] },
      { prefixDepth: 2 },
      { ignoreCookies: true },
      { dropSetCookie: true },
    ]
    const keys = new Set<string>()
    for (const change of changes) {
      const x = asked(await tableWith(cachedRoute('/raw', change)), { target: '/raw' })
      const { route, policy } = ofRoute(x)
      keys.add(cacheKey(x, route, policy).text)
    }

    expect(keys.size).toBe(changes.length)
  })

  it('Cache K3: outlives a change of how long answers are kept', async () => {
    const x = asked(await tableWith(cachedRoute('/raw', { ttlMs: 5_000, staleIfErrorMs: 9_000 })), { target: '/raw' })
    const { route, policy } = ofRoute(x)

    expect(cacheKey(x, route, policy)).toEqual(keyOf('/raw'))
  })

  it('keeps two routes of one URL apart', () => {
    expect(textOf('/beta', { headers: ['x-beta', 'on'] })).not.toBe(textOf('/beta'))
  })

  it('Cache K4: has the parameters that the route names, by name and value, in any order where it says so', () => {
    const key = textOf('/some?q=shoes+red&page=2')

    expect(textOf('/some?page=2&q=shoes%20red&utm_source=mail')).toBe(key)
    expect(textOf('/some?p%61ge=2&&q=shoes%20red')).toBe(key)
    expect(textOf('/some?q=shoes%2Bred&page=2')).not.toBe(key)
    expect(textOf('/some?q=shoes+red&page=2&page=2')).not.toBe(key)
    expect(textOf('/some?page=1&page=2')).not.toBe(textOf('/some?page=2&page=1'))
    expect(textOf('/some?utm_source=mail')).toBe(textOf('/some'))
  })

  it('Cache K4: leaves out what the route excepts, and keeps the order of the rest unless told', () => {
    expect(textOf('/most?utm_source=a&b=1')).toBe(textOf('/most?b=1&utm_source=c'))
    expect(textOf('/most?a=1&b=1')).not.toBe(textOf('/most?b=1&a=1'))
    expect(textOf('/sorted?a=1&b=1')).toBe(textOf('/sorted?b=1&a=1'))
    expect(textOf('/none?a=1')).toBe(textOf('/none'))
  })

  it('Cache K4: does not let an encoded separator imitate a parameter', () => {
    expect(textOf('/some?q=1%26page%3D2')).not.toBe(textOf('/some?q=1&page=2'))
    expect(textOf('/some?q=%FF')).not.toBe(textOf('/some?q=%FE'))
  })

  it('Cache K5: tells absent from empty, and lines of one header by their order', () => {
    const keys = [
      textOf('/keyed'),
      textOf('/keyed', { headers: ['x-plan', ''] }),
      textOf('/keyed', { headers: ['x-plan', 'a', 'x-plan', 'b'] }),
      textOf('/keyed', { headers: ['x-plan', 'b', 'x-plan', 'a'] }),
      textOf('/keyed', { headers: ['cookie', 'currency='] }),
      textOf('/keyed', { headers: ['cookie', 'currency=EUR'] }),
      textOf('/keyed', { headers: ['cookie', 'theme=EUR'] }),
    ]

    expect(new Set(keys).size).toBe(keys.length)
    expect(textOf('/keyed', { headers: ['X-Plan', 'a', 'X-PLAN', 'b'] })).toBe(keys[2])
  })

  it('Cache K5: names one cookie: others make no difference, and its value is shown to nobody', () => {
    const key = keyOf('/keyed', { headers: ['cookie', 'session=1; currency=EUR'] })

    expect(textOf('/keyed', { headers: ['cookie', 'currency=EUR; session=2'] })).toBe(key.text)
    expect(textOf('/keyed', { headers: ['cookie', 'session=2', 'cookie', 'currency=EUR'] })).toBe(key.text)
    expect(key.clear).not.toContain('EUR')
  })
})

describe('where the answers of a service live', () => {
  it('is its name, or what the store takes as one, and never that of another service', () => {
    const long = 'a-service-with-a-name-of-many-words'

    expect(cacheNamespace('orders')).toBe('http-orders')
    expect(cacheNamespace(long)).toMatch(/^http-a-service-with-a-na[0-9a-f]{8}$/)
    expect(cacheNamespace(`${long}-more`)).not.toBe(cacheNamespace(long))
    expect(cacheNamespace('Orders.v1')).toMatch(/^http-orders-v1[0-9a-f]{8}$/)
  })
})
