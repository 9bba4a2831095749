import { describe, expect, it } from 'vitest'
import { decide, hostName } from '#routes/decide.ts'
import { placement, placementSet, policy, request, route, structure, tableOf } from '../support/tables.ts'

const routes = [
  route('/v1/orders', { methods: ['POST'] }),
  route('/v1/orders/{id}', { methods: ['GET'] }),
  route('/v1/orders:search', { methods: ['POST'], policy: { ...policy, effect: 'read' } }),
  route('/v1/users/**', { service: 'users' }),
]

const moving = (reads: number, writes: number) =>
  tableOf(structure(routes), placementSet([placement('orders', { epoch: 4, moving: { to: 'cloud', reads, writes } })]))

describe('decide', () => {
  it('serves a unit without a placement at the home of its service', async () => {
    const table = await tableOf(structure(routes), placementSet([]))

    expect(decide(table, request('GET', '/v1/users/7'))).toMatchObject({ site: 'onprem', because: 'home', epoch: 0 })
  })

  it('serves a steady unit at its owner, reads and writes alike', async () => {
    const table = await tableOf(structure(routes), placementSet([placement('orders', { owner: 'cloud', epoch: 3 })]))

    expect(decide(table, request('GET', '/v1/orders/7'))).toMatchObject({ site: 'cloud', because: 'steady', epoch: 3 })
    expect(decide(table, request('POST', '/v1/orders'))).toMatchObject({ site: 'cloud', effect: 'write' })
  })

  it('lets reads lead writes', async () => {
    const table = await moving(10_000, 0)

    expect(decide(table, request('GET', '/v1/orders/7'))).toMatchObject({ site: 'cloud', because: 'all-moved' })
    expect(decide(table, request('POST', '/v1/orders'))).toMatchObject({ site: 'onprem', because: 'not-yet' })
  })

  it('takes the effect of the route over that of the method', async () => {
    const table = await moving(10_000, 0)

    expect(decide(table, request('POST', '/v1/orders:search'))).toMatchObject({ site: 'cloud', effect: 'read' })
  })

  it('moves a client by its bucket, of the published vectors', async () => {
    // wave-1:42 is bucket 9475.
    const header = { 'x-device-id': '42' }

    const below = decide(await moving(9_475, 0), request('GET', '/v1/orders/7', header))
    const above = decide(await moving(9_476, 0), request('GET', '/v1/orders/7', header))

    expect(below).toMatchObject({ site: 'onprem', because: 'bucket-stays', bucket: 9_475 })
    expect(above).toMatchObject({ site: 'cloud', because: 'bucket-moved', bucket: 9_475 })
  })

  it('keeps a request without a key at the owner, and never calls that bucket 0', async () => {
    const decision = decide(await moving(1, 0), request('GET', '/v1/orders/7'))

    expect(decision).toMatchObject({ site: 'onprem', because: 'no-key', bucket: undefined })
  })

  it('sends what no route matches to the default site', async () => {
    const table = await tableOf(structure(routes, { defaultSite: 'cloud' }), placementSet([]))

    expect(decide(table, request('GET', '/elsewhere'))).toMatchObject({ site: 'cloud', because: 'no-route' })
    expect(decide(table, request('PATCH', '/v1/orders'))).toMatchObject({ because: 'no-route' })
  })

  it('refuses an unsafe target, and on a host that only observes keeps it at the owner', async () => {
    const observing = { name: 'old.example.com', aliases: [], unsafeTargets: 'observe' as const }
    const { hosts } = structure(routes)
    const split = placementSet([placement('users', { moving: { to: 'cloud', reads: 9_999, writes: 0 } })])
    const table = await tableOf(structure(routes, { hosts: [...hosts, observing] }), split)
    const header = { 'x-device-id': '43' }

    expect(decide(table, request('GET', '/v1/users/../x', header)).refused).toBe(true)
    expect(decide(table, request('GET', '/v1/users/../x', header, 'old.example.com'))).toMatchObject({
      refused: false,
      site: 'onprem',
      because: 'unsafe-target',
    })
  })

  it('takes what its route accepts for safe, also while it moves, and nothing else', async () => {
    const accepting = route('/v1/files/**', { service: 'files', policy: { ...policy, accepts: ['encoded-slash'] } })
    const split = placementSet([placement('files', { moving: { to: 'cloud', reads: 10_000, writes: 0 } })])
    const table = await tableOf(structure([...routes, accepting]), split)

    expect(decide(table, request('GET', '/v1/files/a%2Fb'))).toMatchObject({ refused: false, because: 'all-moved' })
    expect(decide(table, request('GET', '/v1/files//b'))).toMatchObject({ refused: true, because: 'unsafe-target' })
    expect(decide(table, request('GET', '/v1/users/a%2Fb')).refused).toBe(true)
  })

  it('chooses among routes of one path by what the request says, and takes the next when it says nothing', async () => {
    const when = [{ from: 'header:x-app-version', test: 'version', value: '>=4.2' }] as const
    const newer = route('/v1/feed', { unit: 'orders.feed', when })
    const table = await tableOf(structure([newer, route('/v1/feed')]), placementSet([]))
    const unit = (headers: Record<string, string>) => decide(table, request('GET', '/v1/feed', headers)).route?.unit

    expect(unit({ 'x-app-version': '4.10' })).toBe('orders.feed')
    expect(unit({ 'x-app-version': '4.1' })).toBe('orders')
    expect(unit({})).toBe('orders')
  })

  it('gives the position of the route, by which its parameters are taken', async () => {
    const table = await tableOf(structure(routes), placementSet([]))
    const { position, target } = decide(table, request('GET', '/v1/orders/7'))

    expect({ ...table.index.trie.parameters(position, target.key) }).toEqual({ id: '7' })
    expect(decide(table, request('GET', '/elsewhere')).position).toBe(-1)
  })

  it('refuses an unsafe target on a host nobody declared', async () => {
    const table = await tableOf(structure(routes), placementSet([]))

    expect(decide(table, request('GET', '/v1/%2e%2e/x', {}, 'other.test')).refused).toBe(true)
  })

  it('reads a host by name, whatever its case, port and trailing dot', () => {
    expect(hostName('API.Example.com:8443')).toBe('api.example.com')
    expect(hostName('api.example.com.')).toBe('api.example.com')
    expect(hostName('[::1]:80')).toBe('[::1]')
    expect(hostName('[::1]')).toBe('[::1]')
  })

  it('routes an alias as the host it stands for', async () => {
    const bound = [route('/only', { host: 'api.example.com' })]
    const table = await tableOf(structure(bound), placementSet([]))

    expect(decide(table, request('GET', '/only', {}, 'localhost:17080')).route?.pattern).toBe('/only')
    expect(decide(table, request('GET', '/only', {}, 'other.test')).route).toBeUndefined()
  })
})
