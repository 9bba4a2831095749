import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const prove = fileURLToPath(new URL('../../../bench/prove.ts', import.meta.url))

it('the trie names the route that the oracle names, and the control is found out', { timeout: 60_000 }, async () => {
  const { stdout } = await run(process.execPath, [prove, 'routes', 'agreement', 'targets=100000'])

  expect(stdout.trim().split('\n').at(-1)).toMatch(/^PASS routes: 100,000 targets, 0 differ from the oracle/)
})

it('without a name the proofs are listed, and an unknown name fails', async () => {
  expect((await run(process.execPath, [prove])).stdout).toContain('routes')
  await expect(run(process.execPath, [prove, 'no-such-proof'])).rejects.toMatchObject({ code: 1 })
})
