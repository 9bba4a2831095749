import { describe, expect, it } from 'vitest'
import { identify, isAlive } from '../../../../control-plane/cli/local/identity.ts'
import { Program, type ProgramSpec } from '../../../../control-plane/cli/local/program.ts'
import { eventually } from '../../../support/eventually.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const ready = `console.log(JSON.stringify({ ready: true }));`
const stays = `setInterval(() => {}, 1000);`
const deaf = `process.on('SIGTERM', () => {});`

async function program(script: string, more: Partial<ProgramSpec> = {}) {
  const folder = await temporaryFolder()
  const told: string[] = []
  const pids: (number | undefined)[] = []
  const child = new Program(
    { name: 'sample', command: process.execPath, args: ['-e', script], ready: 'line', ...more },
    { logs: folder.path, tell: (line) => told.push(line), onPid: (_, pid) => pids.push(pid) },
  )
  const dispose = async (): Promise<void> => {
    await child.stop()
    await folder[Symbol.asyncDispose]()
  }
  return { child, told, pids, [Symbol.asyncDispose]: dispose }
}

describe('a program', () => {
  it('has started when it says so', async () => {
    await using it = await program(ready + stays)

    await it.child.start()

    expect(it.child.state).toBe('ready')
    expect(it.pids).toEqual([it.child.pid])
  })

  it('that ends instead is told of with its last lines, and not tried again', async () => {
    await using it = await program(`console.error('the port is taken'); process.exit(3)`)

    await expect(it.child.start()).rejects.toThrow(/sample is not ready: it ended[\s\S]*the port is taken/)

    expect(it.child.state).toBe('stopped')
    expect(it.told).toEqual([])
  })

  it('that is never ready is ended after its deadline', async () => {
    await using it = await program(stays, { readyMs: 200 })

    await expect(it.child.start()).rejects.toThrow(/not within 200 ms/)

    expect(it.child.pid).toBeUndefined()
  })

  it('that is not there is told of', async () => {
    await using it = await program('', { command: '/nowhere/to/be/found' })

    await expect(it.child.start()).rejects.toMatchObject({ code: 'program-not-ready' })
  })

  it('that dies is started again, with a line that says so', async () => {
    await using it = await program(ready + stays)
    await it.child.start()
    const first = it.child.pid

    process.kill(first ?? 0, 'SIGKILL')
    await eventually(() => it.child.pid !== undefined && it.child.pid !== first && it.child.state === 'ready')

    expect(it.told[0]).toMatch(/^sample ended \(SIGKILL\); starting it again in 0\.2 s/)
    expect(it.told[1]).toBe('sample is ready again')
  })

  it('that is ended on purpose stays ended until it is started', async () => {
    await using it = await program(ready + stays)
    await it.child.start()

    await it.child.end('SIGKILL')
    expect(it.child.pid).toBeUndefined()
    await it.child.start()

    expect(it.child.state).toBe('ready')
    expect(it.told).toEqual([])
  })

  it('that hangs is ended all the same, with all that it started', async () => {
    const grandchild = `const g = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(deaf + stays)}]); console.log('grandchild ' + g.pid);`
    await using it = await program(grandchild + deaf + ready + stays, { stopMs: 200 })
    await it.child.start()
    const pid = Number(/grandchild (\d+)/.exec(await readLog(it.child.logFile))?.[1])
    const born = identify(pid)

    await it.child.stop()

    await eventually(() => !isAlive(born), { what: 'the end of the grandchild' })
    expect(it.child.pid).toBeUndefined()
  })
})

describe('what a program leaves running', () => {
  it('is ended with it', async () => {
    const grandchild = `const g = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(deaf + stays)}]); console.log('grandchild ' + g.pid);`
    await using it = await program(grandchild + ready + stays)
    await it.child.start()
    const born = identify(Number(/grandchild (\d+)/.exec(await readLog(it.child.logFile))?.[1]))
    expect(isAlive(born)).toBe(true)

    await it.child.end('SIGKILL')

    await eventually(() => !isAlive(born), { what: 'the end of the grandchild' })
  })
})

async function readLog(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(file, 'utf8')
}
