import fc from 'fast-check'
import { expect, it } from 'vitest'
import { costliestLookUp, type RoutePath } from '#routes/costliest-look-up.ts'
import { parsePattern } from '#routes/pattern-fault.ts'
import { buildTrie, type TrieRoute } from '#routes/trie.ts'

it('no path costs the trie more, and the path that is named costs as much', () => {
  const segment = fc.constantFrom('a', 'b', 'b:do', ':do', '{p}', '{p}:do', '{p}:b:do')
  const paths = fc.array(fc.array(segment, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 })
  const key = fc.array(fc.constantFrom('a', 'b', 'b:do', 'x', 'x:b:do', ''), { minLength: 1, maxLength: 5 })
  const hosts = ['api.example.com', '*.example.com', undefined]
  const host = fc.constantFrom('api.example.com', 'x.example.com', 'elsewhere.test')
  fc.assert(
    fc.property(paths, fc.boolean(), fc.array(fc.tuple(host, key), { minLength: 20 }), (all, tail, asked) => {
      const routes = all.map((path, at) => route(path, hosts[at % 3], tail))
      const trie = buildTrie(routes)

      const worst = costliestLookUp(routes)

      for (const [name, parts] of asked) {
        expect(trie.visits(name, `/${parts.join('/')}`, 'NONE')).toBeLessThanOrEqual(worst.visits)
      }
      // A method that no route has: the look-up goes on to the end.
      expect(trie.visits(worst.host, worst.target, 'NONE')).toBe(worst.visits)
    }),
  )
})

it('ends on routes made to multiply, with the worst seen so far', () => {
  // Each of 30 segments may be `a` or anything else: 2 ** 30 paths that all lead on.
  const routes = Array.from({ length: 30 }, (_, own) =>
    route(Array.from({ length: 30 }, (_, at) => (at === own ? 'a' : '{p}'))),
  )

  expect(costliestLookUp(routes, 5000).visits).toBeGreaterThan(64)
})

function route(path: readonly string[], host?: string, tail = false): TrieRoute & RoutePath {
  const parsed = parsePattern(
    `/${path.map((each, at) => each.replace('{p}', `{p${at}}`)).join('/')}${tail ? '/**' : ''}`,
  )
  if (!parsed.ok) throw new Error(parsed.fault.meaning)
  return { pattern: parsed.pattern, methods: ['GET'], ...(host === undefined ? {} : { host }) }
}
