import { writeFile } from 'node:fs/promises'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, within } from '../../support/eventually.ts'
import { listens } from '../../support/process-runner.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(async () => ok('hello'))
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  await bed.writeTable('table', structure([route('/v1/**')], { services }), placementSet([]))
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

const yaml = { table: { file: 'table' }, log: { access: false }, drain: { notice: '0s', limit: '5s' } }

/** Workers that serve now, by what the supervisor said. */
function workersOf({ process }: RunningGateway): number[] {
  return [...process.output().matchAll(/"slot":(\d+),"worker":(\d+),"internal"/g)].reduce<number[]>(
    (slots, [, slot, pid]) => slots.with(Number(slot), Number(pid)),
    Array.from({ length: 2 }, () => 0),
  )
}

/** Clients that heed `Connection: close`, until stopped; what failed of theirs. */
function clients(url: string, count: number) {
  const failures: unknown[] = []
  let answered = 0
  let running = true
  const loop = async (): Promise<void> => {
    while (running) {
      try {
        const { statusCode, body } = await request(`${url}/v1/x`, { method: 'POST', body: 'x' })
        await body.dump()
        answered++
        if (statusCode !== 200) failures.push(statusCode)
      } catch (cause) {
        failures.push(cause)
      }
    }
  }
  const loops = Array.from({ length: count }, loop)
  const stop = async () => {
    running = false
    await Promise.all(loops)
    return failures
  }
  return { stop, answered: () => answered }
}

describe('a gateway of several processes', () => {
  it('replaces each of them without a refused or broken request', async () => {
    const gateway = await bed.start('onprem', yaml, ['--workers', '2'])
    const before = workersOf(gateway)
    const load = clients(gateway.public, 8)
    await eventually(() => load.answered() > 50)

    gateway.process.signal('SIGUSR2')
    await gateway.process.waitFor(/"replaced":2,"of":2/, 60_000)
    const soFar = load.answered()
    await eventually(() => load.answered() > soFar + 50)

    expect(await load.stop()).toEqual([])
    expect(workersOf(gateway).filter((pid) => before.includes(pid))).toEqual([])
    expect((await gateway.process.stop()).code).toBe(0)
  })

  it('starts another one for one that died, and goes on meanwhile', async () => {
    const gateway = await bed.start('onprem', yaml, ['--workers', '2'])
    const [first = 0] = workersOf(gateway)

    process.kill(first, 'SIGKILL')
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${gateway.public}/v1/x`)))

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    await gateway.process.waitFor(/a worker ended and is started again/)
    await eventually(() => workersOf(gateway)[0] !== first, { deadlineMs: 20_000 })
  })

  it('answers internal calls as a whole, and each process at an address of its own', async () => {
    const gateway = await bed.start('onprem', yaml, ['--workers', '2'])
    const told = () => [...gateway.process.output().matchAll(/"internal":"([^"]+)","text":"a worker serves"/g)]
    const own = await eventually(() => (told().length === 2 ? told() : undefined), { deadlineMs: 20_000 })
    const [, url = ''] = own[0] ?? []

    expect((await gateway.ask('/health/ready')).status).toBe(200)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
    expect(url).not.toBe(gateway.internal)
  })

  it('reads its configuration again in each process', async () => {
    const gateway = await bed.start('onprem', yaml, ['--workers', '2'])

    gateway.process.signal('SIGHUP')

    await gateway.process.waitFor(/(?:the configuration was read again[\s\S]*){2}/)
  })

  it('keeps the processes that serve when their successors cannot start', async () => {
    const home = bed.folder.file('home-unstartable')
    const gateway = await bed
      .start('onprem', { ...yaml, home, keys: { tables: 'own-keys.json' } }, ['--workers', '2'])
      .catch((cause: unknown) => cause)
    expect(String(gateway)).toContain('cannot be used: it cannot be read')

    await writeFile(bed.folder.file('own-keys.json'), bedKeys())
    const well = await bed.start('onprem', { ...yaml, home, keys: { tables: 'own-keys.json' } }, ['--workers', '2'])
    await writeFile(bed.folder.file('own-keys.json'), '{}')
    well.process.signal('SIGUSR2')
    await well.process.waitFor(/"replaced":0,"of":2/, 30_000)

    expect((await fetch(`${well.public}/v1/x`)).status).toBe(200)
  })

  it('gives its sockets back when its supervisor is killed, and the next one takes them', async () => {
    const gateway = await bed.start('onprem', yaml, ['--workers', '2'])
    const fixed = { public: `127.0.0.1:${gateway.port}`, internal: new URL(gateway.internal).host }

    await gateway.process.stop('SIGKILL')
    const next = await bed.start('onprem', { ...yaml, listen: fixed }, ['--workers', '2'])

    expect((await fetch(`${next.public}/v1/x`)).status).toBe(200)
    expect((await within(20_000, 'the end', next.process.stop())).code).toBe(0)
    expect(await listens(gateway.port)).toBe(false)
  })
})

function bedKeys(): string {
  const { id, publicKey } = bed.sealer.files
  return JSON.stringify({ keys: [{ id, publicKey }] })
}
