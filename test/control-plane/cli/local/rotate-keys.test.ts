import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildCommands } from '../../../../control-plane/cli/commands.ts'
import { printFailure } from '../../../../control-plane/cli/failure.ts'
import { writeKeys } from '../../../../control-plane/cli/local/keys.ts'
import { listPurpose, type Rotated, rotated, rotateKeys } from '../../../../control-plane/cli/local/rotate-keys.ts'
import { steps } from '../../../../control-plane/cli/local/rotation.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

/** `tidegate`, typed in `folder`. */
async function tidegate(folder: string, ...argv: readonly string[]): Promise<{ out: string; told: string }> {
  const [out, told]: [string[], string[]] = [[], []]
  const commands = buildCommands({ env: {}, folder, out: (text) => out.push(text), tell: (text) => told.push(text) })
  await commands.parseAsync([...argv], { from: 'user' }).catch((cause) => told.push(printFailure(cause, false)))
  return { out: out.join('\n'), told: told.join('\n') }
}

const modeOf = async (...path: readonly string[]) => (await stat(join(...path))).mode & 0o777
const fileOf = (purpose: Rotated) => `${purpose}.json`

describe('tidegate keys rotate', () => {
  it('takes the three steps for each purpose, in files that their owner alone may read', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)

    for (const purpose of rotated) {
      const ids: string[] = []
      for (const step of steps) {
        const { keys } = await rotateKeys(folder.path, purpose, step)
        ids.push(keys.map(({ id, use }) => `${id} ${use}`).join(', '))
        expect(await modeOf(folder.path, fileOf(purpose))).toBe(0o600)
      }
      const [old, fresh] = purpose === 'tables' ? ['t1', 't2'] : ['k1', 'k2']
      expect(ids).toEqual([`${old} signs, ${fresh} verifies`, `${fresh} signs, ${old} verifies`, `${fresh} signs`])
    }
  })

  it('refuses a step out of order, and leaves the file byte for byte', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)
    await rotateKeys(folder.path, 'edge-control', 'add')
    const before = await readFile(folder.file('edge-control.json'), 'utf8')

    await expect(rotateKeys(folder.path, 'edge-control', 'retire')).rejects.toMatchObject({ code: 'rotation-refused' })

    expect(await readFile(folder.file('edge-control.json'), 'utf8')).toBe(before)
  })

  it('refuses a file of another purpose, and one that is not there', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)
    await writeFile(folder.file('edge-gateway.json'), await readFile(folder.file('edge-control.json')))

    const refused = { code: 'key-folder-unusable' }
    await expect(rotateKeys(folder.path, 'edge-gateway', 'add')).rejects.toMatchObject(refused)
    await expect(rotateKeys(folder.file('nowhere'), 'tables', 'add')).rejects.toMatchObject(refused)
  })

  it('says who has to reload before the next step, and which that is', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.file('keys'))

    const added = await tidegate(folder.path, 'keys', 'rotate', 'keys', 'edge-control', '--step', 'add')
    const again = await tidegate(folder.path, 'keys', 'rotate', 'keys', 'edge-control', '--step', 'add')

    expect(added.out).toBe('edge-control k1 signs\nedge-control k2 verifies')
    expect(added.told).toMatch(/SIGHUP\): all edges, the control plane/)
    expect(added.told).toMatch(/tidegate keys rotate keys edge-control --step use/)
    expect(again).toMatchObject({ out: '', told: expect.stringContaining('use comes next') })
  })
})

describe('tidegate keys ls', () => {
  it('lists ids, ages and what comes next, and no secret', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)
    await rotateKeys(folder.path, 'tables', 'add')

    const { out } = await tidegate(folder.path, 'keys', 'ls', '.')
    const { out: asJson } = await tidegate(folder.path, 'keys', 'ls', '.', '-o', 'json')

    expect(out).toMatch(/^edge-gateway +k1 +signs +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +0 +add$/m)
    expect(out).toMatch(/^tables +t2 +verifies .* use$/m)
    for (const purpose of rotated) {
      const file = await readFile(folder.file(fileOf(purpose)), 'utf8')
      for (const [, secret = '-'] of file.matchAll(/"(?:secret|privateKey)": "([^"]+)"/g)) {
        expect(out + asJson).not.toContain(secret)
      }
    }
    expect(JSON.parse(asJson)).toContainEqual(expect.objectContaining({ purpose: 'tables', id: 't1', use: 'signs' }))
  })

  it('shows keys of a release that wrote no dates, too', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)
    const { keys, ...ring } = JSON.parse(await readFile(folder.file('edge-gateway.json'), 'utf8'))
    const [{ createdAt: _, ...undated }] = keys
    await writeFile(folder.file('edge-gateway.json'), JSON.stringify({ ...ring, keys: [undated] }))

    expect(await listPurpose(folder.path, 'edge-gateway')).toEqual({
      keys: [{ purpose: 'edge-gateway', id: 'k1', use: 'signs' }],
      next: 'add',
    })
  })
})
