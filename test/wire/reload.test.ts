import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent, get as httpGet, request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { readMark } from '#routes/hop.ts'
import { headers } from '#routes/messages.ts'
import { KeyRing } from '#routes/seal.ts'
import { selfSigned } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startScript } from '../support/process-runner.ts'
import { makeSealer, placementSet, route, structure } from '../support/tables.ts'
import { bodyOf, type EdgeBed, ringFile, startEdgeBed, statusOf } from './edge-bed.ts'
import { type LiveOrigin, type Mirrored, startLiveOrigin } from './live-origin.ts'

let bed: EdgeBed
let origin: LiveOrigin

async function start(more: Readonly<Record<string, unknown>> = {}, workers = 1): Promise<void> {
  origin = await startLiveOrigin()
  bed = await startEdgeBed({
    offer: async (sealer) => ({
      structure: await sealer.structure(structure([route('/v1/orders/**')])),
      placements: await sealer.placements(placementSet([])),
    }),
    workers,
    more: { sites: { onprem: origin.url }, ...more },
  })
}

async function stop(): Promise<void> {
  await bed[Symbol.asyncDispose]()
  await origin[Symbol.asyncDispose]()
}

const file = (name: string) => join(bed.home, '..', name)
const host = 'api.example.com'
const get = 'GET /v1/orders/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n'

/** JSON is YAML. One key on each line, so that a fault has a line of its own. */
async function change(changes: Readonly<Record<string, unknown>>): Promise<void> {
  const now = JSON.parse(await readFile(file('edge.yaml'), 'utf8')) as Record<string, unknown>
  await writeFile(file('edge.yaml'), JSON.stringify({ ...now, ...changes }, null, 1))
}

async function children(): Promise<number[]> {
  return JSON.parse(await readFile(join(bed.home, 'run', 'children.json'), 'utf8'))
}

const named = (name: string) =>
  eventually(async () => (await bed.status()).name === name, { deadlineMs: 15_000, what: `the edge being ${name}` })

/** So many lines of the edge's log, at least. */
const told = (line: RegExp, times: number) =>
  eventually(
    () =>
      bed.process
        .output()
        .split('\n')
        .filter((one) => line.test(one)).length >= times,
    {
      deadlineMs: 30_000,
      what: `${line} in the log, ${times} times`,
    },
  )

describe('a self-hosted edge takes a new configuration', () => {
  afterEach(stop)

  it('while an event stream, an upload and a WebSocket are under way, and none of them fails', async () => {
    await start({ drain: '20s' })
    const [before] = await children()
    const events = await openEvents(bed.port, 40)
    const upload = openUpload(bed.port)
    upload.send(randomBytes(100_000))
    const socket = await openSocket(bed.port)
    await eventually(() => events.ticks.length > 2 && origin.count >= 3)

    await change({ name: 'edge-renamed' })
    await named('edge-renamed')
    await bed.process.waitFor(/a workerd process is replaced/)

    // The old process serves them on: it drains.
    expect((await children()).length).toBe(2)
    upload.send(randomBytes(100_000))
    expect(await echoed(socket, 'still here')).toBe('still here')
    expect(await upload.end()).toBe(upload.digest())
    socket.close(1000, 'done')
    expect((await once(socket, 'close'))[0]).toBe(1000)
    await events.ended
    expect(events.ticks).toEqual(Array.from({ length: 40 }, (_, tick) => tick + 1))
    await eventually(async () => !(await children()).includes(before as number), { what: 'the old process being gone' })
    expect(await children()).toHaveLength(1)
  })

  it('under load on kept and on fresh connections, and answers each request that it reads, writes too', async () => {
    await start({}, 2)
    const load = startLoad(bed.port)
    await eventually(() => load.answers > 200)

    await change({ name: 'edge-2' })
    await told(/"running":2/, 1)
    bed.process.signal('SIGUSR2')
    await told(/"running":2/, 2)

    const { answers, unread, failures, executed } = await load.stop()
    expect(failures).toEqual([])
    expect(answers).toBeGreaterThan(400)
    // What was executed was answered. A connection that no request had reached yet may find its process gone.
    expect(executed).toBe(answers)
    expect(unread).toBeLessThanOrEqual(2)
  })

  it('with new keys as soon as their file changes: marks are signed by the new one', async () => {
    await start()
    const [ring, old] = [ringFile('edge-gateway'), bed.rings.gateway]
    await writeFile(file('gateways.json'), JSON.stringify(ring))
    await told(/"running":1/, 1)

    const mirrored = JSON.parse(bodyOf(await bed.raw(get))) as Mirrored

    const mark = mirrored.headers[mirrored.headers.indexOf(headers.edge) + 1] ?? ''
    const request = { method: 'GET', target: '/v1/orders/1', host: 'api.example.com' }
    const verdict = async (by: KeyRing | undefined) => by && (await readMark('edge', mark, request, by, Date.now())).ok
    expect(await verdict(await KeyRing.open(ring))).toBe(true)
    expect(await verdict(old)).toBe(false)
  })

  it('with the script and binary of now after SIGUSR2, though nothing changed', async () => {
    await start({}, 2)
    const before = await children()

    bed.process.signal('SIGUSR2')
    await told(/"running":2/, 1)

    await eventually(async () => !(await children()).some((pid) => before.includes(pid)))
    expect(await children()).toHaveLength(2)
    expect(statusOf(await bed.raw(get))).toBe(200)
  })
})

