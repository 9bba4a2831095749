import { describe, expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import { catalogHopFindings, hopFaults } from '#routes/catalog-hops.ts'

const teams = { file: 'teams.yaml', text: 'teams: [{ name: team-a }]' }
const orders = {
  file: 'orders.yaml',
  text: `service: orders
owner: team-a
deployments: { onprem: { url: http://orders:8080 } }
routes:
  - { path: /v1/orders, timeout: { firstByte: 10s, total: 30s } }
  - { path: /v1/reports, unit: reports, timeout: { firstByte: 10s, total: 60s } }
`,
}

function catalogWith(hops: string) {
  const sites = { file: 'sites.yaml', text: `sites: [{ name: onprem, origin: http://gateway:80${hops} }]` }
  const read = readCatalog([sites, teams, orders])
  if (!read.ok) throw new Error(JSON.stringify(read.faults))
  return read.catalog
}

describe('the hops of a catalog', () => {
  it('that nobody stated are told as unset, once for all routes, and are no fault', () => {
    const catalog = catalogWith('')

    expect(catalogHopFindings(catalog).map(({ rule, hop, routes }) => `${rule} ${hop} ${routes}`)).toEqual([
      'L5 service 2',
      'L5 service 2',
    ])
    expect(hopFaults(catalog)).toEqual({ faults: [], warnings: [] })
  })

  it('that lose requests are faults at the route that meets them first', () => {
    const catalog = catalogWith(', hops: { service: { keepAlive: 4s, total: 40s } }')

    expect(hopFaults(catalog).faults).toHaveLength(2)
    expect(hopFaults(catalog).faults.map(({ line }) => line)).toEqual([5, 5])
  })

  it('are told for one unit alone', () => {
    const catalog = catalogWith(', hops: { service: { keepAlive: 5s, total: 40s } }')

    expect(catalogHopFindings(catalog, 'orders.reports')).toEqual([])
    expect(catalogHopFindings(catalog, 'orders')).toEqual([expect.objectContaining({ rule: 'L2', unit: 'orders' })])
  })
})
