import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { KeyRing, type Purpose, type RingFile } from '#routes/seal.ts'
import type { Structure } from '#routes/structure.ts'
import type { PlacementSet } from '#routes/table.ts'
import { within } from '../support/eventually.ts'
import { type RunningProcess, startScript } from '../support/process-runner.ts'
import { makeSealer, type Sealer } from '../support/tables.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/** Keys, tables and processes for tests of whole gateways. */
export interface Bed extends AsyncDisposable {
  readonly folder: TemporaryFolder
  readonly sealer: Sealer
  readonly rings: Readonly<Record<Purpose, KeyRing>>
  /** Seals and writes a table directory; returns its path. */
  writeTable(name: string, structure: Structure, placements: PlacementSet): Promise<string>
  /** A gateway process, or with `--workers N` several; `yaml` is laid over a small default. */
  start(
    site: string,
    yaml?: Record<string, unknown>,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<RunningGateway>
  /** Another process of the same file, as that is now. */
  restart(gateway: RunningGateway, args?: readonly string[]): Promise<RunningGateway>
}

export interface RunningGateway extends AsyncDisposable {
  readonly public: string
  readonly internal: string
  readonly port: number
  readonly process: RunningProcess
  /** Its configuration file. */
  readonly file: string
  /** Calls the internal listener as an operator. */
  ask(path: string, init?: RequestInit): Promise<Response>
}

const purposes: readonly Purpose[] = ['edge-gateway', 'gateway-gateway', 'control-gateway', 'edge-control']
const operatorToken = 'operator-token'

export async function openBed(): Promise<Bed> {
  const folder = await temporaryFolder()
  const sealer = await makeSealer()
  const keys = folder.file('keys')
  await mkdir(keys)
  const rings: Partial<Record<Purpose, KeyRing>> = {}
  for (const purpose of purposes) {
    const file: RingFile = { purpose, keys: [{ id: 'k1', secret: randomBytes(32).toString('base64url') }] }
    await writeFile(`${keys}/${purpose}.json`, JSON.stringify(file), { mode: 0o600 })
    rings[purpose] = (await KeyRing.open(file)) as KeyRing
  }
  const { id, publicKey } = sealer.files
  await writeFile(`${keys}/tables.public.json`, JSON.stringify({ keys: [{ id, publicKey }] }))
  const running: RunningGateway[] = []
  let count = 0

  return {
    folder,
    sealer,
    rings: rings as Record<Purpose, KeyRing>,
    writeTable: async (name, structure, placements) => {
      const directory = folder.file(name)
      await mkdir(directory, { recursive: true })
      await writeFile(`${directory}/placements.json`, JSON.stringify(await sealer.placements(placements)))
      await writeFile(`${directory}/structure.json`, JSON.stringify(await sealer.structure(structure)))
      return directory
    },
    start: async (site, yaml = {}, args = [], env = {}) => {
      const file = folder.file(`gateway-${site}-${count++}.yaml`)
      const sha256 = hash('sha256', operatorToken, 'hex')
      const whole = {
        site,
        home: folder.file(`home-${site}`),
        listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
        keys: {
          tables: 'keys/tables.public.json',
          edge: 'keys/edge-gateway.json',
          peers: 'keys/gateway-gateway.json',
          control: 'keys/control-gateway.json',
        },
        internal: { tokens: [{ name: 'ops', sha256, scopes: ['metrics', 'status', 'explain', 'drain', 'operate'] }] },
        drain: { notice: '0s', limit: '5s' },
        ...yaml,
      }
      await writeFile(file, stringify(whole))
      return run(file, args, env)
    },
    restart: (gateway, args = []) => run(gateway.file, args, {}),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((gateway) => gateway[Symbol.asyncDispose]()))
      await folder[Symbol.asyncDispose]()
    },
  }

  async function run(
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<RunningGateway> {
    const process = await startScript('gateway/main.ts', ['--config', file, ...args], {
      ready: /"ready":true/,
      // The same modules each time: what V8 made of them is kept between starts.
      env: { NODE_COMPILE_CACHE: join(tmpdir(), 'tidegate-test-compile-cache'), ...env },
    })
    const line = process.output().match(/\{"ready":true.*\}/)?.[0] ?? '{}'
    const { public: publicUrl, internal } = JSON.parse(line) as { public: string; internal: string }
    const gateway: RunningGateway = {
      public: publicUrl,
      internal,
      port: Number(new URL(publicUrl).port),
      process,
      file,
      ask: (path, init = {}) =>
        fetch(internal + path, { ...init, headers: { authorization: `Bearer ${operatorToken}`, ...init.headers } }),
      [Symbol.asyncDispose]: async () => void (await process.stop()),
    }
    running.push(gateway)
    return gateway
  }
}

/** One connection on which a test writes exact bytes. */
export interface RawClient {
  readonly socket: Socket
  write(text: string | Uint8Array): void
  /** All that came so far, one character a byte. */
  received(): string
  /** Resolves when `pattern` is in what came. */
  until(pattern: RegExp, deadlineMs?: number): Promise<string>
  /** Resolves with all bytes when the other side has closed. */
  closed(deadlineMs?: number): Promise<string>
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  let received = ''
  const listeners = new Set<() => void>()
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
    for (const listener of listeners) listener()
  })
  const ended = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.once('end', () => resolve())
    // A reset is an end too; what came before it is kept.
    socket.once('error', () => resolve())
  })
  return {
    socket,
    write: (text) => void socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text),
    received: () => received,
    until: async (pattern, deadlineMs = 5000) => {
      const seen = new Promise<void>((resolve) => {
        const look = () => {
          if (pattern.test(received)) {
            listeners.delete(look)
            resolve()
          }
        }
        listeners.add(look)
        look()
      })
      await within(deadlineMs, `${pattern} in ${JSON.stringify(received.slice(0, 300))}`, seen)
      return received
    },
    closed: async (deadlineMs = 5000) => {
      await within(deadlineMs, 'the end of the connection', ended)
      return received
    },
  }
}
