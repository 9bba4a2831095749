import { readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkSeal, KeyRing, seal, signingKey, trustedKeys } from '#routes/seal.ts'
import { writeKeys } from '../../../../control-plane/cli/local/keys.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const rings = ['edge-gateway', 'gateway-gateway', 'control-gateway', 'edge-control']
const json = async (folder: string, name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'))

describe('keys', () => {
  it('of each pair of programs open as a ring of that purpose, and all differ', async () => {
    await using folder = await temporaryFolder()

    await writeKeys(folder.file('keys'))

    const files = await Promise.all(rings.map((purpose) => json(folder.file('keys'), `${purpose}.json`)))
    expect(files.map(({ purpose }) => purpose)).toEqual(rings)
    for (const file of files) expect(await KeyRing.open(file)).toBeInstanceOf(KeyRing)
    expect(new Set(files.map(({ keys }) => keys[0].secret)).size).toBe(rings.length)
  })

  it('of tables seal what the public file believes', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)

    const { id, privateKey } = await json(folder.path, 'tables.json')
    const signing = await signingKey(id, privateKey)
    const trusted = await trustedKeys((await json(folder.path, 'tables.public.json')).keys)

    if (signing === undefined || trusted === undefined) throw new Error('the keys do not open')
    expect(await checkSeal(await seal('placements', '{}', signing), trusted)).toBe('valid')
  })

  it('are readable by their owner alone, but the public one', async () => {
    await using folder = await temporaryFolder()

    const { written } = await writeKeys(folder.file('keys'))

    for (const file of written.filter((file) => basename(file) !== 'tables.public.json')) {
      expect((await stat(file)).mode & 0o777).toBe(0o600)
    }
    expect(written).toHaveLength(6)
  })

  it('that exist are never replaced', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)
    const before = await json(folder.path, 'tables.json')

    const { written, kept } = await writeKeys(folder.path)

    expect(written).toEqual([])
    expect(kept).toHaveLength(6)
    expect(await json(folder.path, 'tables.json')).toEqual(before)
  })

  it('get their public half back from the private one', async () => {
    await using folder = await temporaryFolder()
    await writeKeys(folder.path)
    const before = await json(folder.path, 'tables.public.json')
    await rm(folder.file('tables.public.json'))

    await writeKeys(folder.path)

    expect(await json(folder.path, 'tables.public.json')).toEqual(before)
  })
})
