/** A gateway with all that it leans on, each thing a process behind a proxy that misbehaves when told to. */
import { createHash } from 'node:crypto'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import type { RetryPolicy } from '#routes/policy.ts'
import { prepareProgram, startProgram } from '../../../test/control-plane/support/program.ts'
import { openBed, type RunningGateway } from '../../../test/gateway/bed.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { type RunningProcess, startScript } from '../../../test/support/process-runner.ts'
import { startRedis } from '../../../test/support/servers.ts'
import { placementSet, policy, route, service, structure } from '../../../test/support/tables.ts'

export const token = 'known-token'

/** One thing that fails. */
export interface Part {
  readonly process: () => RunningProcess
  readonly proxy: FaultProxy
  /** After it was killed: at its old place. */
  start(): Promise<void>
}

export interface Surroundings extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly parts: Readonly<Record<'redis' | 'instance' | 'control plane', Part>>
  /** Whether the gateway hears from the control plane. */
  connected(): Promise<boolean>
}

const timeout = { connectMs: 1_000, firstByteMs: 1_000, totalMs: 3_000 }

/** `retry` is the routes' own word on second tries. */
export async function openSurroundings(
  yaml: Record<string, unknown> = {},
  retry: RetryPolicy = {},
): Promise<Surroundings> {
  const bed = await openBed()
  const redis = await redisPart()
  const instance = await instancePart('one')
  const others = [await instancePart('two'), await instancePart('three')]
  const controlPlane = await controlPlanePart(bed.folder.file('keys/control-gateway.json'), bed.folder)

  const urls = [instance.proxy, ...others.map(({ proxy }) => proxy)].map(({ port }) => `http://127.0.0.1:${port}`)
  const deployments = [{ site: 'onprem', url: urls[0] ?? '', more: urls.slice(1) }]
  // Tier 1 is never shed: on a busy machine that would be another story.
  const services = [service('orders', { deployments, tier: 1 })]
  const open = { ...policy, timeout, retry }
  const routes = [route('/p/**', { policy: open }), route('/v1/**', { policy: { ...open, auth: { scopes: [] } } })]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  const gateway = await bed.start('onprem', {
    table: { file: 'table' },
    controlPlane: { url: `http://127.0.0.1:${controlPlane.proxy.port}` },
    tokens: { driver: 'redis', url: `redis://127.0.0.1:${redis.proxy.port}` },
    log: { access: false },
    ...yaml,
  })
  const parts = [redis, instance, ...others, controlPlane]
  return {
    gateway,
    parts: { redis, instance, 'control plane': controlPlane },
    connected: async () => {
      const status = (await (await gateway.ask('/gateway/v1/status')).json()) as {
        controlPlane: { connected: boolean }
      }
      return status.controlPlane.connected
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await Promise.all(
        parts.map(async ({ proxy, process }) => Promise.all([proxy.close(), process().stop('SIGKILL')])),
      )
      await bed[Symbol.asyncDispose]()
    },
  }
}

async function redisPart(): Promise<Part> {
  let server = await startRedis()
  const { port } = server
  const proxy = await startFaultProxy(port)
  const fill = async (): Promise<void> => {
    const client = new Redis(port, '127.0.0.1')
    const key = `token:${createHash('sha256').update(token).digest('hex')}`
    await client.set(key, JSON.stringify({ consumer: 'bench', scopes: [] }))
    await client.quit()
  }
  await fill()
  return {
    process: () => server.process,
    proxy,
    start: async () => {
      server = await startRedis([], port)
      await fill()
    },
  }
}

async function instancePart(name: string): Promise<Part> {
  const port = await freePort()
  const begin = () => startScript('bench/support/outage/instance.ts', [name, String(port)], { ready: /listening/ })
  let process = await begin()
  return {
    process: () => process,
    proxy: await startFaultProxy(port),
    start: async () => {
      process = await begin()
    },
  }
}

async function controlPlanePart(keyFile: string, folder: { file(name: string): string }): Promise<Part> {
  const program = await prepareProgram({ ...folder, file: (name: string) => folder.file(`cp-${name}`) } as never, [])
  const port = await freePort()
  const yaml = JSON.parse(await readFile(program.configFile, 'utf8')) as Record<string, object>
  const keys = { tableSigning: 'cp-tables.json', gateways: 'cp-control-gateway.json', edges: 'cp-edge-control.json' }
  const listen = { public: `127.0.0.1:${port}`, internal: '127.0.0.1:0' }
  await writeFile(program.configFile, JSON.stringify({ ...yaml, home: 'cp-home', keys, listen }))
  await copyFile(keyFile, folder.file('cp-control-gateway.json'))
  let started = await startProgram(program)
  return {
    process: () => started.process,
    proxy: await startFaultProxy(port),
    start: async () => {
      started = await eventually(() => startProgram(program), { deadlineMs: 20_000 })
    },
  }
}
