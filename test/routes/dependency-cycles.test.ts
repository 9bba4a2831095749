import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dependencyCycles } from '#routes/dependency-cycles.ts'

const cycles = (graph: Record<string, string[]>) => dependencyCycles(new Map(Object.entries(graph)))

it('a chain has no cycle, however long', () => {
  const chain = Array.from({ length: 5000 }, (_, at): [string, string[]] => [`s${at}`, at === 0 ? [] : [`s${at - 1}`]])

  expect(dependencyCycles(new Map(chain))).toEqual([])
})

it('a cycle begins with its smallest name', () => {
  expect(cycles({ users: ['payments'], payments: ['orders'], orders: ['users'] })).toEqual([
    ['orders', 'users', 'payments'],
  ])
})

it('a service that depends on itself is a cycle', () => expect(cycles({ a: ['a'] })).toEqual([['a']]))

it('those who only call into a cycle, or are called from it, are no part of it', () => {
  expect(cycles({ caller: ['a'], a: ['b', 'leaf'], b: ['a'], leaf: [] })).toEqual([['a', 'b']])
})

it('each of two cycles is told', () => {
  expect(cycles({ a: ['b'], b: ['a'], c: ['d'], d: ['c'] })).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
})

it('a dependency on what is not there is no cycle', () => expect(cycles({ a: ['gone'] })).toEqual([]))

it('a graph has a cycle exactly when it has no order', () => {
  const graph = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 14 })
  fc.assert(
    fc.property(graph, (edges) => {
      const dependsOn = new Map(Array.from({ length: 8 }, (_, at): [string, string[]] => [`${at}`, []]))
      for (const [from, to] of edges) dependsOn.get(`${from}`)?.push(`${to}`)

      const found = dependencyCycles(dependsOn)

      expect(found.length > 0).toBe(!hasOrder(dependsOn))
      for (const cycle of found) {
        for (const [at, name] of cycle.entries()) {
          expect(dependsOn.get(name)).toContain(cycle[(at + 1) % cycle.length])
        }
      }
    }),
  )
})

function hasOrder(dependsOn: ReadonlyMap<string, readonly string[]>): boolean {
  const done = new Set<string>()
  for (let before = -1; before !== done.size; ) {
    before = done.size
    for (const [name, names] of dependsOn) if (names.every((each) => done.has(each))) done.add(name)
  }
  return done.size === dependsOn.size
}
