import { describe, expect, it } from 'vitest'
import { isOwnedHere } from '../../../gateway/cache/namespace-units.ts'
import { placement, placementSet, route, service, structure, tableOf } from '../../support/tables.ts'

const services = [service('orders', { home: 'onprem' }), service('users', { home: 'cloud' })]
const routes = [
  route('/v1/orders', { service: 'orders', unit: 'orders' }),
  route('/v1/orders/{id}', { id: 'split', service: 'orders', unit: 'orders/read' }),
]
const tableWith = (...placements: Parameters<typeof placement>[]) =>
  tableOf(structure(routes, { services }), placementSet(placements.map((each) => placement(...each))))

describe('whether a namespace is owned here', () => {
  it('Store J7: follows the service whose answers it holds, with all of its split-off routes', async () => {
    const table = await tableWith()
    expect(isOwnedHere('http-orders', undefined, table, 'onprem')).toBe(true)
    expect(isOwnedHere('http-orders', [], table, 'onprem')).toBe(true)
    expect(isOwnedHere('http-orders', undefined, table, 'cloud')).toBe(false)
    expect(isOwnedHere('http-users', undefined, table, 'cloud')).toBe(true)

    const moved = await tableWith(['orders/read', { owner: 'cloud' }])
    expect(isOwnedHere('http-orders', undefined, moved, 'onprem')).toBe(false)
  })

  it('Store J7: follows the units that are configured for it', async () => {
    const table = await tableWith(['users', { owner: 'onprem' }])

    expect(isOwnedHere('legacy', ['orders', 'users'], table, 'onprem')).toBe(true)
    expect(isOwnedHere('legacy', ['orders', 'orders/read'], table, 'cloud')).toBe(false)
    expect(isOwnedHere('legacy', ['orders', 'unknown'], table, 'onprem')).toBe(false)
  })

  it('Store J7: ends with the first write that the other site may execute, not with reads', async () => {
    const reads = await tableWith(['orders', { moving: { to: 'cloud', reads: 5_000, writes: 0 } }])
    const writes = await tableWith(['orders', { moving: { to: 'cloud', reads: 5_000, writes: 100 } }])

    expect(isOwnedHere('http-orders', undefined, reads, 'onprem')).toBe(true)
    expect(isOwnedHere('http-orders', undefined, writes, 'onprem')).toBe(false)
  })

  it('Store J7: is not, where nobody can tell', async () => {
    expect(isOwnedHere('shop', undefined, await tableWith(), 'onprem')).toBe(false)
    expect(isOwnedHere('http-orders', undefined, undefined, 'onprem')).toBe(false)
  })
})
