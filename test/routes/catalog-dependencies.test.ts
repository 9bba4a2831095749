import { expect, it } from 'vitest'
import { dependencyFaults } from '#routes/catalog-dependencies.ts'
import type { CatalogService } from '#routes/catalog-service.ts'
import { printFault } from '#routes/fault.ts'

it('a dependency on nothing is told with the nearest name, one on a service with faults is not', () => {
  const faults = dependencyFaults([service('orders', ['userz', 'broken'])], new Set(['orders', 'users', 'broken']))

  expect(faults.map(printFault)).toEqual(['orders.yaml:1:1 "userz": no service of this name; did you mean "users"?'])
})

it('a cycle is told once, as the path with the place of each step', () => {
  const services = [service('a', ['c', 'b']), service('b', ['c', 'a']), service('c', [])]

  expect(dependencyFaults(services, new Set(['a', 'b', 'c'])).map(printFault)).toEqual([
    'a.yaml:1:2 "b": a cycle of dependencies: a (a.yaml:1:2) -> b (b.yaml:1:2) -> a; take one of them out (the other: b.yaml:1:2)',
  ])
})

it('a catalog of nothing but slips is told in time', () => {
  const names = Array.from({ length: 5000 }, (_, at) => `service-number-${at}`)
  const services = names.map((name) =>
    service(
      name,
      Array.from({ length: 50 }, (_, at) => `dependency-number-${at}`),
    ),
  )

  expect(dependencyFaults(services, new Set(names)).length).toBe(1000)
})

function service(name: string, dependsOn: readonly string[]): CatalogService {
  const file = `${name}.yaml`
  return {
    name,
    team: 'team-a',
    tier: 3,
    state: 'shared',
    key: ['authorization'],
    dependsOn: dependsOn.map((each, at) => ({ name: each, pointer: '', place: { file, line: 1, column: at + 1 } })),
    deployments: [],
    routes: [],
    place: { file, line: 1, column: 1 },
  }
}
