import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { hasMembers, identify, isAlive } from '../../../../control-plane/cli/local/identity.ts'
import { eventually } from '../../../support/eventually.ts'

describe('a group of processes', () => {
  it('has members as long as one lives, also when its first has ended', async () => {
    const script = `require('child_process').spawn('sleep', ['600'], { stdio: 'ignore' }).unref()`
    const first = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'ignore' })
    const { pid, born } = identify(first.pid ?? 0)
    await once(first, 'exit')

    expect(isAlive({ pid, born })).toBe(false)
    expect(hasMembers(pid)).toBe(true)

    process.kill(-pid, 'SIGKILL')
    await eventually(() => !hasMembers(pid), { what: 'the end of the group' })
  })
})
