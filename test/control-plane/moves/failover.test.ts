import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Placement } from '#routes/placement.ts'
import { endFailover, failover } from '../../../control-plane/moves/failover.ts'
import { rollback } from '../../../control-plane/moves/rollback.ts'
import type { PlacementChange } from '../../../control-plane/tables/table-store.ts'
import { placement, service } from '../../support/tables.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'

const orders = service('orders')
const toCloud = { to: 'cloud', safeOnly: true as const }
const moving = { to: 'cloud', reads: 1_000, writes: 0 }

const placed = (facts: Partial<Placement> = {}, returnsTo?: number): PlacementChange => ({
  placement: placement('orders', facts),
  number: 1,
  how: 'flip',
  actor: 'ops',
  reason: '',
  at: 0,
  ...(returnsTo === undefined ? {} : { returnsTo }),
})

describe('the decision about a failover', () => {
  it('gives the next epoch, points back to where there was none, and changes nothing where it is so already', () => {
    expect(failover(placed(), 'cloud', orders)).toEqual({
      kind: 'changed',
      placement: placed({ epoch: 2, failover: toCloud }).placement,
      returnsTo: 1,
    })
    expect(failover(placed({ failover: toCloud }), 'cloud', orders)).toEqual({ kind: 'unchanged' })
    expect(endFailover(placed())).toEqual({ kind: 'unchanged' })
  })

  it('is refused for the owner, and for a site where the service does not run', () => {
    expect(failover(placed(), 'onprem', orders)).toEqual({ kind: 'refused', because: 'to-owner' })
    expect(failover(placed(), 'moon', orders)).toEqual({ kind: 'refused', because: 'no-deployment' })
  })

  it('inside a move leaves the way back where it was: to before the move', () => {
    const start = placed()
    const inMove = failover(placed({ epoch: 2, moving }, 1), 'cloud', orders)

    expect(inMove).toMatchObject({ kind: 'changed', returnsTo: 1 })
    const after = placed({ epoch: 3, moving, failover: toCloud }, 1)
    expect(rollback(after, start)?.placement).toEqual({ ...start.placement, epoch: 4 })
  })
})

describe('failover by the API', () => {
  let plane: TestControlPlane
  beforeAll(async () => {
    plane = await startControlPlane()
    const files = catalogOf(...['orders', 'users', 'moved'].map((name) => serviceFile(name)))
    await plane.client.apply({ files: [...files], reason: 'first' })
  })
  afterAll(() => plane.stop())

  const body = { to: 'cloud', reason: 'the night shift' }

  it('begins as a new epoch, stands in the table that edges get, and in the audit', async () => {
    const on = await plane.client.failover('orders', body, 1)

    expect(on).toMatchObject({ changed: true, epoch: 2, placement: { owner: 'onprem', failover: toCloud } })
    expect((await plane.client.table(on.table)).placements).toContainEqual(on.placement)
    expect((await plane.client.audit({ limit: 500 })).at(-1)).toMatchObject({ action: 'unit.failover', epoch: 2 })
    const off = await plane.client.endFailover('orders', 'it is day', 2)
    expect(off).toMatchObject({ changed: true, epoch: 3, ended: { failover: toCloud } })
    expect(off.placement.failover).toBeUndefined()
  })

  it('ends with the flip to where it went, which says so, and comes back with its rollback', async () => {
    await plane.client.failover('moved', body, 1)
    const whole = await plane.client.flip('moved', { to: 'cloud', reason: 'all' }, 2)
    const back = await plane.client.rollback('moved')

    expect(whole).toMatchObject({ placement: { owner: 'cloud' }, ended: { failover: toCloud } })
    expect(whole.placement.failover).toBeUndefined()
    expect(back.placement).toMatchObject({ owner: 'onprem', failover: toCloud })
  })

  it('needs the scope that flips need, and the epoch that was seen', async () => {
    const reader = await plane.clientWith(['read'])
    await expect(reader.failover('users', body, 1)).rejects.toMatchObject({ status: 403 })
    await expect(reader.endFailover('users', 'x', 1)).rejects.toMatchObject({ status: 403 })
    await expect(plane.client.failover('users', body, 7)).rejects.toMatchObject({ code: 'stale-revision' })
    const flipper = await plane.clientWith(['flip'])
    expect(await flipper.failover('users', body, 1)).toMatchObject({ changed: true })
  })

  it.each([
    ['users', 'onprem', 422, 'failover-not-possible'],
    ['users', 'cluod', 422, 'site-without-deployment'],
    ['usres', 'cloud', 404, 'unit-unknown'],
  ])('of %s to %s is refused with %i', async (unit, to, status, code) => {
    await expect(plane.client.failover(unit, { ...body, to }, '*')).rejects.toMatchObject({ status, code })
  })
})
