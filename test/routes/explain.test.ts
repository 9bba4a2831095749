import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { explain } from '#routes/explain.ts'
import { placement, placementSet, policy, request, route, structure, tableOf } from '../support/tables.ts'

const table = await tableOf(
  structure([route('/v1/orders/{id}')]),
  placementSet([placement('orders', { epoch: 4, moving: { to: 'cloud', reads: 1_000, writes: 0 } })]),
)

describe('explain', () => {
  it('says in words what decide decided', () => {
    const facts = request('GET', '/v1/orders/7', { 'x-device-id': '42' })

    const { decision, sentences } = explain(table, facts)

    expect(decision).toEqual(decide(table, facts))
    expect(sentences).toEqual([
      'Structure 1, placements 1.',
      'The path is read as /v1/orders/7.',
      'It matches orders:*:/v1/orders/{id} of unit orders, a read.',
      'Epoch 4: bucket 9475 is not below 10 % (1000), so onprem serves it, the owner.',
    ])
  })

  it('says which classes make a target unsafe and what the host does with it', () => {
    const { sentences } = explain(table, request('GET', '/v1/orders/%2e%2e/x'))

    expect(sentences.at(-1)).toContain('unsafe (dot-segment): refused with 400 target-unsafe')
  })

  it('says which conditions held, what the route accepts, and as what else the path may be read', async () => {
    const when = [{ from: 'country', test: 'equals', value: 'DE' }] as const
    const accepting = route('/files/**', { policy: { ...policy, accepts: ['encoded-slash'] }, when })
    const table = await tableOf(
      structure([accepting, route('/files/admin/**', { unit: 'orders.a' })]),
      placementSet([]),
    )

    const { readings, sentences } = explain(table, { ...request('GET', '/files/x%2F/ADMIN'), country: 'DE' })
    const read = explain(table, { ...request('GET', '/files/ADMIN'), country: 'DE' })

    expect(readings).toEqual([])
    expect(sentences[2]).toBe('It has what its route accepts (encoded-slash).')
    expect(sentences[3]).toMatch(
      /^It matches orders:\*:\/files\/\*\*\[country#\w+\] of unit orders, since country is "DE", a read\.$/,
    )
    expect(read.readings).toMatchObject([{ unit: 'orders.a' }])
    expect(read.sentences).toContain(
      'The service might read the path as that of orders:*:/files/admin/**: those guards hold, too, and nothing is cached or repeated.',
    )
  })

  it('says that a path of too many readings is refused', () => {
    expect(explain(table, request('GET', '/v1/orders/A%252525253A;x')).sentences.at(-1)).toContain('in more ways than')
  })

  it('says why nothing matched', async () => {
    const bound = await tableOf(
      structure([route('/a', { host: 'api.example.com', methods: ['PUT'] })]),
      placementSet([]),
    )
    const last = (method: string, target: string, host?: string) =>
      explain(bound, request(method, target, {}, host)).sentences.at(-1)

    expect(last('GET', '/a')).toContain('answers 405, since the path has routes for OPTIONS, PUT.')
    expect(last('OPTIONS', '/a')).toContain('answers 204 with what the path has routes for: OPTIONS, PUT.')
    expect(last('PUT', '/a', 'x.test')).toContain('answers 421, since the table has no such host.')
  })

  it('says that nobody serves what no route matches', () => {
    expect(explain(table, request('GET', '/elsewhere')).sentences.slice(-2)).toEqual([
      'No route matches.',
      'Unmatched requests go to the default site: the gateway of onprem answers 404.',
    ])
  })
})
