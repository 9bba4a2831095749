import { copyFile, mkdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { FakeGateway } from '../support/fake-gateway.ts'

const files = [...catalogOf(serviceFile('orders'), serviceFile('users'))]

/** A control plane whose database is set back to before its flips, and a gateway that holds what was published since. */
async function restoredBackup(folder: Awaited<ReturnType<typeof temporaryFolder>>) {
  const plane = await startControlPlane({ home: folder.file('home') })
  await plane.client.apply({ files })
  await mkdir(folder.file('backup'))
  // A clean stop folds the write-ahead log into the file: that is what a backup holds.
  await plane.stop()
  await copyFile(folder.file('home/tidegate.db'), folder.file('backup/tidegate.db'))

  const live = await startControlPlane({ home: folder.file('home'), keys: plane.keys })
  const gateway = await FakeGateway.start({ keys: plane.keys })
  await gateway.connect(live.url)
  await live.client.flip('orders', { to: 'cloud', reads: 1000, reason: 'canary' }, 1)
  await live.client.flip('orders', { to: 'cloud', reason: 'all' }, 2)
  await live.client.apply({ files: [...files, serviceFile('carts')] })
  await eventually(() => gateway.table?.structure.number === 2 && gateway.placementsNumber === 4)
  await live.stop()
  return { keys: plane.keys, gateway, home: folder.file('backup') }
}

describe('an old backup that is restored', () => {
  it('is asked for by nobody: the fleet is asked first, and the next flip is taken by every gateway', async () => {
    await using folder = await temporaryFolder()
    const { keys, gateway, home } = await restoredBackup(folder)
    await using _ = gateway
    const configured = [{ site: gateway.site, internalUrl: gateway.internalUrl }]

    await using plane = await startControlPlane({ home, keys, config: { gateways: configured } })
    await gateway.connect(plane.url)

    // Traffic obeys what was published since: it stays so.
    const orders = await eventually(async () => {
      const { placement } = await plane.client.unit('orders')
      return placement.owner === 'cloud' ? placement : undefined
    })
    expect(orders.epoch).toBe(3)
    expect(await plane.client.catalog()).toMatchObject({ structure: 2, behind: true })

    const flipped = await plane.client.flip('users', { to: 'cloud', reason: 'after the restore' }, '*')
    expect(flipped.table).toBeGreaterThan(4)
    expect(flipped.waiting).toEqual([])
    expect(gateway.table?.placementOf.get('users')?.owner).toBe('cloud')
    expect(gateway.table?.placementOf.get('orders')).toEqual(orders)

    const recovered = (await plane.client.audit()).find(({ action }) => action === 'table.recovered')
    expect(recovered).toMatchObject({ actor: 'control-plane', before: { structure: 1, placements: 1 } })
    expect(await plane.client.verifyAudit()).toMatchObject({ valid: true })

    const applied = await plane.client.apply({ files: [...files, serviceFile('carts')] })
    expect(await plane.client.catalog()).toMatchObject({ behind: false })
    expect(applied.structure).toBeGreaterThanOrEqual(2)
  })

  it('also learns from a gateway that was away at the start and from flips made meanwhile', async () => {
    await using folder = await temporaryFolder()
    const { keys, gateway, home } = await restoredBackup(folder)
    await using _ = gateway
    await using plane = await startControlPlane({ home, keys })
    // Nobody knows of the gateway: this makes epoch 2 and number 2 a second time.
    await plane.client.flip('orders', { to: 'cloud', reads: 5000, reason: 'blind' }, '*')

    await gateway.connect(plane.url)

    await eventually(() => gateway.placementsNumber > 4)
    const { placement } = await plane.client.unit('orders')
    expect(placement).toMatchObject({ owner: 'cloud' })
    expect(placement.epoch).toBeGreaterThanOrEqual(3)
    const flipped = await plane.client.flip('orders', { to: 'onprem', reason: 'now seen' }, '*')
    expect(flipped.waiting).toEqual([])
    expect(gateway.table?.placementOf.get('orders')?.epoch).toBe(flipped.epoch)
  })
})

describe('a gateway that claims numbers which nobody gave out', () => {
  it.each([Number.MAX_SAFE_INTEGER, 2 ** 49, 1e300])('up to %d does not end the counting', async (number) => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    const held = { structure: { number, digest: 'x' }, placements: { number, digest: 'x' }, epochs: { orders: number } }
    const registration = { internalUrl: 'http://127.0.0.1:9', startedAt: 1, version: '0', held }
    await plane.call('PUT', '/api/v1/sites/onprem/gateways/broken-into', registration)
    const acknowledgement = { held, refusals: [] }
    await plane.call('POST', '/api/v1/sites/onprem/gateways/broken-into/acknowledgement', acknowledgement)

    const flipped = await plane.client.flip('orders', { to: 'cloud', reason: 'goes on' }, '*')

    expect([flipped.epoch, flipped.table]).toEqual([2, 2])
  })
})
