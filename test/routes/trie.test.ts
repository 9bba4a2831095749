import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isPattern, shapeOf } from '#routes/pattern.ts'
import { buildTrie, type TrieRoute } from '#routes/trie.ts'
import { patternOf } from '../properties/generators/catalogs.ts'

/** `GET,POST api.example.com /path`, `* * /path` for any method and host. */
function routes(...lines: string[]): TrieRoute[] {
  return lines.map((line) => {
    const [methods, host, path] = line.split(' ') as [string, string, string]
    return {
      pattern: patternOf(path),
      ...(host === '*' ? {} : { host }),
      ...(methods === '*' ? {} : { methods: methods.split(',') }),
    }
  })
}

function finder(...lines: string[]): (method: string, host: string, key: string) => string | undefined {
  const trie = buildTrie(routes(...lines))
  return (method, host, key) => lines[trie.match(host, key, method)]
}

describe('a look-up', () => {
  it('takes a literal before a suffix before a parameter before a tail', () => {
    const find = finder('* * /a/b', '* * /a/{x}:c', '* * /a/{x}', '* * /a/**')

    expect(find('GET', '', '/a/b')).toBe('* * /a/b')
    expect(find('GET', '', '/a/1:c')).toBe('* * /a/{x}:c')
    expect(find('GET', '', '/a/:c')).toBe('* * /a/{x}')
    expect(find('GET', '', '/a/1')).toBe('* * /a/{x}')
    expect(find('GET', '', '/a/1/2')).toBe('* * /a/**')
  })

  it('turns back when the better branch has no route for the rest of the path', () => {
    const find = finder('* * /users/me/keys', '* * /users/{id}/orders', '* * /**')

    expect(find('GET', '', '/users/me/orders')).toBe('* * /users/{id}/orders')
    expect(find('GET', '', '/users/me/cards')).toBe('* * /**')
  })

  it('turns back when the better branch has no route for the method', () => {
    const find = finder('GET * /users/me', 'DELETE * /users/{id}', 'POST * /users/**')

    expect(find('DELETE', '', '/users/me')).toBe('DELETE * /users/{id}')
    expect(find('POST', '', '/users/me')).toBe('POST * /users/**')
    expect(find('PUT', '', '/users/me')).toBeUndefined()
  })

  it('turns back from the better host too', () => {
    const find = finder('* api.example.com /a', '* *.example.com /b', '* *.api.example.com /c', '* * /c')

    expect(find('GET', 'api.example.com', '/a')).toBe('* api.example.com /a')
    expect(find('GET', 'api.example.com', '/b')).toBe('* *.example.com /b')
    expect(find('GET', 'api.example.com', '/c')).toBe('* * /c')
    expect(find('GET', 'x.y.api.example.com', '/c')).toBe('* *.api.example.com /c')
    expect(find('GET', 'example.com', '/b')).toBeUndefined()
  })

  it('puts more conditions before fewer, and turns back from a route whose conditions do not hold', () => {
    const inCountry = { from: 'country', test: 'equals', value: 'DE' } as const
    const inChannel = { from: 'header:x-channel', test: 'equals', value: 'beta' } as const
    const list: TrieRoute[] = [
      { pattern: patternOf('/a/{id}'), methods: ['GET'] },
      { pattern: patternOf('/a/b'), when: [inCountry] },
      { pattern: patternOf('/a/b'), when: [inCountry, inChannel] },
      { pattern: patternOf('/a/b'), methods: ['GET'], when: [inChannel] },
    ]
    const trie = buildTrie(list)
    const find = (method: string, country?: string, channel?: string) =>
      trie.match('', '/a/b', method, { target: '/a/b', country, header: () => channel })

    expect(find('POST', 'DE')).toBe(1)
    expect(find('POST', 'DE', 'beta')).toBe(2)
    // A method of its own goes before any number of conditions.
    expect(find('GET', 'DE', 'beta')).toBe(3)
    expect(find('HEAD', 'DE', 'beta')).toBe(3)
    expect(find('GET', 'DE')).toBe(1)
    expect(find('GET', 'AT')).toBe(0)
    expect(find('POST', 'AT')).toBe(-1)
    expect(trie.match('', '/a/b', 'GET')).toBe(0)
  })

  it('matches a tail with nothing, a slash, or more, and never half a segment', () => {
    const find = finder('* * /files/**')

    for (const key of ['/files', '/files/', '/files/a/b', '/files//', '/files/a//'])
      expect(find('GET', '', key)).toBeDefined()
    for (const key of ['/filesx', '/file', '/', '', 'files']) expect(find('GET', '', key)).toBeUndefined()
  })

  it('prefers a path that ends here to a tail that begins here', () => {
    const find = finder('GET * /files', '* * /files/**', '* * /files/')

    expect(find('GET', '', '/files')).toBe('GET * /files')
    expect(find('POST', '', '/files')).toBe('* * /files/**')
    expect(find('GET', '', '/files/')).toBe('* * /files/')
  })

  it('answers HEAD by its own route, then by GET, then by any', () => {
    expect(finder('* * /a', 'GET * /a', 'HEAD * /a')('HEAD', '', '/a')).toBe('HEAD * /a')
    expect(finder('* * /a', 'GET * /a')('HEAD', '', '/a')).toBe('GET * /a')
    expect(finder('* * /a', 'POST * /a')('HEAD', '', '/a')).toBe('* * /a')
    expect(finder('POST * /a')('HEAD', '', '/a')).toBeUndefined()
  })

  it('takes a trailing slash for what it is, unless the route says otherwise', () => {
    const strict = buildTrie([{ pattern: patternOf('/a') }])
    const lenient = buildTrie([{ pattern: patternOf('/a'), trailingSlash: 'ignore' }])

    expect([strict.match('', '/a/', 'GET'), lenient.match('', '/a/', 'GET')]).toEqual([-1, 0])
    expect([lenient.match('', '/a', 'GET'), lenient.match('', '/a//', 'GET')]).toEqual([0, -1])
  })

  it('tells texts of one hash apart', () => {
    const find = finder('* * /Aa/1', '* * /BB/2')

    expect([find('GET', '', '/Aa/1'), find('GET', '', '/BB/1')]).toEqual(['* * /Aa/1', undefined])
  })

  it('takes no host with a slash for the labels that are kept side by side', () => {
    // `a/aklwubte` has the hash of `a`, and the text of `a` is followed by that of the path's only segment.
    const find = finder('* a /aklwubte')

    expect([find('GET', 'a', '/aklwubte'), find('GET', 'a/aklwubte', '/aklwubte')]).toEqual([
      '* a /aklwubte',
      undefined,
    ])
  })

  it('gives the parameters of the route that it found', () => {
    const trie = buildTrie(routes('* * /orders/{order}/lines/{line}:cancel'))

    expect({ ...trie.parameters(0, '/orders/4%2F2/lines/7:cancel') }).toEqual({ order: '4%2F2', line: '7' })
  })

  it('counts the nodes that it entered', () => {
    const trie = buildTrie(routes('* * /a/b/c', '* * /a/{x}/d', '* * /{x}/{y}/e'))

    expect(trie.visits('', '/a/b/c', 'GET')).toBe(4)
    expect(trie.visits('', '/a/b/e', 'GET')).toBe(7)
    expect(trie.visits('', '/z/b/z', 'GET')).toBe(3)
  })

  it('finds every path of a real API by itself', () => {
    const file = new URL('../corpora/real-api.openapi.json', import.meta.url)
    const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, object> }
    const accepted = Object.keys(paths).filter(isPattern).map(patternOf)
    // Some differ in the names of their parameters only: to a router they are one.
    const known = [...new Map(accepted.map((pattern) => [shapeOf(pattern), pattern])).values()]
    const trie = buildTrie(known.map((pattern) => ({ pattern })))

    expect(known.length).toBeGreaterThanOrEqual(800)
    for (const [index, { text }] of known.entries()) {
      expect(trie.match('', text.replace(/\{\w+\}/g, 'some-value'), 'GET'), text).toBe(index)
    }
  })
})
