import { beforeAll, describe, expect, it } from 'vitest'
import type { Table } from '#routes/table.ts'
import { declaredTag, groupTag, uriTags } from '../../../gateway/cache/tag-names.ts'
import { tagsOf, withOwnTags } from '../../../gateway/cache/tags.ts'
import type { ItemTags } from '../../../gateway/store/cache-store.ts'
import { type Asked, asked, cachedRoute, ofRoute, tableWith } from './asked.ts'

let table: Table

beforeAll(async () => {
  table = await tableWith(
    cachedRoute('/v1/products/{id}', { tags: ['product:{id}', 'list:{query.page}', 'of:{consumer}'] }),
    cachedRoute('/v1/search', { key: { query: { only: ['q'] } }, prefixDepth: 1 }),
    cachedRoute('/files/**', { tags: ['file:{rest}'] }),
    cachedRoute('/either', {}, { policy: { trailingSlash: 'ignore' } }),
    cachedRoute('/a/b/c/d/e/f'),
    cachedRoute('/three', { tags: ['{query.a}-{query.b}-{query.c}'] }),
    cachedRoute('/two', { tags: ['a:{query.a}', 'b:{query.b}'] }),
  )
})

function tagsFor(target: string, request: Asked = {}): ItemTags {
  const x = asked(table, { target, ...request })
  const { route, policy } = ofRoute(x)
  const tags = tagsOf(x, route, policy)
  if (tags === undefined) throw new Error('more tags than can be kept')
  return tags
}
const routes = () => table.structure.value.routes
const purged = (url: string) => uriTags(table, url, routes()) ?? []

describe('the tags of an answer', () => {
  it('Cache N2: are its URL, what its route declares, the first segments of its path, and its route', () => {
    const tags = tagsFor('/v1/products/42?page=3', { consumer: 'alice' })

    expect(tags.exact).toEqual([expect.stringMatching(/^u:[\w-]{43}$/), 't:product:42', 't:list:3', 't:of:alice'])
    expect(tags.scopes).toEqual([
      'p:api.example.com',
      'p:api.example.com/v1',
      'p:api.example.com/v1/products',
      'p:api.example.com/v1/products/42',
      'r:orders:*:/v1/products/{id}',
    ])
  })

  it('Cache N2: are the same however a client wrote the path', () => {
    expect(tagsFor('/v1/products/%34%32')).toEqual(tagsFor('/v1/products/42'))
    expect(tagsFor('/v1/products/caf%c3%a9').exact[1]).toBe(declaredTag(Buffer.from('product:café').toString('latin1')))
  })

  it('Cache N2: of a URL are hit by that URL, on any scheme, port and alias of the host', () => {
    const [uri] = tagsFor('/v1/products/42?b=2&a=1').exact

    for (const url of [
      'https://api.example.com/v1/products/42?b=2&a=1',
      'http://API.example.com:8080/v1/products/%342?b=2&a=1',
      'http://localhost:17080/v1/products/42?b=2&a=1#top',
    ])
      expect(purged(url)).toContain(uri)
    expect(purged('https://api.example.com/v1/products/42?a=1&b=2')).not.toContain(uri)
    expect(purged('https://api.example.com/v1/products/42')).not.toContain(uri)
    expect(purged('https://other.example.com/v1/products/42?b=2&a=1')).not.toContain(uri)
  })

  it('Cache N1: of a URL follow the key rule of whichever route stored it', () => {
    const [uri] = tagsFor('/v1/search?q=a+b&utm=1').exact

    expect(tagsFor('/v1/search?utm=2&q=a%20b').exact[0]).toBe(uri)
    expect(purged('https://api.example.com/v1/search?q=a%20b')).toContain(uri)
    expect(purged('https://api.example.com/either')).toContain(tagsFor('/either/').exact[0])
  })

  it('Cache N4: are never left out: what is no plain text goes by its hash, what is missing is empty', () => {
    const { exact } = tagsFor('/v1/products/a%20b')

    expect(exact).toEqual([exact[0], declaredTag('product:a b'), 't:list:', 't:of:'])
    expect(tagsFor('/files/a/b-c').exact[1]).toBe('t:file:a/b-c')
  })

  it('Cache N4: of a parameter that came several times are one for each, since the service may take any', () => {
    expect(tagsFor('/v1/products/1?page=1&page=2').exact).toEqual(expect.arrayContaining(['t:list:1', 't:list:2']))
  })

  it('Cache N4: are refused as a whole beyond fifty', () => {
    const x = asked(table, {
      target: `/v1/products/1?${Array.from({ length: 51 }, (_, at) => `page=${at}`).join('&')}`,
    })
    const { route, policy } = ofRoute(x)

    expect(tagsOf(x, route, policy)).toBeUndefined()
  })

  it('Cache N4: are refused beyond fifty before they are written out', () => {
    const many = (name: string, count: number) => Array.from({ length: count }, (_, at) => `${name}=${at}`).join('&')
    const tagsUnder = (target: string) => {
      const x = asked(table, { target })
      const { route, policy } = ofRoute(x)
      return tagsOf(x, route, policy)
    }

    const startedMs = performance.now()
    expect(tagsUnder(`/three?${many('a', 40)}&${many('b', 40)}&${many('c', 40)}`)).toBeUndefined()
    // Written out it would be 64,000 of them.
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    expect(tagsUnder(`/two?${many('a', 25)}&${many('b', 26)}`)).toBeUndefined()
    expect(tagsUnder(`/two?${many('a', 25)}&${many('b', 25)}`)?.exact).toHaveLength(51)
    // Longer than any word that an operator may name.
    expect(tagsUnder(`/two?a=${'x'.repeat(126)}`)?.exact).toContain(`t:a:${'x'.repeat(126)}`)
    expect(tagsUnder(`/two?a=${'x'.repeat(127)}`)).toBeUndefined()
    expect(tagsUnder(`/two?${'a=1&'.repeat(60)}`)?.exact.slice(1)).toEqual(['t:a:1', 't:b:'])
  })

  it('Cache N5: keep groups to their host, and let an operator name them without one', () => {
    const known = tagsFor('/v1/products/42')
    const tags = withOwnTags(known, { tags: ['t:product:42', 't:shoes', 'g:cart'] }, 'api.example.com')

    expect(tags?.exact).toEqual([...known.exact, 't:shoes', groupTag('api.example.com', 'cart'), 'g:|cart'])
    expect(tags?.exact).not.toContain(groupTag('other.example.com', 'cart'))
  })

  it('Cache N4: that the service adds are refused when an item could not have them all', () => {
    const known = tagsFor('/v1/products/42')
    const own = Array.from({ length: 40 }, (_, at) => `g:${at}`)

    expect(withOwnTags(known, { tags: own }, 'api.example.com')).toBeUndefined()
    expect(withOwnTags(known, { tags: own.slice(0, 30) }, 'api.example.com')?.exact).toHaveLength(64)
  })
})
