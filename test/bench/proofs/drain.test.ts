import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const prove = fileURLToPath(new URL('../../../bench/prove.ts', import.meta.url))

it('a rolling restart under load fails nobody, and the control does', { timeout: 120_000 }, async () => {
  const { stdout } = await run(process.execPath, [prove, 'drain', 'restarts=1', 'controls=1'])

  expect(stdout.trim().split('\n').at(-1)).toMatch(
    /^PASS drain: 1 restarts of two processes, [\d,]+ requests, 0 failures/,
  )
})
