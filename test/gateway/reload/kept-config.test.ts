import { stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { homeIn, keepConfig, startConfig } from '../../../gateway/reload/kept-config.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
const good = `site: onprem
home: \${HOME_OF_TEST:-home} # kept here
listen: { public: "127.0.0.1:0", internal: "127.0.0.1:0" }
keys: { tables: keys.json }
table: { file: table }
`

beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function written(text: string): Promise<string> {
  const file = folder.file('gateway.yaml')
  await writeFile(file, text)
  return file
}

describe('the configuration that a process starts with', () => {
  it('is the file', async () => {
    const { config, fault } = await startConfig(await written(good), {})

    expect(config.yaml.site).toBe('onprem')
    expect(fault).toBeUndefined()
  })

  it('is the fault of a broken file when nothing was kept', async () => {
    const file = await written(good.replace('home:-home', 'nothing'))

    await expect(startConfig(await written(`${good}nonsense: true\n`), {})).rejects.toMatchObject({
      code: 'config-invalid',
    })
    expect(file).toContain('gateway.yaml')
  })

  it('is the last good one while the file is broken, told with the line, and readable by its owner only', async () => {
    const file = await written(good)
    const { config, text } = await startConfig(file, {})
    await keepConfig(config, text)
    await written(`${good}limits: { hold: soon }\n`)

    const start = await startConfig(file, {})

    expect(start.config.yaml.limits.hold).toBe('2s')
    expect(start.text).toBe(good)
    expect(start.fault?.message).toMatch(/gateway\.yaml:6:\d+/)
    expect((await stat(folder.file('home/config.kept.yaml'))).mode & 0o777).toBe(0o600)
  })

  it('is the last good one even when the file is no YAML any more', async () => {
    const file = await written(`${good}peers: [\n`)

    expect((await startConfig(file, {})).config.yaml.site).toBe('onprem')
  })
})

describe('the home in a broken file', () => {
  it.each([
    ['home: state/onprem', 'state/onprem'],
    ['site: [\nhome: "a b" # here', 'a b'],
    ["home: 'a b'", 'a b'],
    ['home: ${BASE}/x-${MORE:-y}', '/var/x-y'],
    ['  home: nested', undefined],
    ['home: [a]', undefined],
    ['home: "open', undefined],
    ['nothing', undefined],
  ])('of %j is %j', (text, home) => {
    expect(homeIn(text, { BASE: '/var' })).toBe(home)
  })
})
