import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findSystem } from '../../../control-plane/cli/context.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

const running = { console: 'http://127.0.0.1:17000', adminToken: 'nearby', edge: 'http://127.0.0.1:17080' }

async function withDemo(folder: TemporaryFolder, path: string, mode = 0o600): Promise<void> {
  const file = folder.file(path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, JSON.stringify(running))
  await chmod(file, mode)
}

describe('a command finds its system', () => {
  it('by what is said, before the environment', async () => {
    await using folder = await temporaryFolder()
    const env = { TIDEGATE_URL: 'http://env', TIDEGATE_TOKEN: 'env' }

    expect(findSystem({ url: 'http://said/', token: 'said' }, env, folder.path, folder.path)).toEqual({
      url: 'http://said',
      token: 'said',
    })
    expect(findSystem({}, env, folder.path, folder.path)).toEqual({ url: 'http://env', token: 'env' })
  })

  it('that runs from this folder or one above', async () => {
    await using folder = await temporaryFolder()
    await withDemo(folder, '.tidegate/demo.json')
    await mkdir(folder.file('a/b'), { recursive: true })

    expect(findSystem({}, {}, folder.file('a/b'), '/nowhere')).toEqual({ url: running.console, token: 'nearby' })
  })

  it('that runs from TIDEGATE_HOME, before one nearby', async () => {
    await using folder = await temporaryFolder()
    await withDemo(folder, 'home/demo.json')

    expect(findSystem({}, { TIDEGATE_HOME: folder.file('home') }, '/', '/nowhere').url).toBe(running.console)
  })

  it('that runs from a relative TIDEGATE_HOME of the clone, as `npm start` reads it, from every folder', async () => {
    await using clone = await temporaryFolder()
    await withDemo(clone, 'state/demo.json')

    expect(findSystem({}, { TIDEGATE_HOME: 'state' }, clone.file('docs'), clone.path).token).toBe('nearby')
  })

  it('that runs from the clone, wherever the command is typed', async () => {
    await using folder = await temporaryFolder()
    await withDemo(folder, 'clone/.tidegate/demo.json')

    expect(findSystem({}, {}, '/', folder.file('clone')).token).toBe('nearby')
  })

  it('and never sends its token to another one', async () => {
    await using folder = await temporaryFolder()
    await withDemo(folder, '.tidegate/demo.json')

    expect(() => findSystem({ url: 'http://elsewhere' }, {}, folder.path, '/nowhere')).toThrow(/no token for http:/)
  })

  it('or says what it looked for', () => {
    expect(() => findSystem({}, {}, '/', '/nowhere')).toThrow(/no --url, no TIDEGATE_URL, no \.tidegate\/demo\.json/)
    expect(() => findSystem({}, { TIDEGATE_HOME: '/gone' }, '/', '/nowhere')).toThrow(/no \/gone\/demo\.json/)
  })

  it('and refuses tokens that others may read', async () => {
    await using folder = await temporaryFolder()
    await withDemo(folder, '.tidegate/demo.json', 0o644)

    expect(() => findSystem({}, {}, folder.path, '/nowhere')).toThrow(/has mode 644/)
  })
})
