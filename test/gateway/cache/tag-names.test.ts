import { beforeAll, describe, expect, it } from 'vitest'
import type { Table } from '#routes/table.ts'
import {
  declaredTag,
  groupTag,
  pathScopes,
  prefixScope,
  resourceHost,
  routeScope,
  uriTags,
} from '../../../gateway/cache/tag-names.ts'
import { cachedRoute, tableWith } from './asked.ts'

let table: Table

beforeAll(async () => {
  table = await tableWith(
    cachedRoute('/raw'),
    cachedRoute('/one', { key: { query: 'none' } }),
    cachedRoute('/two', { key: { query: 'none' } }),
    cachedRoute('/three', { key: { sort: true } }),
  )
})

describe('the names that answers are purged by', () => {
  it('are of nothing but a URL with a host', () => {
    for (const text of ['', '/v1/products/42', 'ftp://api.example.com/', 'https:///v1', 'api.example.com/v1'])
      expect(uriTags(table, text, table.structure.value.routes)).toBeUndefined()
  })

  it('Cache N2: of a prefix are met at segment boundaries alone', () => {
    const scopes = pathScopes('api.example.com', '/v1/products/42', 4)
    const scopeOf = (text: string) => prefixScope(table, text, 4)

    for (const text of [
      'api.example.com',
      'api.example.com/v1',
      'https://localhost:17080/v1/products/',
      'api.example.com/v1/pr%6fducts/42',
    ])
      expect(scopes).toContain((scopeOf(text) as { scope: string }).scope)
    for (const text of ['api.example.com/v1/prod', 'api.example.com/v1/products2', 'other.example.com/v1'])
      expect(scopes).not.toContain((scopeOf(text) as { scope: string }).scope)
  })

  it('Cache U6: of a prefix that answers do not carry do not exist, rather than purge a part', () => {
    expect(pathScopes('api.example.com', '/a/b/c/d/e/f', 4)).toEqual([
      'p:api.example.com',
      'p:api.example.com/a',
      'p:api.example.com/a/b',
      'p:api.example.com/a/b/c',
      'p:api.example.com/a/b/c/d',
    ])
    expect(pathScopes('api.example.com', '/a/', 8)).toEqual(['p:api.example.com', 'p:api.example.com/a'])
    expect(pathScopes('api.example.com', '/a', 0)).toEqual(['p:api.example.com'])
    expect(prefixScope(table, 'api.example.com/a/b/c/d', 4)).toEqual({ scope: 'p:api.example.com/a/b/c/d' })
    expect(prefixScope(table, 'api.example.com/a/b/c/d/e', 4)).toBe('too-deep')
  })

  it.each(['', '/v1', 'api.example.com/v1?a=1', 'api.example.com/../v1', 'api.example.com/a//b', 'a b/c'])(
    'refuses %j as a prefix',
    (text) => {
      expect(prefixScope(table, text, 4)).toBe('malformed')
    },
  )

  it('Cache U2: of a URL are as many as there are different rules, however many routes', () => {
    const { routes } = table.structure.value

    expect(uriTags(table, 'https://api.example.com/x?b=1&a=2', routes)).toHaveLength(3)
    expect(uriTags(table, 'https://api.example.com/x', routes)).toHaveLength(1)
  })

  it('take any text, and differ where it does', () => {
    const long = 'x'.repeat(300)

    for (const name of [declaredTag(long), declaredTag('a b'), routeScope(`orders:*:/${long}`), groupTag(long, 'a')])
      expect(name).toMatch(/^[trg]:#[\w-]{43}$/)
    expect(declaredTag(long)).not.toBe(declaredTag(`${long}y`))
    // What looks like a hash is a text like any other.
    expect(declaredTag(declaredTag('a b').slice(2))).not.toBe(declaredTag('a b'))
    expect(groupTag('a.test', 'b')).not.toBe(groupTag(undefined, 'b'))
  })

  it("have one word for a host: the catalog's own, without port, or what was said", () => {
    expect(resourceHost(table, 'LOCALHOST:17080')).toBe('api.example.com')
    expect(resourceHost(table, 'Other.Example.com.:443')).toBe('other.example.com')
    expect(resourceHost(undefined, 'localhost')).toBe('localhost')
  })
})
