import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'

let plane: TestControlPlane
beforeAll(async () => {
  plane = await startControlPlane()
  const files = [
    ...catalogOf(
      serviceFile('orders'),
      serviceFile('users', { state: 'none' }),
      serviceFile('carts', { state: 'per-key', key: '[header:x-cart, header:x-device-id]' }),
      serviceFile('legacy', { sites: ['onprem'] }),
      serviceFile('stale'),
      serviceFile('twice'),
    ),
  ]
  await plane.client.apply({ files, reason: 'first' })
})
afterAll(() => plane.stop())

const placementOf = async (unit: string) => (await plane.client.unit(unit)).placement

describe('a flip', () => {
  it('gives each service an epoch from its first day, at home', async () => {
    expect(await placementOf('orders')).toEqual({
      unit: 'orders',
      epoch: 1,
      owner: 'onprem',
      cohort: 'wave-0',
      key: ['header:x-device-id'],
    })
  })

  it('moves shares of the reads first and everything in the end', async () => {
    const first = await plane.client.flip('orders', { to: 'cloud', reads: 1000, reason: 'canary' }, 1)
    expect(first).toMatchObject({ unit: 'orders', epoch: 2, changed: true, undo: 'tidegate rollback orders' })
    expect(first.placement.moving).toEqual({ to: 'cloud', reads: 1000, writes: 0 })

    const whole = await plane.client.flip('orders', { to: 'cloud', reason: 'all' }, 2)
    expect(whole.placement).toMatchObject({ epoch: 3, owner: 'cloud' })
    expect(whole.placement.moving).toBeUndefined()
    expect(whole.table).toBe(first.table + 1)

    const back = await plane.client.rollback('orders', 'too slow')
    expect(back.placement).toMatchObject({ epoch: 4, owner: 'onprem' })
    await expect(plane.client.rollback('orders')).rejects.toMatchObject({ status: 409, code: 'nothing-to-roll-back' })
  })

  it('splits writes with the reads where the state may be split', async () => {
    const { placement } = await plane.client.flip('users', { to: 'cloud', reads: 2500, reason: 'canary' }, 1)
    expect(placement.moving).toEqual({ to: 'cloud', reads: 2500, writes: 2500 })
  })

  it('to the owner while it moves brings the unit back, and cannot be rolled back once more', async () => {
    const before = await placementOf('users')
    const back = await plane.client.flip('users', { to: 'onprem', reason: 'back' }, before.epoch)
    expect(back.placement).toMatchObject({ owner: 'onprem', epoch: before.epoch + 1 })
    expect(back.placement.moving).toBeUndefined()
    await expect(plane.client.rollback('users')).rejects.toMatchObject({ code: 'nothing-to-roll-back' })
  })

  it('to what already holds changes nothing and makes no number', async () => {
    const [newest] = await plane.client.tables({ limit: 1 })
    const same = await plane.client.flip('twice', { to: 'onprem', reason: 'again' }, 1)
    expect(same).toMatchObject({ changed: false, epoch: 1 })
    expect((await plane.client.tables({ limit: 1 }))[0]?.number).toBe(newest?.number)
  })

  it('without the epoch that was seen is refused, and so is one that saw an older one', async () => {
    const missing = await plane.fetch('/api/v1/units/stale/flip', {
      method: 'POST',
      headers: { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: 'cloud', reason: 'x' }),
    })
    expect(missing.status).toBe(428)

    await plane.client.flip('stale', { to: 'cloud', reason: 'mine came first' }, 1)
    const late = plane.client.flip('stale', { to: 'cloud', reads: 1, reason: 'late' }, 1)
    await expect(late).rejects.toMatchObject({
      status: 412,
      code: 'stale-revision',
      change: { actor: 'admin', reason: 'mine came first', placement: { epoch: 2, owner: 'cloud' } },
    })
    await plane.client.flip('stale', { to: 'onprem', reason: 'whichever' }, '*')
  })

  it.each(['', ' '])('without a reason (%j) is refused', async (reason) => {
    await expect(plane.client.flip('orders', { to: 'cloud', reason }, '*')).rejects.toMatchObject({ status: 400 })
  })

  it('to a site without deployment is refused with the nearest name', async () => {
    const refused = plane.client.flip('orders', { to: 'cluod', reason: 'typo' }, '*')
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'site-without-deployment' })
    await expect(refused).rejects.toThrow(/did you mean cloud/)
    await expect(plane.client.flip('legacy', { to: 'cloud', reason: 'x' }, '*')).rejects.toMatchObject({ status: 422 })
    await expect(plane.client.flip('order', { to: 'cloud', reason: 'x' }, '*')).rejects.toThrow(/did you mean orders/)
  })

  it.each([
    ['orders', { reads: 1000, writes: 1000 }, /moves? whole/],
    ['orders', { reads: 1000, writes: 10_000 }, /never lead/],
    ['carts', { reads: 1000, writes: 1000 }, /several key sources/],
  ])('of %s to %j is refused', async (unit, shares, words) => {
    const refused = plane.client.flip(unit, { to: 'cloud', ...shares, reason: 'x' }, '*')
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'split-not-possible' })
    await expect(refused).rejects.toThrow(words)
  })
})
