import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { explain } from '#routes/explain.ts'
import { placement, placementSet, request, route, structure, tableOf } from '../support/tables.ts'

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

  it('says that nobody serves what no route matches', () => {
    expect(explain(table, request('GET', '/elsewhere')).sentences.slice(-2)).toEqual([
      'No route matches.',
      'Unmatched requests go to the default site: the gateway of onprem answers 404.',
    ])
  })
})
