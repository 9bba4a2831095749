import { spawnSync } from 'node:child_process'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root, version } from '../../../control-plane/cli/root.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

/** A clone that holds only the command and what the test puts beside it. */
async function clone(files: Record<string, string>): Promise<TemporaryFolder> {
  const folder = await temporaryFolder()
  await cp(join(root, 'control-plane/cli/tidegate.mjs'), folder.file('control-plane/cli/tidegate.mjs'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(folder.file(name)), { recursive: true })
    await writeFile(folder.file(name), text)
  }
  return folder
}

const typed = (file: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('tidegate', () => {
  it('typed first in a clone hands over to the bootstrap, which installs what is missing', async () => {
    const bootstrap = `console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7`
    await using folder = await clone({ 'server-kit/bootstrap.mjs': bootstrap })

    const { status, stdout } = typed(folder.file('control-plane/cli/tidegate.mjs'), 'get', 'units')

    expect(status).toBe(7)
    expect(JSON.parse(stdout).slice(-2)).toEqual(['get', 'units'])
    expect(JSON.parse(stdout)[0]).toMatch(/control-plane\/cli\/main\.ts$/)
  })

  it('runs in place where everything is there, also through a link as npx makes it', async () => {
    await using folder = await temporaryFolder()
    await symlink(join(root, 'control-plane/cli/tidegate.mjs'), folder.file('tidegate'))

    expect(typed(folder.file('tidegate'), '--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
  })
})
