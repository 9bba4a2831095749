/** A real self-hosted edge between raw sockets, recording gateways and a control plane that a test writes the words of. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { checkCall, signCall } from '#routes/call.ts'
import { type MarkedRequest, readMark } from '#routes/hop.ts'
import { type EdgeStatus, headers, paths, type TableOffer } from '#routes/messages.ts'
import { KeyRing, type Purpose, type RingFile } from '#routes/seal.ts'
import { within } from '../support/eventually.ts'
import { type RunningProcess, startScript } from '../support/process-runner.ts'
import {
  ok,
  type RecordedRequest,
  type RecordingUpstream,
  type Script,
  startRecordingUpstream,
} from '../support/recording-upstream.ts'
import { makeSealer, type Sealer } from '../support/tables.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

export interface FakeControlPlane {
  readonly url: string
  /** What the next polls get: an offer, exact bytes, or no answer at all. */
  say: TableOffer | string | 'away'
  /** Polls that came with a valid signature, and those that did not. */
  readonly polls: { valid: number; invalid: number }
}

export interface EdgeBed extends AsyncDisposable {
  readonly port: number
  readonly plane: FakeControlPlane
  readonly sites: Readonly<Record<'onprem' | 'cloud', RecordingUpstream>>
  readonly sealer: Sealer
  readonly rings: Readonly<Record<'gateway' | 'control', KeyRing>>
  readonly process: RunningProcess
  readonly home: string
  /** Sends exact bytes and gives all that comes back until the answer is whole. */
  raw(bytes: string, options?: RawOptions): Promise<string>
  status(): Promise<EdgeStatus>
  /** Calls an own endpoint of the edge with a valid signature. */
  call(target: string): Promise<Response>
  /** The edge's mark in a recorded request, verified as a gateway does. */
  markOf(request: RecordedRequest): ReturnType<typeof readMark>
  restart(): Promise<void>
}

export interface BedOptions {
  readonly offer?: (sealer: Sealer) => Promise<TableOffer>
  readonly answer?: (request: RecordedRequest, site: 'onprem' | 'cloud') => ReturnType<Script>
  readonly workers?: number
  readonly more?: Readonly<Record<string, unknown>>
}

export async function startEdgeBed({
  offer,
  answer = () => ok('fine'),
  workers = 1,
  more = {},
}: BedOptions = {}): Promise<EdgeBed> {
  const sealer = await makeSealer()
  const folder = await temporaryFolder()
  const sites = {
    onprem: await startRecordingUpstream((request) => answer(request, 'onprem')),
    cloud: await startRecordingUpstream((request) => answer(request, 'cloud')),
  }
  const files = { gateway: ringFile('edge-gateway'), control: ringFile('edge-control') }
  const rings = { gateway: await openRing(files.gateway), control: await openRing(files.control) }
  const plane = await startControlPlane(rings.control, offer === undefined ? 'away' : await offer(sealer))
  const home = folder.file('home')
  const config = {
    name: 'edge-test',
    listen: '127.0.0.1:0',
    workers,
    home,
    controlPlane: { url: plane.url },
    keys: { tables: 'tables.json', gateways: 'gateways.json', control: 'control.json' },
    sites: { onprem: sites.onprem.url, cloud: sites.cloud.url },
    drain: '5s',
    ...more,
  }
  const { id, publicKey } = sealer.files
  await writeFile(folder.file('tables.json'), JSON.stringify({ keys: [{ id, publicKey }] }))
  await writeFile(folder.file('gateways.json'), JSON.stringify(files.gateway))
  await writeFile(folder.file('control.json'), JSON.stringify(files.control))
  // JSON is YAML.
  await writeFile(folder.file('edge.yaml'), JSON.stringify(config))

  const start = () =>
    startScript('edge-worker/host/main.ts', ['--config', folder.file('edge.yaml')], { ready: /"ready":true/ })
  let running = await start()
  const portOf = () => Number(/"listen":"127\.0\.0\.1:(\d+)"/.exec(running.output())?.[1])
  let port = portOf()

  const call = async (target: string) => {
    const signed = await signCall(
      { method: 'GET', target, body: new Uint8Array(), audience: 'edge' },
      rings.control,
      Date.now(),
      randomBytes(8).toString('hex'),
    )
    return fetch(`http://127.0.0.1:${port}${target}`, { headers: { [headers.call]: signed } })
  }
  return {
    get port() {
      return port
    },
    get process() {
      return running
    },
    plane,
    sites,
    sealer,
    rings,
    home,
    call,
    raw: (bytes, options) => sendRaw(port, bytes, options),
    status: async () => (await call(`${paths.edge}/status`)).json() as Promise<EdgeStatus>,
    markOf: (request) =>
      readMark('edge', field(request.head, headers.edge) ?? '', markedRequest(request.head), rings.gateway, Date.now()),
    restart: async () => {
      await running.stop()
      running = await start()
      port = portOf()
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop()
      await Promise.all([sites.onprem.close(), sites.cloud.close(), plane.close()])
      await folder[Symbol.asyncDispose]()
    },
  }
}