describe('a self-hosted edge refuses, and serves on by the last good configuration,', () => {
  let before: number[]
  let tables: string
  beforeAll(async () => {
    await start()
    before = await children()
    tables = await readFile(file('tables.json'), 'utf8')
  })
  afterAll(stop)
  afterEach(async () => {
    await eventually(async () => String(await children()) === String(before), { what: 'the first process alone' })
    expect((await bed.status()).name).toBe('edge-test')
    expect(statusOf(await bed.raw(get))).toBe(200)
  })

  it('a broken file, and tells its line', async () => {
    await change({ sites: { onprem: 'ftp://nowhere' }, name: 'edge-broken' })

    await told(/edge\.yaml:\d+:\d+ .*refused/, 1)
  })

  it('what a running edge cannot change, and names it', async () => {
    await change({ sites: { onprem: origin.url }, workers: 3 })

    await told(/changes workers,/, 1)
  })

  it('table keys by which its processes would start without a table', async () => {
    await change({ workers: 1, name: 'edge-test' })
    const { id, publicKey } = (await makeSealer()).files
    await writeFile(file('tables.json'), JSON.stringify({ keys: [{ id: `${id}-other`, publicKey }] }))

    await told(/no key of keys\.tables has signed the table that serves/, 1)
    await writeFile(file('tables.json'), tables)
  })

  it('what no process starts with', async () => {
    // A curve that Node knows and workerd does not.
    const { key, cert } = await selfSigned('edge', 'secp256k1')
    await writeFile(file('key.pem'), key)
    await writeFile(file('certificate.pem'), cert)
    const site = { url: 'https://127.0.0.1:9', certificate: 'certificate.pem', key: 'key.pem' }
    await change({ sites: { onprem: site } })

    await told(/No workerd process starts/, 1)
  })
})

describe('a workerd process of a self-hosted edge', () => {
  afterEach(stop)

  it('that outgrows its memory is replaced without a failed request, later and later while successors grow, too', async () => {
    await start({ memory: { ceiling: '20MB' } }, 2)
    const load = startLoad(bed.port)

    await told(/"reason":"memory".*is replaced/, 2)

    const { answers, unread, failures, executed } = await load.stop()
    expect(failures).toEqual([])
    expect(executed).toBe(answers)
    expect(unread).toBeLessThanOrEqual(2)
    await eventually(async () => (await children()).length === 2)
  })

  it('that is killed under load takes nothing with it but what it was serving', async () => {
    await start({}, 2)
    const [first] = await children()
    process.kill(first as number, 'SIGKILL')

    const answers = await Promise.all(Array.from({ length: 200 }, () => bed.raw(get, { deadlineMs: 10_000 })))

    expect(answers.filter((answer) => statusOf(answer) !== 200)).toEqual([])
    await eventually(async () => (await children()).length === 2 && !(await children()).includes(first as number))
  })
})

