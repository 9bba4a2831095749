import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { decodePlacements } from '#routes/placements-codec.ts'
import { catalogOf, serviceFile, sitesFile } from '../support/catalog.ts'
import { startControlPlane } from '../support/control-plane.ts'

const orders = serviceFile('orders')
const users = serviceFile('users')

describe('applying a catalog', () => {
  it('publishes a structure and a placement for each new unit, and says what changed', async () => {
    await using plane = await startControlPlane()
    const applied = await plane.client.apply({ files: [...catalogOf(orders, users)], reason: 'first' })

    expect(applied).toMatchObject({
      structure: 1,
      changed: { added: ['orders', 'users'], changed: [], removed: [] },
      table: { structure: 1, placements: 1 },
      dryRun: false,
    })
    expect((await plane.client.units()).map(({ unit, placement }) => [unit, placement.epoch])).toEqual([
      ['orders', 1],
      ['users', 1],
    ])
    expect((await plane.client.services()).map(({ service, routes }) => [service, routes])).toEqual([
      ['orders', 1],
      ['users', 1],
    ])
    expect((await plane.client.sites()).map(({ name }) => name)).toEqual(['onprem', 'cloud'])
    expect(await plane.client.routes()).toHaveLength(2)
  })

  it('again makes no number and no audit entry, in whatever order the files come', async () => {
    await using plane = await startControlPlane()
    const files = [...catalogOf(orders, users)]
    await plane.client.apply({ files })
    const again = await plane.client.apply({ files: files.toReversed() })

    expect(again).toMatchObject({
      structure: 1,
      changed: { added: [], changed: [], removed: [] },
      table: { placements: 1 },
    })
    expect(await plane.client.audit()).toHaveLength(1)
  })

  it('with a comment more keeps the text and makes no number', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const commented = { ...orders, text: `# owned by commerce\n${orders.text}` }
    expect(await plane.client.apply({ files: [...catalogOf(commented)] })).toMatchObject({ structure: 1 })
    expect((await plane.client.catalog()).files).toContainEqual(commented)
  })

  it('that has faults changes nothing and tells all of them at once', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const bad = [
      { file: 'services/a.yaml', text: 'service: a\nowner: team-comerce\nport: 1\n' },
      { file: 'services/b.yaml', text: 'service: [\n' },
    ]

    const refused = plane.client.apply({ files: [...catalogOf(orders), ...bad] })

    await expect(refused).rejects.toMatchObject({ status: 422, code: 'catalog-invalid' })
    const { faults } = await refused.catch((error) => error)
    expect(new Set(faults.map(({ file }: { file: string }) => file))).toEqual(
      new Set(['services/a.yaml', 'services/b.yaml']),
    )
    expect(faults.length).toBeGreaterThan(2)
    expect((await plane.client.catalog()).files).toHaveLength(3)
    expect(await plane.client.tables()).toHaveLength(1)
  })

  it('in mode merge adds one service to those that are there', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const merged = await plane.client.apply({ files: [users], mode: 'merge' })
    expect(merged).toMatchObject({ structure: 2, changed: { added: ['users'], removed: [] } })
    expect(await plane.client.services()).toHaveLength(2)
  })

  it('keeps placements: a changed home moves nobody, a removed service keeps its epoch and finds it again', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders, users)] })
    await plane.client.flip('users', { to: 'cloud', reason: 'x' }, 1)

    await plane.client.apply({ files: [...catalogOf(orders)] })
    const left = await plane.client.unit('users')
    expect(left.service).toBeUndefined()
    expect(left.placement).toMatchObject({ owner: 'cloud', epoch: 2 })
    await expect(plane.client.flip('users', { to: 'onprem', reason: 'x' }, '*')).rejects.toMatchObject({ status: 422 })
    // A rollback is refused by nothing.
    expect((await plane.client.rollback('users')).placement).toMatchObject({ owner: 'onprem', epoch: 3 })

    await plane.client.apply({ files: [...catalogOf(orders, users)] })
    expect((await plane.client.unit('users')).placement).toMatchObject({ owner: 'onprem', epoch: 3 })
  })

  it('that takes a deployment from under a unit is refused, until the unit is moved', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const onlyCloud = [...catalogOf(serviceFile('orders', { sites: ['cloud'] }))]

    const refused = plane.client.apply({ files: onlyCloud })
    await expect(refused).rejects.toMatchObject({ code: 'catalog-invalid' })
    const { faults } = await refused.catch((error) => error)
    expect(faults[0]).toMatchObject({
      file: 'services/orders.yaml',
      expected: expect.stringMatching(/no deployment at onprem/),
    })

    await plane.client.flip('orders', { to: 'cloud', reason: 'x' }, 1)
    expect(await plane.client.apply({ files: onlyCloud })).toMatchObject({ structure: 2 })
    expect((await plane.client.unit('orders')).placement).toMatchObject({ owner: 'cloud', epoch: 2 })
  })

  it('gives a service that comes back without its old site a placement at home, at the next epoch', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders, users)] })
    await plane.client.apply({ files: [...catalogOf(orders)] })
    await plane.client.apply({ files: [...catalogOf(orders, serviceFile('users', { sites: ['cloud'] }))] })
    expect((await plane.client.unit('users')).placement).toMatchObject({ owner: 'cloud', epoch: 2 })
  })

  it('takes new key sources with the first step of a move, never in the middle of one', async () => {
    await using plane = await startControlPlane()
    const device = serviceFile('orders', { key: '[header:x-device-id]' })
    const cookie = serviceFile('orders', { key: '[cookie:sid]' })
    await plane.client.apply({ files: [...catalogOf(device)] })
    await plane.client.flip('orders', { to: 'cloud', reads: 1000, reason: 'x' }, 1)
    await plane.client.apply({ files: [...catalogOf(cookie)] })

    const raised = await plane.client.flip('orders', { to: 'cloud', reads: 2000, reason: 'x' }, 2)
    expect(raised.placement.key).toEqual(['header:x-device-id'])
    await plane.client.rollback('orders')
    const next = await plane.client.flip('orders', { to: 'cloud', reads: 1000, reason: 'x' }, '*')
    expect(next.placement.key).toEqual(['cookie:sid'])
  })

  it('that loses many routes needs to be told so', async () => {
    await using plane = await startControlPlane()
    const many = serviceFile('orders', { routes: Array.from({ length: 120 }, (_, at) => `/v1/orders/${at}`) })
    const few = serviceFile('orders', { routes: ['/v1/orders/1'] })
    await plane.client.apply({ files: [...catalogOf(many)] })
    await expect(plane.client.apply({ files: [...catalogOf(few)] })).rejects.toMatchObject({
      code: 'catalog-implausible',
    })
    expect(await plane.client.apply({ files: [...catalogOf(few)], allowShrink: true })).toMatchObject({ structure: 2 })
  })

  it('of new sites lets placements stand only on structures that know them', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const third = {
      ...sitesFile,
      text: sitesFile.text.replace('hosts:', '  - name: edge\n    origin: http://127.0.0.1:17301\nhosts:'),
    }
    await plane.client.apply({ files: [third], mode: 'merge' })

    const { feed } = plane.controlPlane.plane
    expect(feed.structure?.number).toBe(2)
    expect(decodePlacements(feed.placements?.sealed.body ?? '')?.structure.min).toBe(2)
  })

  it('on trial, and its diff, tell what would change and change nothing', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const moved = { ...orders, text: orders.text.replace('orders.cloud.internal', 'orders2.cloud.internal') }
    const body = { files: [...catalogOf(moved, users)] }

    expect(await plane.client.apply(body, { dryRun: true })).toMatchObject({
      structure: 1,
      dryRun: true,
      changed: { added: ['users'], changed: ['orders'] },
    })
    const diff = await plane.client.diff(body)
    expect(diff.services.find(({ service }) => service === 'orders')?.lines).toEqual([
      '- deployments.cloud.url: "http://orders.cloud.internal:8080"',
      '+ deployments.cloud.url: "http://orders2.cloud.internal:8080"',
    ])
    expect(await plane.client.services()).toHaveLength(1)
    expect(await plane.client.audit()).toHaveLength(1)
  })

  it('that is large keeps no flip waiting, and does not overwrite what was applied meanwhile', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files: [...catalogOf(orders)] })
    const many = Array.from({ length: 80 }, (_, at) => serviceFile(`s${at}`))
    const order: string[] = []

    const large = plane.client.apply({ files: many, mode: 'merge' }).then((applied) => {
      order.push('large')
      return applied
    })
    await plane.client.flip('orders', { to: 'cloud', reason: 'meanwhile' }, 1)
    await plane.client.apply({ files: [users], mode: 'merge' })
    order.push('small')

    expect((await large).changed.added).toHaveLength(80)
    expect(order).toEqual(['small', 'large'])
    expect(await plane.client.services()).toHaveLength(82)
    expect((await plane.client.unit('orders')).placement.owner).toBe('cloud')
  })

  it('takes the example catalog', async () => {
    await using plane = await startControlPlane()
    const names = (await readdir('routes/example', { recursive: true })).filter((name) => name.endsWith('.yaml'))
    const files = await Promise.all(
      names.map(async (file) => ({ file, text: await readFile(`routes/example/${file}`, 'utf8') })),
    )
    const { changed } = await plane.client.apply({ files })
    expect(changed.added.length).toBeGreaterThan(0)
  })
})

describe('a request that is not as described', () => {
  it.each([
    ['an unknown member', { files: [], colour: 'red' }, '/body/colour'],
    ['a wrong type', { files: 'all' }, '/body/files'],
    ['a missing member', {}, '/body/files'],
  ])('with %s is refused with a pointer to it', async (_, body, pointer) => {
    await using plane = await startControlPlane()
    const answer = await plane.fetch('/api/v1/catalog/apply', {
      method: 'POST',
      headers: { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toMatch(/application\/problem\+json/)
    expect(await answer.json()).toMatchObject({ code: 'request-invalid', pointer })
  })
})
