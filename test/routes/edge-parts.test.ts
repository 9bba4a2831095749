import { expect, it } from 'vitest'
import { readEdgePolicy, readEdgeService, receiveAtEdge } from '#routes/edge-parts.ts'
import { makeSealer, placementSet, policy, route, service, structure } from '../support/tables.ts'

it('an edge reads of a policy what it decides and waits by, and passes over the rest', () => {
  const { timeout } = policy
  const accepts = ['encoded-slash']

  expect(readEdgePolicy({ ...policy, effect: 'read', accepts, 'a-guard-of-next-year': { x: 1 } })).toEqual({
    timeout,
    effect: 'read',
    accepts,
  })
  expect(readEdgePolicy({ ...policy, trailingSlash: 'ignore' })).toEqual({ timeout, trailingSlash: 'ignore' })
  for (const wrong of [{ effect: 'both' }, { timeout: {} }, { accepts: ['dot-segment'] }, { trailingSlash: 'keep' }]) {
    expect(readEdgePolicy({ ...policy, ...wrong })).toBeUndefined()
  }
})

it('an edge reads of a policy that its answers have no end, and that its route is closed, but no other answer', () => {
  const { timeout } = policy
  const answer = { kind: 'maintenance', retryAfterMs: 1_000, message: 'soon' }

  expect(readEdgePolicy({ ...policy, stream: true, answer })).toEqual({ timeout, stream: true, answer })
  for (const other of [{ kind: 'respond', status: 200 }, { kind: 'maintenance' }, { ...answer, until: 1 }, 'closed']) {
    expect(readEdgePolicy({ ...policy, stream: false, answer: other })).toEqual({ timeout })
  }
})

it('an edge reads of a service its id and home', () => {
  expect(readEdgeService(service('orders'))).toEqual({ id: 'orders', home: 'onprem' })
  expect(readEdgeService({ id: 'orders' })).toBeUndefined()
})

it('an edge takes the tables that a gateway takes', async () => {
  const sealer = await makeSealer()
  const conditional = route('/a', { when: [{ from: 'country', test: 'equals', value: 'DE' }] })
  const offer = {
    structure: await sealer.structure(structure([conditional, route('/a')])),
    placements: await sealer.placements(placementSet([])),
  }

  const { table, refusals } = await receiveAtEdge(undefined, offer, sealer.trusted)

  expect(refusals).toEqual([])
  expect(table?.structure.value.routes[0]).toEqual({ ...conditional, policy: { timeout: policy.timeout } })
})
