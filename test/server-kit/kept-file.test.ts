import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readKeptFile, readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

describe('a kept file', () => {
  it('comes back as it was written, and leaves no draft beside it', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('deep/state.json')

    await writeKeptFile(path, '{"epoch":1}')
    await writeKeptFile(path, '{"epoch":2}')

    expect(await readKeptJson(path, 100)).toEqual({ epoch: 2 })
    expect(await readdir(folder.file('deep'))).toEqual(['state.json'])
  })

  it('that is not there is undefined', async () => {
    await using folder = await temporaryFolder()

    expect(await readKeptFile(folder.file('none'), 100)).toBeUndefined()
  })

  it('is whole whoever reads it, while several write', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('state')
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(200_000))

    await Promise.all(texts.map((text) => writeKeptFile(path, text)))

    expect(texts).toContain(await readKeptFile(path, 1_000_000))
  })

  it('longer than allowed, not JSON, or a folder is a problem with its path', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('state')
    await writeFile(path, 'x'.repeat(101))
    const unusable = expect.objectContaining({ code: 'kept-file-unusable' })

    await expect(readKeptFile(path, 100)).rejects.toThrow(unusable)
    await expect(readKeptJson(path, 1_000)).rejects.toThrow(unusable)
    await expect(readKeptFile(folder.path, 1_000)).rejects.toThrow(unusable)
  })

  it('that cannot be written leaves the old one and no draft', async () => {
    await using folder = await temporaryFolder()
    // A folder in its place: the rename fails after the draft was written.
    await mkdir(folder.file('taken/inner'), { recursive: true })

    await expect(writeKeptFile(folder.file('taken'), 'new')).rejects.toThrow(
      expect.objectContaining({ code: 'kept-file-unusable' }),
    )

    expect(await readdir(folder.path)).toEqual(['taken'])
  })

  it('has the mode that was asked for, though an open one was there before', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('state')
    await writeFile(path, 'old')
    await chmod(path, 0o666)

    await writeKeptFile(path, 'new', 0o600)

    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})