describe('a self-hosted edge', () => {
  afterEach(stop)

  it('says that its port is taken, and by which address it is asked for', async () => {
    await start({ listen: `127.0.0.1:${await freePort()}` })
    const other = { ...JSON.parse(await readFile(file('edge.yaml'), 'utf8')), home: file('other') }
    await writeFile(file('other.yaml'), JSON.stringify(other))

    const second = startScript('edge-worker/host/main.ts', ['--config', file('other.yaml')], { ready: /"ready":true/ })

    await expect(second).rejects.toThrow(`Nothing can listen on 127.0.0.1:${bed.port}: EADDRINUSE`)
  })

  it('tells on its admin listener how its processes fare', async () => {
    const sha256 = createHash('sha256').update('operator').digest('hex')
    const tokens = [{ name: 'ops', sha256, scopes: ['metrics', 'status'] }]
    await start({ admin: { listen: '127.0.0.1:0', tokens } }, 2)
    const [, admin = ''] = await bed.process.waitFor(/"admin":"([^"]+)"/)
    const ask = (path: string) =>
      fetch(`http://${admin}${path}`, { headers: { authorization: 'Bearer operator' } }).then((answer) => answer.text())
    expect(JSON.parse(await ask('/health/ready'))).toEqual({ ready: true, state: 'ready', children: 2, table: true })

    process.kill((await children())[0] as number, 'SIGKILL')
    await told(/is started again/, 1)
    await eventually(async () => (await ask('/metrics')).includes('tidegate_edge_children{state="ready"} 2'))
    bed.process.signal('SIGUSR2')
    await told(/"reason":"asked","running":2/, 1)
    await writeFile(file('edge.yaml'), 'name: [')
    await told(/refused/, 1)

    const metrics = await ask('/metrics')
    expect(metrics).toContain('tidegate_edge_restarts_total{reason="ended"} 1')
    expect(metrics).toContain('tidegate_edge_restarts_total{reason="asked"} 2')
    expect(metrics).toContain('tidegate_edge_table_number{document="placements"} 1')
    expect(metrics).toContain('tidegate_config_refused 1')
    expect(metrics).toMatch(/tidegate_edge_child_resident_bytes\{slot="1"\} [1-9]\d{6,}/)
    expect(metrics).toMatch(/tidegate_edge_table_age_seconds 0\.\d+/)
  })

  it('warns at its start that no front is told, and does not once one is', async () => {
    await start()
    await bed.process.waitFor(/no front is told/)
    await change({ trustedClientIpHeader: 'X-Forwarded-For' })
    await bed.restart()

    expect(bed.process.output()).not.toMatch(/no front is told/)
  })
})

async function openEvents(port: number, n: number) {
  const ticks: number[] = []
  const request = httpGet({ port, path: `/v1/orders/events?n=${n}`, headers: { host } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.on('data', (data: Buffer) => {
    for (const [, tick] of String(data).matchAll(/data: (\d+)/g)) ticks.push(Number(tick))
  })
  return { ticks, ended: once(response, 'end') }
}

function openUpload(port: number) {
  const hash = createHash('sha256')
  const request = httpRequest({ port, path: '/v1/orders/upload', method: 'POST', headers: { host } })
  return {
    send: (piece: Buffer) => {
      hash.update(piece)
      request.write(piece)
    },
    /** The digest that the origin found. */
    end: async () => {
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const body = Buffer.concat(await response.toArray())
      return (JSON.parse(String(body)) as { sha256: string }).sha256
    },
    digest: () => hash.digest('hex'),
  }
}

async function openSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/orders/socket`, { headers: { host } })
  await once(socket, 'open')
  return socket
}

async function echoed(socket: WebSocket, text: string): Promise<string> {
  socket.send(text)
  return String((await once(socket, 'message'))[0])
}

/**
 * Closed loops: four clients keep their connection, two take a fresh one each time; every second request is a write. A
 * connection that is closed before a byte of an answer is `unread`: HTTP lets a server close one at any time.
 */
function startLoad(port: number) {
  const failures: string[] = []
  let [answers, unread, stopped] = [0, 0, false]
  const kept = new Agent({ keepAlive: true, maxSockets: 4 })
  const one = (agent: Agent | false, method: string) =>
    new Promise<void>((resolve) => {
      const broken = (error: Error) => resolve(void failures.push(`${method} ${error.message}`))
      const request = httpRequest({ port, agent, method, path: '/v1/orders/1', headers: { host } }, (response) => {
        if (response.statusCode !== 200) failures.push(`${method} ${response.statusCode}`)
        response
          .resume()
          .once('error', broken)
          .once('close', () => resolve(void answers++))
      })
      request.once('error', () => resolve(void unread++)).end(method === 'POST' ? 'body' : undefined)
    })
  const loops = [kept, kept, kept, kept, false as const, false as const].map(async (agent) => {
    for (let turn = 0; !stopped; turn++) await one(agent, turn % 2 === 0 ? 'GET' : 'POST')
  })
  return {
    get answers() {
      return answers
    },
    stop: async () => {
      stopped = true
      await Promise.all(loops)
      kept.destroy()
      return { answers, unread, failures, executed: origin.count }
    },
  }
}
