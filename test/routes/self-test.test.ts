import { expect, it } from 'vitest'
import type { CatalogRoute } from '#routes/catalog-route.ts'
import type { Condition } from '#routes/condition.ts'
import { printFault } from '#routes/document.ts'
import { parsePattern } from '#routes/pattern-fault.ts'
import { type PlacedRoute, selfTest } from '#routes/self-test.ts'
import type { HostFacts } from '#routes/structure.ts'
import { buildTrie } from '#routes/trie.ts'

const hosts: HostFacts[] = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'reject' }]

it('a good table passes', () => {
  const routes = ['/a', '/a/{id}', '/a/{id}:do', '/**'].map((pattern) => route(pattern))

  expect(test(routes, routes)).toEqual({ faults: [], warnings: [] })
})

it('a table that gives a request to the wrong route is not published', () => {
  const routes = ['/a/b', '/a/{id}'].map((pattern) => route(pattern))

  expect(test(routes, routes.toReversed()).faults).toEqual([
    'a.yaml:1:1 "/a/b": no request reaches it: GET http://api.example.com/a/b goes to s ("/a/{id}") (the other: a.yaml:1:1)',
  ])
})

it('nor one that has no route for it', () => {
  const routes = ['/a', '/b'].map((pattern) => route(pattern))

  expect(test(routes, routes.slice(0, 1)).faults).toEqual([
    'a.yaml:1:1 "/b": the table has no route for GET http://api.example.com/b',
  ])
})

it('a route that better ones hide is a warning with the request that shows it', () => {
  const routes = ['/a/**', '/a', '/a/', '/a/{x}/**'].map((pattern) => route(pattern))

  expect(test(routes, routes)).toEqual({
    faults: [],
    warnings: [
      'a.yaml:1:1 "/a/**": no request reaches it: GET http://api.example.com/a/x1 goes to s ("/a/{x}/**") (the other: a.yaml:1:1)',
    ],
  })
})

it('a route is found by a request that meets its conditions, and one that nothing meets is a warning', () => {
  const german = { from: 'country', test: 'equals', value: 'DE' } as const
  const never = { from: 'header:x-v', test: 'version', value: '>5 <4' } as const
  const list = [route('/a', [german]), route('/a'), route('/b', [never])]

  expect(test(list, list).warnings).toEqual([
    'a.yaml:1:1 "/b" when header:x-v is in >5 <4: no request can meet its conditions',
  ])
})

it('nor is a route hidden by one that asks for silence', () => {
  const silent = { from: 'header:x-v', test: 'exists', value: false } as const
  const list = [route('/a', [silent]), route('/a')]

  expect(test(list, list)).toEqual({ faults: [], warnings: [] })
})

it('two routes that leave nothing to a third hide it', () => {
  const there = (value: boolean) => ({ from: 'header:x-v', test: 'exists', value }) as const
  const list = [route('/a', [there(false)]), route('/a', [there(true)]), route('/a')]

  expect(test(list, list).warnings).toEqual([
    'a.yaml:1:1 "/a": no request reaches it: GET http://api.example.com/a goes to s ("/a" when header:x-v is absent) (the other: a.yaml:1:1)',
  ])
})

function test(routes: readonly PlacedRoute[], built: readonly PlacedRoute[]) {
  const trie = buildTrie(built.map(({ source: { pattern, when } }) => ({ pattern, ...(when && { when }) })))
  const { faults, warnings } = selfTest(routes, hosts, trie)
  return { faults: faults.map(printFault), warnings: warnings.map(printFault) }
}

function route(pattern: string, when?: readonly Condition[]): PlacedRoute {
  const parsed = parsePattern(pattern)
  if (!parsed.ok) throw new Error(parsed.fault.meaning)
  const timeout = { connectMs: 1, firstByteMs: 1, totalMs: 1 }
  const policy = { auth: 'public', timeout, maxBodyBytes: 1 } as const
  const place = { file: 'a.yaml', line: 1, column: 1 }
  const source: CatalogRoute = { unit: 's', pattern: parsed.pattern, policy, place, pointer: '', ...(when && { when }) }
  return { source, facts: { id: pattern, service: 's', unit: 's', pattern, policy, ...(when && { when }) } }
}