export interface RawOptions {
  /** Default 5000. */
  readonly deadlineMs?: number
  /** The method, when the request line does not begin with it. */
  readonly wholeWhen?: (received: string) => boolean
}

/** One request on a connection of its own; the answer one character a byte. */
export async function sendRaw(
  port: number,
  bytes: string,
  { deadlineMs = 5_000, wholeWhen = isWhole(bytes) }: RawOptions = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  const answered = new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (wholeWhen(received)) resolve(received)
    })
    socket.once('end', () => resolve(received)).once('error', reject)
  })
  try {
    socket.write(Buffer.from(bytes, 'latin1'))
    return await within(deadlineMs, `an answer to ${JSON.stringify(bytes.slice(0, 60))}`, answered)
  } finally {
    socket.destroy()
  }
}

/** Value of the first field of that name in a raw head. */
export function field(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}:[ \t]*([^\r]*)\r\n`, 'i').exec(head)?.[1]
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}

export function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4)
}

export function markedRequest(head: string): MarkedRequest {
  const [method = '', target = ''] = head.split(' ', 2)
  return { method, target, host: field(head, 'host') ?? '' }
}

/** RFC 9112 section 6.3, as far as the cases here need it. */
function isWhole(request: string): (received: string) => boolean {
  const bodiless = request.startsWith('HEAD ')
  return (received) => {
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return false
    const head = received.slice(0, end + 4)
    if (bodiless || /^HTTP\/1\.1 (204|304|1\d\d)/.test(head)) return true
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) return received.endsWith('0\r\n\r\n')
    const length = field(head, 'content-length')
    return length !== undefined && received.length >= end + 4 + Number(length)
  }
}

export function ringFile(purpose: Purpose): RingFile {
  return { purpose, keys: [{ id: 'k1', secret: randomBytes(32).toString('base64url') }] }
}

async function openRing(file: RingFile): Promise<KeyRing> {
  const ring = await KeyRing.open(file)
  if (ring === undefined) throw new Error('the test made a ring that does not open')
  return ring
}

export async function startControlPlane(ring: KeyRing, say: FakeControlPlane['say']) {
  const polls = { valid: 0, invalid: 0 }
  const server = createServer(async (request, response) => {
    if (plane.say === 'away') return void request.socket.destroy()
    const target = request.url ?? ''
    const call = { method: 'GET', target, body: new Uint8Array(), audience: 'control-plane' }
    const valid =
      (await checkCall(request.headers[headers.call] as string | undefined, call, ring, Date.now())) === 'valid'
    polls[valid ? 'valid' : 'invalid']++
    if (!valid || !target.startsWith(`${paths.edgeTable}?`)) return void response.writeHead(403).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(typeof plane.say === 'string' ? plane.say : JSON.stringify(plane.say))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    server.close()
  }
  const plane = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, say, polls, close }
  return plane
}
