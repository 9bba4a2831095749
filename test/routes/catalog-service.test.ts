import { expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import type { CatalogService } from '#routes/catalog-service.ts'
import { printFault } from '#routes/document.ts'

const text = `service: orders
owner: team-a
repository: https://gitlab.example.com/orders
tier: 1
state: per-key
key: [param:id, authorization]
dependsOn: [orders-db]
deployments:
  there: { url: http://there }
  here: { url: http://here, capacity: 400rps }
routes:
  - path: /v1/orders/{id}
    cache: { ttl: 5s, per: consumer, tags: ["order:{id}", all] }
`

it('a service keeps what is said of it and where', () => {
  const [service] = read(text)

  expect(service).toMatchObject({
    name: 'orders',
    team: 'team-a',
    repository: 'https://gitlab.example.com/orders',
    tier: 1,
    state: 'per-key',
    key: ['param:id', 'authorization'],
    dependsOn: [{ name: 'orders-db', place: { file: 'services/orders.yaml', line: 7, column: 13 } }],
    place: { file: 'services/orders.yaml', line: 1, column: 10 },
  })
  expect(service?.routes[0]?.place).toEqual({ file: 'services/orders.yaml', line: 12, column: 11 })
})

it('deployments stand in the order of sites', () => {
  expect(read(text)[0]?.deployments).toEqual([
    { site: 'here', url: 'http://here', capacity: 400 },
    { site: 'there', url: 'http://there' },
  ])
})

it('a wait above a day is refused, since a timer that long would fire at once', () => {
  const slow = text
    .replace('{ ttl: 5s, per: consumer', '{ ttl: 90d, per: consumer')
    .concat('    timeout: { total: 25h }\n')

  expect(() => read(slow)).toThrow('services/orders.yaml:14:23 "25h": expected at most 24h')
})

function read(orders: string): readonly CatalogService[] {
  const catalog = readCatalog([
    { file: 'sites.yaml', text: 'sites: [{ name: here, origin: "http://h" }, { name: there, origin: "http://t" }]' },
    { file: 'teams.yaml', text: 'teams: [{ name: team-a }]' },
    { file: 'services/orders.yaml', text: orders },
    {
      file: 'services/orders-db.yaml',
      text: 'service: orders-db\nowner: team-a\ndeployments: { here: { url: "http://d" } }\nroutes: [{ path: /db }]',
    },
  ])
  if (!catalog.ok) throw new Error(catalog.faults.map(printFault).join('\n'))
  return catalog.catalog.services.filter(({ name }) => name === 'orders')
}
