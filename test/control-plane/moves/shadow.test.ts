import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Placement } from '#routes/placement.ts'
import { flip } from '../../../control-plane/moves/flip.ts'
import { rollback } from '../../../control-plane/moves/rollback.ts'
import { endShadow, shadow } from '../../../control-plane/moves/shadow.ts'
import type { PlacementChange } from '../../../control-plane/tables/table-store.ts'
import { placement, service } from '../../support/tables.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'

const orders = service('orders', { key: ['header:x-device-id'] })
const copies = { to: 'cloud', sample: 500, again: 0, maxInFlight: 100 }
const request = { to: 'cloud', sample: 500 }
const moving = { to: 'cloud', reads: 1_000, writes: 0 }

const placed = (facts: Partial<Placement> = {}, returnsTo?: number): PlacementChange => ({
  placement: placement('orders', { key: ['header:x-device-id'], ...facts }),
  number: 1,
  how: 'flip',
  actor: 'ops',
  reason: '',
  at: 0,
  ...(returnsTo === undefined ? {} : { returnsTo }),
})

describe('the decision about copies', () => {
  it('gives the next epoch and points back to where there were none', () => {
    expect(shadow(placed(), request, orders)).toEqual({
      kind: 'changed',
      placement: placed({ epoch: 2, shadow: copies }).placement,
      returnsTo: 1,
    })
    expect(endShadow(placed({ epoch: 2, shadow: copies }))).toMatchObject({
      kind: 'changed',
      placement: placed({ epoch: 3 }).placement,
    })
  })

  it('changes nothing where it is so already', () => {
    expect(shadow(placed({ shadow: copies }), request, orders)).toEqual({ kind: 'unchanged' })
    expect(endShadow(placed())).toEqual({ kind: 'unchanged' })
  })

  it('takes the present key of the service, but never inside a move', () => {
    const stale = { key: ['authorization'] as const }
    expect(shadow(placed(stale), request, orders)).toMatchObject({ placement: { key: ['header:x-device-id'] } })
    expect(shadow(placed({ ...stale, moving }), request, orders)).toMatchObject({ placement: stale })
  })

  it('copies a share only where clients can be told apart', () => {
    const keyless = service('orders', { key: [] })
    expect(shadow(placed(), request, keyless)).toEqual({ kind: 'refused', because: 'no-key' })
    expect(shadow(placed(), { to: 'cloud', sample: 10_000 }, keyless)).toMatchObject({ kind: 'changed' })
  })

  it('inside a move leaves the way back where it was: to before the move', () => {
    const start = placed()
    const inMove = shadow(placed({ epoch: 2, moving }, 1), request, orders)
    if (inMove.kind !== 'changed') throw new Error(inMove.kind)
    expect(inMove.returnsTo).toBe(1)

    const back = rollback(placed(inMove.placement, inMove.returnsTo), start)
    expect(back?.placement).toEqual({ ...start.placement, epoch: 4 })
  })

  it('can be taken back after the move in which it was made went home by a flip', () => {
    const before = placed({}, 0)
    const inMove = placed({ epoch: 3, moving, shadow: copies }, 1)

    expect(flip(inMove, { to: 'onprem' }, orders, before)).toMatchObject({ kind: 'changed', returnsTo: 1 })
    const unshadowed = placed({ epoch: 3, moving }, 1)
    expect(flip(unshadowed, { to: 'onprem' }, orders, before)).toMatchObject({ kind: 'changed', returnsTo: 0 })
  })
})

