/** The whole system for a test or a proof: on free ports, in a folder of its own, each program in one's hands. */
import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '../../control-plane/api-client/client.ts'
import { connect } from '../../control-plane/cli/connect.ts'
import type { Demo } from '../../control-plane/cli/local/demo-file.ts'
import type { ExampleSite } from '../../control-plane/cli/local/ports.ts'
import type { Program } from '../../control-plane/cli/local/program.ts'
import { embedded, installedStores } from '../../control-plane/cli/local/stores.ts'
import { type LocalSystem, startLocalSystem } from '../../control-plane/cli/local/system.ts'
import { root } from '../../control-plane/cli/root.ts'

export interface SystemOptions {
  /** `real`: a Redis and Memcached zones a site, which must be installed. `embedded`: inside the gateways. */
  readonly stores: 'real' | 'embedded'
  /** Default: a fresh folder, removed at the end. One that is given stays. */
  readonly home?: string
  /** Processes of the edge. Default 1. */
  readonly workers?: number
  /** Told each step; default silent. */
  readonly tell?: (line: string) => void
}

/** `await using` ends all of it. */
export interface RunningSystem extends AsyncDisposable {
  /** Where everything is, and the tokens: as `demo.json` has it. `pids` are those of the start. */
  readonly demo: Demo
  readonly home: string
  /** The control plane, as its admin. */
  readonly client: Client
  /** What the samples of a site executed: one JSON line each, see `execution-log.ts`. */
  readonly executions: Readonly<Record<ExampleSite, string>>
  /**
   * `control-plane`, `edge`, `gateway-onprem`, `services-cloud`, `redis-onprem`, `memcached-cloud-a`, `monolith`, ...:
   * `end('SIGKILL')` leaves it ended until `start()`; `stop()` is the orderly end. One that dies by itself comes back.
   */
  program(name: string): Program
  /** Ends every program; nothing of it runs when it resolves. */
  stop(): Promise<void>
}

/** Thousands. Below the ports that systems hand out by themselves, above the default base, apart from those of the journeys. */
const [firstBase, lastBase] = [18, 24]

export async function startSystem(options: SystemOptions): Promise<RunningSystem> {
  const stores = options.stores === 'real' ? await realStores() : embedded
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'tidegate-system-')))
  const system = await onFreePorts((base) =>
    startLocalSystem({
      root,
      home,
      base,
      stores,
      workers: options.workers ?? 1,
      tell: options.tell ?? (() => undefined),
    }),
  )
  const { demo, programs } = system
  const stop = async (): Promise<void> => {
    await system.stop()
    if (options.home === undefined) await rm(home, { recursive: true, force: true, maxRetries: 3 })
  }
  return {
    demo,
    home,
    client: connect({ url: demo.console, token: demo.adminToken }),
    executions: { onprem: join(home, 'onprem', 'services.log'), cloud: join(home, 'cloud', 'services.log') },
    program: (name) => {
      const program = programs.get(name)
      if (program === undefined) throw new Error(`there is no program ${name}: ${[...programs.keys()].join(', ')}`)
      return program
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Somebody else may take a free port in the moment before a program of ours does: then all of them are tried elsewhere. */
async function onFreePorts(start: (base: number) => Promise<LocalSystem>): Promise<LocalSystem> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(randomInt(firstBase, lastBase) * 1000)
    } catch (cause) {
      if (attempt === 3 || !/EADDRINUSE|in use/i.test(String(cause))) throw cause
    }
  }
}

async function realStores() {
  const stores = await installedStores(process.env['PATH'] ?? '')
  if (stores.redis === undefined || stores.memcached === undefined) {
    throw new Error('this needs redis-server and memcached: apt-get install redis-server memcached')
  }
  return stores
}
