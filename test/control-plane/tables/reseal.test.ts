import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { checkSeal, trustedKeys } from '#routes/seal.ts'
import { openName, writeKeys as writeKeyFolder } from '../../../control-plane/cli/local/keys.ts'
import { rotateKeys } from '../../../control-plane/cli/local/rotate-keys.ts'
import type { Step } from '../../../control-plane/cli/local/rotation.ts'
import { readKeys } from '../../../control-plane/keys.ts'
import { eventually } from '../../support/eventually.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import type { TestKeys } from '../support/keys.ts'

let folder: TemporaryFolder
afterEach(() => folder[Symbol.asyncDispose]())

/** A control plane with what the folder has of keys now; each works on the same store. */
async function start(): Promise<TestControlPlane> {
  const files = {
    tableSigning: folder.file('keys/tables.json'),
    gateways: folder.file('keys/control-gateway.json'),
    edges: folder.file('keys/edge-control.json'),
  }
  const { keys } = JSON.parse(await readFile(folder.file(`keys/${openName}`), 'utf8'))
  const own: TestKeys = { files, keys: await readKeys(files), publicKey: keys[0] }
  const plane = await startControlPlane({ home: folder.file('home'), keys: own })
  await eventually(() => plane.controlPlane.plane.fleet.recovery.state === 'done')
  return plane
}

const feedOf = (plane: TestControlPlane) => plane.controlPlane.plane.feed
const numbersOf = (plane: TestControlPlane) => [feedOf(plane).structure?.number, feedOf(plane).placements?.number]
const step = (name: Step) => rotateKeys(folder.file('keys'), 'tables', name)

async function begin(): Promise<(number | undefined)[]> {
  folder = await temporaryFolder()
  await writeKeyFolder(folder.file('keys'))
  await using plane = await start()
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
  await plane.client.flip('orders', { to: 'cloud', reason: 'test' }, '*')
  return numbersOf(plane)
}

describe('a control plane that starts with a new key for tables', () => {
  it('publishes both documents anew, so that nobody needs the old key any more', async () => {
    const [structure = 0, placements = 0] = await begin()
    await step('add')
    await step('use')
    await using plane = await start()

    await eventually(() => feedOf(plane).placements?.number === placements + 1)
    await step('retire')
    const { keys } = JSON.parse(await readFile(folder.file(`keys/${openName}`), 'utf8'))
    const trusted = (await trustedKeys(keys)) ?? new Map()

    expect(numbersOf(plane)).toEqual([structure + 1, placements + 1])
    for (const held of [feedOf(plane).structure, feedOf(plane).placements]) {
      expect(held && (await checkSeal(held.sealed, trusted))).toBe('valid')
    }
    expect(feedOf(plane).placements?.value.placements).toMatchObject([{ unit: 'orders', owner: 'cloud', epoch: 2 }])
    expect((await plane.client.audit({ limit: 500 })).at(-1)).toMatchObject({
      action: 'table.resealed',
      before: { key: 't1' },
      after: { key: 't2' },
    })
  })

  it('publishes nothing where the key is the same, nor while the new one is only known', async () => {
    const numbers = await begin()
    await step('add')

    await using plane = await start()
    // A change that comes behind it in the line of changes.
    await plane.client.flip('orders', { to: 'onprem', reason: 'test' }, '*')

    expect(numbersOf(plane)).toEqual([numbers[0], (numbers[1] ?? 0) + 1])
  })

  it('knows documents of its earlier key again until that is retired', async () => {
    await begin()
    const sealed = async (at: string) => {
      const { trusted } = await readKeys({
        tableSigning: folder.file(at),
        gateways: folder.file('keys/control-gateway.json'),
        edges: folder.file('keys/edge-control.json'),
      })
      return [...trusted.keys()]
    }
    await step('add')
    await step('use')

    expect(await sealed('keys/tables.json')).toEqual(['t2', 't1'])
    await step('retire')
    expect(await sealed('keys/tables.json')).toEqual(['t2'])
    await writeFile(folder.file('keys/tables.json'), '{"id":"t2"}')
    await expect(sealed('keys/tables.json')).rejects.toMatchObject({ code: 'key-file-refused' })
  })
})
