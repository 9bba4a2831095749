import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const prove = fileURLToPath(new URL('../../../bench/prove.ts', import.meta.url))

it('reloads under load fail no request and drop no WebSocket, and the control does', { timeout: 120_000 }, async () => {
  const { stdout } = await run(process.execPath, [prove, 'reload', 'reloads=20', 'routes=500'])

  expect(stdout.trim().split('\n').at(-1)).toMatch(
    /^PASS reload: 10 tables of 500 routes and 10 configurations, [\d,]+ requests, 0 failed, 0 of 20 WebSockets dropped/,
  )
})
