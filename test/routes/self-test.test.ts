import { expect, it } from 'vitest'
import type { CatalogRoute } from '#routes/catalog-service.ts'
import { printFault } from '#routes/document.ts'
import { parsePattern } from '#routes/pattern-fault.ts'
import { type PlacedRoute, selfTest } from '#routes/self-test.ts'
import type { HostFacts } from '#routes/structure.ts'
import { buildTrie } from '#routes/trie.ts'

const hosts: HostFacts[] = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'reject' }]

it('a good table passes', () => {
  const routes = ['/a', '/a/{id}', '/a/{id}:do', '/**'].map(route)

  expect(test(routes, routes)).toEqual({ faults: [], warnings: [] })
})

it('a table that gives a request to the wrong route is not published', () => {
  const routes = ['/a/b', '/a/{id}'].map(route)

  expect(test(routes, routes.toReversed()).faults).toEqual([
    'a.yaml:1:1 "/a/b": no request reaches it: GET http://api.example.com/a/b goes to s ("/a/{id}") (the other: a.yaml:1:1)',
  ])
})

it('nor one that has no route for it', () => {
  const routes = ['/a', '/b'].map(route)

  expect(test(routes, routes.slice(0, 1)).faults).toEqual([
    'a.yaml:1:1 "/b": the table has no route for GET http://api.example.com/b',
  ])
})

it('a route that better ones hide is a warning with the request that shows it', () => {
  const routes = ['/a/**', '/a', '/a/', '/a/{x}/**'].map(route)

  expect(test(routes, routes)).toEqual({
    faults: [],
    warnings: [
      'a.yaml:1:1 "/a/**": no request reaches it: GET http://api.example.com/a/x1 goes to s ("/a/{x}/**") (the other: a.yaml:1:1)',
    ],
  })
})

function test(routes: readonly PlacedRoute[], built: readonly PlacedRoute[]) {
  const trie = buildTrie(built.map(({ source }) => ({ pattern: source.pattern })))
  const { faults, warnings } = selfTest(routes, hosts, trie)
  return { faults: faults.map(printFault), warnings: warnings.map(printFault) }
}

function route(pattern: string): PlacedRoute {
  const parsed = parsePattern(pattern)
  if (!parsed.ok) throw new Error(parsed.fault.meaning)
  const timeout = { connectMs: 1, firstByteMs: 1, totalMs: 1 }
  const policy = { auth: 'public', timeout, maxBodyBytes: 1 } as const
  const place = { file: 'a.yaml', line: 1, column: 1 }
  const source: CatalogRoute = { unit: 's', pattern: parsed.pattern, policy, place, pointer: '' }
  return { source, facts: { id: pattern, service: 's', unit: 's', pattern, policy } }
}
