import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { ok } from '../support/recording-upstream.ts'
import { placementSet, route, structure } from '../support/tables.ts'
import { type BedOptions, type EdgeBed, startEdgeBed, statusOf } from './edge-bed.ts'

let bed: EdgeBed
afterEach(() => bed[Symbol.asyncDispose]())

const get = 'GET /v1/orders/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n'

async function start(options: BedOptions = {}): Promise<void> {
  bed = await startEdgeBed({
    offer: async (sealer) => ({
      structure: await sealer.structure(structure([route('/v1/orders/**')])),
      placements: await sealer.placements(placementSet([])),
    }),
    ...options,
  })
}

async function childPids(): Promise<number[]> {
  return JSON.parse(await readFile(join(bed.home, 'run', 'children.json'), 'utf8'))
}

describe('the supervisor of an edge', () => {
  it('replaces a workerd process that died, and connections made meanwhile are served', async () => {
    await start()
    const [first] = await childPids()
    process.kill(first as number, 'SIGKILL')

    // Made while nobody accepts: they wait in the socket that the supervisor holds.
    const answers = await Promise.all(Array.from({ length: 20 }, () => bed.raw(get)))

    expect(answers.map(statusOf)).toEqual(Array(20).fill(200))
    const [second] = await childPids()
    expect(second).not.toBe(first)
  })

  it('accepts none of a thousand connections itself while it has no child', async () => {
    await start()
    const [child] = await childPids()
    process.kill(child as number, 'SIGSTOP')
    const before = await openFiles(bed.process.pid)

    const sockets = await Promise.all(Array.from({ length: 1_000 }, () => connected(bed.port)))
    expect(await openFiles(bed.process.pid)).toBe(before)

    process.kill(child as number, 'SIGCONT')
    for (const socket of sockets) socket.write(get)
    const answers = await Promise.all(sockets.map(async (socket) => String((await once(socket, 'data'))[0])))
    for (const socket of sockets) socket.destroy()
    expect(answers.every((answer) => answer.startsWith('HTTP/1.1 200'))).toBe(true)
  })

  it('runs several processes on one socket, each serving', async () => {
    await start({ workers: 2 })
    const pids = await childPids()
    expect(pids).toHaveLength(2)

    for (const stopped of pids) {
      process.kill(stopped, 'SIGSTOP')
      // What a stopped process has accepted it keeps; new connections go to the other one.
      const answered = eventually(async () => statusOf(await bed.raw(get, { deadlineMs: 300 })) === 200)
      await answered.finally(() => process.kill(stopped, 'SIGCONT'))
    }
  })

  it('ends requests under way after SIGTERM, takes no new one, and exits 0', async () => {
    const gate = Promise.withResolvers<void>()
    await start({ answer: async () => gate.promise.then(() => ok('late')) })
    const slow = bed.raw(get, { deadlineMs: 10_000 })
    await bed.sites.onprem.received(1)

    bed.process.signal('SIGTERM')
    await eventually(() => refuses(bed.port), { what: 'new connections being refused' })
    gate.resolve()

    expect(statusOf(await slow)).toBe(200)
    expect(await bed.process.ended).toEqual({ code: 0, signal: null })
    expect(await childPids()).toEqual([])
  })

  it('takes over from a supervisor that was killed: its processes do not keep the port', async () => {
    await start({ more: { listen: `127.0.0.1:${await freePort()}` } })
    const [orphan] = await childPids()
    bed.process.signal('SIGKILL')
    await bed.process.ended

    await bed.restart()

    await eventually(() => !isRunning(orphan as number), { what: 'the orphan being gone' })
    expect(statusOf(await bed.raw(get))).toBe(200)
  })

  it('keeps secrets out of files and of its children’s command lines', async () => {
    await start()
    const [child] = await childPids()
    const folder = join(bed.home, 'run')
    const secret = JSON.parse(await readFile(join(bed.home, '..', 'gateways.json'), 'utf8')).keys[0].secret as string

    for (const file of await readdir(folder)) expect(await readFile(join(folder, file), 'utf8')).not.toContain(secret)
    expect(await readFile(`/proc/${child}/cmdline`, 'utf8')).not.toContain(secret)
  })

  it('says in one line why it does not start', async () => {
    await start()
    const broken = join(bed.home, '..', 'broken.yaml')
    await writeFile(broken, 'name: e\nlisten: nowhere\nhome: .\nsites: {}\nzap: 1\n')

    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) =>
      execFile(process.execPath, ['edge-worker/host/main.ts', '--config', broken], (error, _, stderr) =>
        resolve({ code: error?.code, stderr }),
      ),
    )

    expect(code).toBe(1)
    expect(stderr).toMatch(/broken\.yaml:2:\d+ .*nowhere/)
    expect(stderr).toMatch(/broken\.yaml:5:\d+.*zap/)
    expect(stderr).not.toMatch(/ at .*\.ts/)
  })
})

async function openFiles(pid: number): Promise<number> {
  const names = await readdir(`/proc/${pid}/fd`)
  return names.length
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Whether a new connection is refused, reset or closed without an answer. */
function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(get))
    const answer = (refused: boolean) => () => {
      resolve(refused)
      socket.destroy()
    }
    socket.once('error', answer(true)).once('end', answer(true)).once('data', answer(false))
    socket.setTimeout(100, answer(false))
  })
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