describe('copies by the API', () => {
  let plane: TestControlPlane
  beforeAll(async () => {
    plane = await startControlPlane()
    const names = ['orders', 'users', 'late', 'gone', 'moved', 'checked']
    const files = catalogOf(...names.map((name) => serviceFile(name)), serviceFile('legacy', { sites: ['onprem'] }))
    await plane.client.apply({ files: [...files], reason: 'first' })
  })
  afterAll(() => plane.stop())

  const body = { ...request, reason: 'to compare' }

  it('begin as a new epoch, stand in the unit, its history and the audit, and are taken back by a rollback', async () => {
    const on = await plane.client.shadow('orders', { ...body, maxInFlight: 7 }, 1)
    expect(on).toMatchObject({
      changed: true,
      epoch: 2,
      placement: { owner: 'onprem', shadow: { ...copies, maxInFlight: 7 } },
      undo: 'tidegate shadow orders --off --reason "after all"',
    })
    const unit = await plane.client.unit('orders')
    expect(unit).toMatchObject({ placement: on.placement, returnsTo: 1, changed: { how: 'shadow', actor: 'admin' } })
    expect(unit.history[0]?.placement).toEqual(on.placement)
    expect((await plane.client.table(on.table)).placements).toContainEqual(on.placement)
    expect((await plane.client.audit({ limit: 500 })).at(-1)).toMatchObject({
      action: 'unit.shadow',
      object: 'orders',
      epoch: 2,
      reason: 'to compare',
    })

    const back = await plane.client.rollback('orders')
    expect(back).toMatchObject({ epoch: 3, ended: { shadow: { to: 'cloud', maxInFlight: 7 } } })
    expect(back.placement.shadow).toBeUndefined()
    expect(await plane.client.verifyAudit()).toMatchObject({ valid: true })
  })

  it('end when asked to, and change nothing when there are none', async () => {
    await plane.client.shadow('users', body, 1)
    const off = await plane.client.endShadow('users', 'seen enough & more', 2)

    expect(off).toMatchObject({ changed: true, epoch: 3, ended: { shadow: copies } })
    expect(off.undo).toBe('tidegate shadow users --to cloud --percent 5 --max-in-flight 100 --reason "after all"')
    expect((await plane.client.unit('users')).changed.reason).toBe('seen enough & more')
    expect(await plane.client.endShadow('users', 'again', 3)).toMatchObject({ changed: false, epoch: 3 })
    expect((await plane.client.shadow('users', body, 3)).changed).toBe(true)
    expect(await plane.client.shadow('users', body, 4)).toMatchObject({ changed: false, epoch: 4 })
  })

  it('end with the flip to where they went, which says so, and go on with any other', async () => {
    await plane.client.shadow('moved', body, 1)
    const tenth = await plane.client.flip('moved', { to: 'cloud', reads: 1_000, reason: 'canary' }, 2)
    expect(tenth.placement.shadow).toEqual(copies)
    expect(tenth.ended).toBeUndefined()

    const whole = await plane.client.flip('moved', { to: 'cloud', reason: 'all' }, 3)
    expect(whole).toMatchObject({ placement: { owner: 'cloud' }, ended: { shadow: copies } })
    expect(whole.placement.shadow).toBeUndefined()

    const back = await plane.client.rollback('moved')
    expect(back.placement).toMatchObject({ owner: 'onprem', shadow: copies })
  })

  it('end also for a service that left the catalog', async () => {
    await plane.client.shadow('gone', body, 1)
    const files = [...catalogOf(serviceFile('orders'))].filter(({ file }) => file !== 'services/gone.yaml')
    const others = ['users', 'late', 'moved', 'checked'].map((name) => serviceFile(name))
    const legacy = serviceFile('legacy', { sites: ['onprem'] })
    await plane.client.apply({ files: [...files, ...others, legacy], reason: 'without it', allowShrink: true })

    await expect(plane.client.shadow('gone', body, 2)).rejects.toMatchObject({ code: 'site-without-deployment' })
    expect(await plane.client.endShadow('gone', 'left', 2)).toMatchObject({ changed: true, epoch: 3 })
  })

  it('need the epoch that was seen, to begin and to end', async () => {
    const put = (headers: Record<string, string>) =>
      plane.fetch('/api/v1/units/late/shadow', {
        method: 'PUT',
        headers: { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    expect((await put({})).status).toBe(428)
    expect(
      (
        await plane.fetch('/api/v1/units/late/shadow?reason=x', {
          method: 'DELETE',
          headers: { authorization: `Bearer ${plane.adminToken}` },
        })
      ).status,
    ).toBe(428)
    expect((await put({ 'if-match': '"1"' })).status).toBe(200)
    expect((await put({ 'if-match': '"1"' })).status).toBe(412)
    await expect(plane.client.endShadow('late', 'x', 1)).rejects.toMatchObject({ code: 'stale-revision' })
  })

  it.each([
    ['orders', { to: 'onprem' }, 422, 'shadow-not-possible', /it owns the unit/],
    ['legacy', {}, 422, 'site-without-deployment', /it has onprem/],
    ['orders', { to: 'cluod' }, 422, 'site-without-deployment', /did you mean cloud/],
    ['ordres', {}, 404, 'unit-unknown', /did you mean orders/],
    ['orders', { sample: 0 }, 400, 'request-invalid', /sample/],
    ['orders', { sample: 10_001 }, 400, 'request-invalid', /sample/],
    ['orders', { maxInFlight: 0 }, 400, 'request-invalid', /maxInFlight/],
    ['orders', { maxInFlight: 1_001 }, 400, 'request-invalid', /maxInFlight/],
    ['orders', { reason: ' ' }, 400, 'request-invalid', /reason/],
  ])('of %s with %j are refused with %i', async (unit, more, status, code, words) => {
    const refused = plane.client.shadow(unit, { ...body, ...more }, '*')
    await expect(refused).rejects.toMatchObject({ status, code, fix: expect.stringMatching(/\w/) })
    await expect(refused).rejects.toThrow(words)
  })

  it('need the scope that flips need', async () => {
    const reader = await plane.clientWith(['read'])
    await expect(reader.shadow('checked', body, 1)).rejects.toMatchObject({ status: 403 })
    await expect(reader.endShadow('checked', 'x', 1)).rejects.toMatchObject({ status: 403 })
    const flipper = await plane.clientWith(['flip'])
    expect(await flipper.shadow('checked', body, 1)).toMatchObject({ changed: true })
  })
})
