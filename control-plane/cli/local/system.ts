/** The whole of Tidegate on one machine: which programs, in which order, until all of them are ready; and its end. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeSecretFile } from '#server-kit/secret.ts'
import { onLoopback } from './addresses.ts'
import { configsOf, type ProgramName, writeConfig } from './configs.ts'
import { type Demo, demoOf, keptTokens, readDemo, writeDemo } from './demo-file.ts'
import { seedToken } from './demo-token.ts'
import { writeKeys } from './keys.ts'
import { choosePorts, isFree, type Ports, sites } from './ports.ts'
import { Program, type ProgramSpec } from './program.ts'
import { Claim } from './running.ts'
import { settleCatalog } from './settle-catalog.ts'
import { type Stores, storePrograms } from './stores.ts'

export interface LocalOptions {
  /** The repository. */
  readonly root: string
  /** Where all state lives. */
  readonly home: string
  /** Where the ports begin, if none of them is taken; else the next base is used, and told. */
  readonly base: number
  readonly stores: Stores
  /** Workerd processes of the edge. Default 1. */
  readonly workers?: number
  /** One line for people: what is being done, and what happened since. */
  readonly tell: (line: string) => void
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal
}

export interface LocalSystem {
  readonly demo: Demo
  /** By name: `control-plane`, `gateway-onprem`, `edge`, `services-cloud`, `redis-onprem`, ... */
  readonly programs: ReadonlyMap<string, Program>
  /** Ends every program, within 10 s also one that hangs. */
  stop(): Promise<void>
}

const trimEveryMs = 5_000

