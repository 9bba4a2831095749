/** From `spawn` to the first 200 of a workerd process: with the edge and its 10,000 routes, and with next to nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { bundleHoldable, type WorkerBundle } from '../../../edge-worker/host/bundle.ts'
import type { EdgeConfig } from '../../../edge-worker/host/config.ts'
import { secretVariables, sockets, workerdConfig } from '../../../edge-worker/host/workerd-config.ts'
import { within } from '../../../test/support/eventually.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { BigTable } from './big-table.ts'
import { host } from './big-table.ts'
import { cpuMs } from './cpu-time.ts'
import { edgeConfig } from './edge-before-origins.ts'

export interface Start {
  /** On the wall, ms. */
  readonly tookMs: number
  readonly cpuMs: number
}

export interface Starts {
  readonly edge: readonly Start[]
  readonly trivial: readonly Start[]
}

const workerd = (
  createRequire(import.meta.resolve('../../../edge-worker/host/workerd-child.ts'))('workerd') as {
    default: string
  }
).default
const trivialWorker = fileURLToPath(new URL('./worker/trivial-worker.ts', import.meta.url))
const startLimitMs = 20_000

/** They take turns, so that noise meets both. `origin` answers the edge's first request. */
export async function measureStarts(table: BigTable, origin: string, rounds: number): Promise<Starts> {
  await using folder = await temporaryFolder()
  const controlPlane = { url: 'http://127.0.0.1:9' }
  const config = await edgeConfig(table, folder, { sites: { onprem: origin, cloud: origin }, workers: 1, controlPlane })
  const edge = await prepare('edge', await bundleHoldable())
  const trivial = await prepare('trivial', await bundleHoldable(trivialWorker))
  const starts = { edge: [] as Start[], trivial: [] as Start[] }
  for (let round = 0; round < rounds; round++) {
    starts.trivial.push(await startOnce(trivial))
    starts.edge.push(await startOnce(edge))
  }
  return starts

  /** Both from the same kind of configuration, table and all: only the code differs. */
  async function prepare(name: string, { code }: WorkerBundle): Promise<Prepared> {
    await writeFile(folder.file(`${name}.js`), code)
    await writeFile(folder.file(`${name}.json`), JSON.stringify(name === 'edge' ? table.offer : {}))
    const text = workerdConfig({
      ...config,
      version: 'bench',
      codeFile: `${name}.js`,
      tableFile: `${name}.json`,
      // Nobody is there: the table of the script serves.
      tablesAddress: '127.0.0.1:9',
    })
    await writeFile(folder.file(`${name}.capnp`), text)
    return { configFile: folder.file(`${name}.capnp`), env: secretsOf(config) }
  }
}

interface Prepared {
  readonly configFile: string
  readonly env: Readonly<Record<string, string>>
}

function secretsOf({ tableKeys, gatewayRing, controlRing }: EdgeConfig): Record<string, string> {
  return {
    [secretVariables.TABLE_KEYS]: JSON.stringify(tableKeys),
    [secretVariables.GATEWAY_RING]: JSON.stringify(gatewayRing),
    [secretVariables.CONTROL_RING]: JSON.stringify(controlRing),
    [secretVariables.TABLES_TOKEN]: 'nobody asks for it',
  }
}

async function startOnce({ configFile, env }: Prepared): Promise<Start> {
  const args = ['serve', configFile, `--socket-addr=${sockets.traffic}=127.0.0.1:0`, '--control-fd=3']
  const begun = performance.now()
  const child = spawn(workerd, args, { env, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
  const ended = once(child, 'exit')
  try {
    const port = await within(startLimitMs, 'a workerd process', trafficPort(child.stdio[3] as Readable))
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { host },
      signal: AbortSignal.timeout(startLimitMs),
    })
    const took = { tookMs: performance.now() - begun, cpuMs: cpuMs([child.pid ?? 0]) }
    if (answer.status !== 200) throw new Error(`the first answer was ${answer.status}: ${await answer.text()}`)
    await answer.body?.cancel()
    return took
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** workerd tells on its control descriptor what it listens on. */
async function trafficPort(control: Readable): Promise<number> {
  for await (const line of createInterface(control)) {
    const told = JSON.parse(line) as { socket?: string; port?: number }
    if (told.socket === sockets.traffic && told.port !== undefined) return told.port
  }
  throw new Error('workerd ended before it listened')
}
