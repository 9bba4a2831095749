import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const prove = fileURLToPath(new URL('../../../bench/prove.ts', import.meta.url))

// A process of its own, since it measures its memory.
it('a flood of unknown tokens reaches neither Redis nor the peer beyond its rate, and locks out nobody', {
  timeout: 180_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [prove, 'guesses', 'short'])

  expect(stdout.trim().split('\n').at(-1)).toMatch(/^PASS guesses: 20000 guesses .*; control found$/)
})
