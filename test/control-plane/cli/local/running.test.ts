import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { identify, isAlive } from '../../../../control-plane/cli/local/identity.ts'
import { Claim, readRunning } from '../../../../control-plane/cli/local/running.ts'
import { eventually } from '../../../support/eventually.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const silence = (): void => undefined

async function endedProcess() {
  const child = spawn(process.execPath, ['-e', ''])
  const identity = identify(child.pid ?? 0)
  await once(child, 'exit')
  return identity
}

describe('a home', () => {
  it('has one system: a second claim is refused with the addresses of the first', async () => {
    await using home = await temporaryFolder()
    const first = await Claim.take(home.path, silence)
    await first.announce(['http://127.0.0.1:17000'])

    await expect(Claim.take(home.path, silence)).rejects.toMatchObject({
      code: 'already-running',
      fix: expect.stringContaining('http://127.0.0.1:17000'),
    })
  })

  it('is free again after its release', async () => {
    await using home = await temporaryFolder()
    const first = await Claim.take(home.path, silence)
    await first.release()

    expect(await readRunning(home.path)).toBeUndefined()
    await expect(Claim.take(home.path, silence)).resolves.toBeInstanceOf(Claim)
  })

  it('goes to exactly one of many that want it at once', async () => {
    await using home = await temporaryFolder()
    await writeFile(home.file('running.json'), JSON.stringify({ ...(await endedProcess()), urls: [], children: {} }))

    const results = await Promise.allSettled(Array.from({ length: 8 }, () => Claim.take(home.path, silence)))

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('of a killed start is taken over, and what it left running is ended', async () => {
    await using home = await temporaryFolder()
    const left = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
    const child = identify(left.pid ?? 0)
    const killed = { ...(await endedProcess()), urls: [], children: { redis: child } }
    await writeFile(home.file('running.json'), JSON.stringify(killed))
    const told: string[] = []

    await Claim.take(home.path, (line) => told.push(line))

    await eventually(() => !isAlive(child), { what: 'the end of the left-over' })
    expect(told).toEqual(['ending what a killed start left running: redis'])
  })

  it('never ends a process that merely was given the same id', async () => {
    await using home = await temporaryFolder()
    const other = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' })
    const { pid, born } = identify(other.pid ?? 0)
    const stale = { pid, born: `${born}0` }
    await writeFile(home.file('running.json'), JSON.stringify({ ...stale, urls: [], children: { redis: stale } }))

    await Claim.take(home.path, silence)

    expect(isAlive({ pid, born })).toBe(true)
    other.kill('SIGKILL')
  })

  it('tells its children to their owner alone', async () => {
    await using home = await temporaryFolder()
    const claim = await Claim.take(home.path, silence)

    await Promise.all([
      claim.note('edge', process.pid),
      claim.note('monolith', process.pid),
      claim.note('edge', undefined),
    ])

    expect(Object.keys((await readRunning(home.path))?.children ?? {})).toEqual(['monolith'])
    expect((await stat(home.file('running.json'))).mode & 0o777).toBe(0o600)
  })
})
