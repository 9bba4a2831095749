import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CloudflareApiFake } from '../../support/cloudflare-api.ts'
import { eventually } from '../../support/eventually.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { type FakeZone, startFakeZone } from '../support/fake-zone.ts'
import { type TestKeys, writeKeys } from '../support/keys.ts'
import { builtFor } from '../support/publishing-bed.ts'

let folder: TemporaryFolder
let keys: TestKeys
let fake: CloudflareApiFake
let zone: FakeZone
let plane: TestControlPlane
let codeGzipBytes = 15_000

beforeAll(async () => {
  folder = await temporaryFolder()
  keys = await writeKeys(folder.file)
  fake = await CloudflareApiFake.start()
  zone = await startFakeZone(fake, keys.keys.rings['edge-control'])
  plane = await startControlPlane({
    keys,
    env: { TOKEN: fake.token },
    buildEdgeScript: async (table) => ({ ...builtFor(table), codeGzipBytes }),
    config: {
      cloudflare: {
        account: fake.account,
        script: fake.script,
        token: '${env:TOKEN}',
        host: zone.url,
        api: fake.api,
      },
    },
  })
})
afterAll(async () => {
  await plane.stop()
  await zone[Symbol.asyncDispose]()
  await fake[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const state = async () => (await plane.client.edgeVersions()).publications[0]?.state

describe('versions of the edge script over the API', () => {
  it('are published by hand, followed, and taken back, each audited with its reason', async () => {
    await expect(plane.client.publishEdge('too early')).rejects.toMatchObject({ code: 'no-table', status: 409 })
    await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
    await eventually(async () => (await state()) === 'at-5-percent')
    await expect(plane.client.publishEdge('again')).rejects.toMatchObject({ code: 'edge-publication-open' })

    const back = await plane.client.rollbackEdge('not today')
    await eventually(async () => (await state()) === 'rolled-back')

    expect(back).toMatchObject({ changed: true, publication: { state: 'rolling-back', structure: 1 } })
    await eventually(async () => (await plane.client.edgeVersions()).deployed?.length === 1)
    const versions = await plane.client.edgeVersions()
    expect(versions.deployed).toEqual([{ versionId: fake.versions[0]?.id, percentage: 100 }])
    const audited = (await plane.client.audit({ limit: 500 })).filter(({ action }) => action.startsWith('edge.'))
    expect(audited).toMatchObject([
      { action: 'edge.publish', actor: 'control-plane', reason: 'a newer table' },
      { action: 'edge.rollback', actor: 'admin', reason: 'not today', after: { state: 'rolling-back' } },
    ])
    await expect(plane.client.rollbackEdge('once more')).rejects.toMatchObject({
      code: 'edge-nothing-to-roll-back',
      status: 409,
    })
  })

  it('are published again by a person after they were taken back, without a second upload', async () => {
    const uploads = fake.versions.length

    const { changed } = await plane.client.publishEdge('after all')
    await eventually(async () => (await state()) === 'at-5-percent')

    expect([changed, fake.versions.length]).toEqual([true, uploads])
    await plane.client.rollbackEdge('enough')
    await eventually(async () => (await state()) === 'rolled-back')
  })

  it('are refused with their figures when they are beyond a budget', async () => {
    codeGzipBytes = 50_000

    await expect(plane.client.publishEdge('too large')).rejects.toMatchObject({
      code: 'edge-script-too-large',
      status: 422,
      message: expect.stringContaining('its code has 50000 bytes after gzip, at most'),
    })
    codeGzipBytes = 15_000
  })

  it('are told also while Cloudflare does not answer', async () => {
    fake.fault = () => ({ kind: 'status', status: 503 })
    await eventually(async () => (await plane.client.edgeVersions()).deployed === undefined)

    const { deployed, because, publications } = await plane.client.edgeVersions()

    fake.fault = () => ({ kind: 'none' })
    expect(deployed).toBeUndefined()
    expect(because).toContain('503')
    expect(publications.length).toBeGreaterThan(0)
  })

  it('are read, published and taken back by who may', async () => {
    const reader = await plane.clientWith(['read'])
    const pipeline = await plane.clientWith(['read', 'apply'])
    const flipper = await plane.clientWith(['read', 'flip'])

    expect((await reader.edgeVersions()).script).toBe('tidegate-edge')
    for (const denied of [
      reader.publishEdge('x'),
      reader.rollbackEdge('x'),
      flipper.publishEdge('x'),
      pipeline.rollbackEdge('x'),
    ]) {
      await expect(denied).rejects.toMatchObject({ status: 403, code: 'action-not-allowed' })
    }
    await expect(flipper.rollbackEdge('x')).rejects.toMatchObject({ code: 'edge-nothing-to-roll-back' })
  })

  it('need a reason', async () => {
    await expect(plane.client.publishEdge('')).rejects.toMatchObject({ status: 400 })
    await expect(plane.client.rollbackEdge(' ')).rejects.toMatchObject({ status: 400 })
  })

  it('are none of a control plane without an account', async () => {
    await using off = await startControlPlane()

    await expect(off.client.edgeVersions()).rejects.toMatchObject({ code: 'edge-publishing-off', status: 409 })
    await expect(off.client.publishEdge('x')).rejects.toMatchObject({ code: 'edge-publishing-off' })
    expect((await off.client.status()).cloudflare).toBeUndefined()
  })
})
