import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { budgets } from '../../../control-plane/edge/script-budgets.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

it('a dry run of the deployment bundles the worker with its bindings, no larger than its budget after gzip', async () => {
  await using folder = await temporaryFolder()
  const args = ['edge-worker/host/deploy.ts', '--dry-run', '--outdir', folder.file('dist')]
  const env = { ...process.env, WRANGLER_LOG_PATH: folder.file('log') }

  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 })

  expect(stdout).toContain('--dry-run: exiting now')
  expect(stdout).toMatch(/env\.PLACEMENTS +KV Namespace/)
  expect(stdout).toMatch(/env\.CF_VERSION_METADATA +Worker Version Metadata/)
  expect(stdout).toMatch(/env\.EDGE_ENVIRONMENT \("production"\)/)
  expect(uploadedBytes(stdout)).toBeLessThanOrEqual(budgets.codeGzipBytes)
  const scripts = (await readdir(folder.file('dist'))).filter((name) => name.endsWith('.js'))
  expect(scripts).toEqual(['worker.js'])
  const code = await readFile(folder.file('dist/worker.js'))
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(budgets.codeGzipBytes)
})

/** By wrangler's own count, after gzip. */
function uploadedBytes(stdout: string): number {
  const [, kib] = /Total Upload: .* gzip: ([\d.]+) KiB/.exec(stdout) ?? []
  return Number(kib) * 1024
}
