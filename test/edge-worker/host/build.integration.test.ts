import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { experimental_readRawConfig as readRawConfig } from 'wrangler'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const build = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['edge-worker/host/build.ts', ...args], { env: {}, timeout: 60_000 })

it('the script that the control plane uploads runs as the one that wrangler deploys', async () => {
  await using folder = await temporaryFolder()
  await writeFile(folder.file('table.json'), '{}')

  await build('--table', folder.file('table.json'), '--out', folder.file('out'))

  const script = JSON.parse(await readFile(folder.file('out/script.json'), 'utf8'))
  const { rawConfig } = readRawConfig({ config: 'edge-worker/wrangler.jsonc' })
  expect(script).toMatchObject({
    compatibilityDate: rawConfig.compatibility_date,
    compatibilityFlags: rawConfig.compatibility_flags,
  })
}, 60_000)

it('a table that is no JSON, or none at all, ends the build', async () => {
  await using folder = await temporaryFolder()
  await writeFile(folder.file('table.json'), '{')

  await expect(build('--table', folder.file('table.json'), '--out', folder.file('out'))).rejects.toMatchObject({
    code: 1,
  })
  await expect(build('--out', folder.file('out'))).rejects.toMatchObject({ code: 2 })
}, 60_000)