/** Resolves when a client could be served. When one program does not come up, those before it are ended and it throws. */
export async function startLocalSystem(options: LocalOptions): Promise<LocalSystem> {
  const { root, home, stores, tell, signal } = options
  await mkdir(home, { recursive: true, mode: 0o700 })
  const claim = await Claim.take(home, tell)
  const programs = new Map<string, Program>()
  const trimming = setInterval(() => {
    for (const program of programs.values()) program.trimLog()
  }, trimEveryMs)
  let pids: PidNotes | undefined
  const endAll = async (): Promise<void> => {
    // Against the direction of requests: what calls ends before what it calls.
    for (const layer of stopOrder) {
      await Promise.all([...programs.values()].filter(({ name }) => layer.test(name)).map((program) => program.stop()))
    }
  }
  const stop = async (): Promise<void> => {
    clearInterval(trimming)
    await endAll()
    await pids?.settled()
    await claim.release()
  }
  // A start that waits for a program is freed by that program's end.
  const onAbort = (): void => void endAll()
  signal?.addEventListener('abort', onAbort, { once: true })

  try {
    const ports = await portsFor(options)
    const tokens = keptTokens(await readDemo(home))
    const at = onLoopback(ports)
    const demo = demoOf(at, ports.base, tokens, stores.redis !== undefined)
    await claim.announce([demo.console, demo.edge])
    pids = new PidNotes(demo, home, claim, tell)
    await writeKeys(join(home, 'keys'))
    await writeSecretFile(join(home, 'onprem', 'cache-token'), tokens.cacheToken)
    const console = join(root, 'control-plane/console/dist')
    const configs = configsOf({
      at,
      tokens,
      stores: { redis: stores.redis !== undefined, memcached: stores.memcached !== undefined },
      workers: options.workers ?? 1,
      console: existsSync(join(console, 'index.html')) ? console : undefined,
      folders: { keys: '../keys', home: (program) => join('..', program) },
    })
    const file = (name: ProgramName): string => join(home, 'config', `${name}.yaml`)
    for (const [name, config] of Object.entries(configs)) await writeConfig(file(name as ProgramName), config)
    for (const spec of programsOf(options, ports, file)) {
      programs.set(spec.name, new Program(spec, { logs: join(home, 'logs'), tell, onPid: pids.note }))
    }
    const start = async (...names: RegExp[]): Promise<void> => {
      signal?.throwIfAborted()
      await startAll(
        [...programs.values()].filter(({ name }) => names.some((pattern) => pattern.test(name))),
        tell,
      )
    }
    await start(/^redis-/, /^memcached-/, /^services-/, /^control-plane$/)
    await seedToken({ home, root, demo })
    // Before gateways and edge: their first look at the control plane finds a table.
    await settleCatalog({ root, home, demo, tell })
    await start(/^gateway-/, /^edge$/)
    await start(/^monolith$/)
    await pids.settled()
    signal?.throwIfAborted()
    return { demo: pids.demo, programs, stop }
  } catch (cause) {
    await stop()
    throw cause
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

const stopOrder = [/^(edge|monolith)$/, /^gateway-/, /^(control-plane|services-.*)$/, /^(redis|memcached)-/]

async function portsFor({ base, tell }: LocalOptions): Promise<Ports> {
  const { ports, taken } = await choosePorts(base, isFree)
  if (taken !== undefined)
    tell(`port ${taken} is taken: all ports moved by ${ports.base - base}, to ${ports.base} and above`)
  return ports
}

async function startAll(programs: readonly Program[], tell: (line: string) => void): Promise<void> {
  const began = performance.now()
  // All are waited for, also after a failure: none may come up behind the back of who ends them.
  const results = await Promise.allSettled(programs.map((program) => program.start()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (programs.length > 0) tell(`ready: ${programs.map(({ name }) => name).join(', ')} (${seconds} s)`)
}

function programsOf(
  { root, home, stores }: LocalOptions,
  ports: Ports,
  config: (name: ProgramName) => string,
): ProgramSpec[] {
  const node = (
    name: string,
    script: string,
    args: readonly string[],
    more: Partial<ProgramSpec> = {},
  ): ProgramSpec => ({
    name,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', join(root, script), ...args],
    env: { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(home, 'compile-cache') },
    ready: 'line',
    ...more,
  })
  const sample = (script: string): string => `control-plane/cli/local/${script}.ts`
  return [
    ...storePrograms(stores, ports, home, process.getuid?.()),
    ...sites.map((site) =>
      node(`services-${site}`, sample('sample-service'), [
        ...['--site', site, '--listen', `127.0.0.1:${ports.sites[site].services}`],
        ...['--log', join(home, site, 'services.log')],
      ]),
    ),
    node('control-plane', 'control-plane/main.ts', ['--config', config('control-plane')]),
    // Under a supervisor, so that its process can be replaced while the whole serves.
    ...sites.map((site) => node(`gateway-${site}`, 'gateway/main.ts', ['--config', config(site), '--supervised'])),
    // It bundles the worker before it listens.
    node('edge', 'edge-worker/host/main.ts', ['--config', config('edge')], { readyMs: 40_000 }),
    node('monolith', sample('sample-monolith'), [
      ...['--cache', `http://127.0.0.1:${ports.sites.onprem.internal}`],
      ...['--token-file', join(home, 'onprem', 'cache-token')],
      ...['--listen', `127.0.0.1:${ports.monolith}`],
    ]),
  ]
}

/** Keeps `demo.json` and the claim current about which processes run. */
class PidNotes {
  #demo: Demo
  #noting: Promise<void> = Promise.resolve()
  readonly #home: string
  readonly #claim: Claim
  readonly #tell: (line: string) => void

  constructor(demo: Demo, home: string, claim: Claim, tell: (line: string) => void) {
    this.#demo = demo
    this.#home = home
    this.#claim = claim
    this.#tell = tell
  }

  get demo(): Demo {
    return this.#demo
  }

  readonly note = (name: string, pid: number | undefined): void => {
    const { [name]: _, ...others } = this.#demo.pids
    this.#demo = { ...this.#demo, pids: pid === undefined ? others : { ...others, [name]: pid } }
    const demo = this.#demo
    this.#noting = this.#noting.then(async () => {
      try {
        await Promise.all([this.#claim.note(name, pid), writeDemo(this.#home, demo)])
      } catch (cause) {
        // A full disk must not end a system that serves.
        this.#tell(`process ids are not noted: ${(cause as Error).message}`)
      }
    })
  }

  settled(): Promise<void> {
    return this.#noting
  }
}
