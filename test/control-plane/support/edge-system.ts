/** A control plane in this process, a gateway process of each site and a self-hosted edge: what doctor is asked about. */
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../../support/eventually.ts'
import { type RunningProcess, startScript } from '../../support/process-runner.ts'
import { catalogOf, serviceFile } from './catalog.ts'
import { startControlPlane, type TestControlPlane } from './control-plane.ts'
import { ringFile } from './keys.ts'

export interface EdgeSystem extends AsyncDisposable {
  readonly plane: TestControlPlane
  readonly edgePort: number
  /** Site -> port of its public listener. */
  readonly gatewayPorts: Readonly<Record<'onprem' | 'cloud', number>>
  /** Has the gateways, or the edge, read configuration and key files again; they lie in the folder of the plane. */
  reload(what: 'gateways' | 'edge'): Promise<void>
}

export interface EdgeSystemOptions {
  /** Laid over the configuration of both gateways, and of the edge. */
  readonly gateway?: object
  readonly edge?: object
}

const host = 'api.example.com'
const sites = ['onprem', 'cloud'] as const
/** The same modules each time: what V8 made of them is kept between starts. */
const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'tidegate-test-compile-cache') }

/** Of its two services one is at each site, so that both ways of the edge are taken. */
export async function startEdgeSystem({ gateway = {}, edge = {} }: EdgeSystemOptions = {}): Promise<EdgeSystem> {
  const plane = await startControlPlane()
  const running: RunningProcess[] = []
  const { file } = plane.folder
  const write = (name: string, value: object) => writeFile(file(name), JSON.stringify(value), { mode: 0o600 })
  await write('edge-gateway.json', ringFile('edge-gateway'))
  await write('gateway-gateway.json', ringFile('gateway-gateway'))
  await write('tables.public.json', { keys: [plane.keys.publicKey] })
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'), serviceFile('users'))] })

  const start = async (script: string, name: string, config: object) => {
    // JSON is YAML.
    await write(name, config)
    const started = await startScript(script, ['--config', file(name)], { ready: /"ready":true/, env })
    running.push(started)
    return started
  }
  const gateways = await Promise.all(
    sites.map(async (site) => {
      const started = await start('gateway/main.ts', `gateway-${site}.yaml`, {
        site,
        home: file(`home-${site}`),
        listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
        controlPlane: { url: plane.url },
        keys: {
          tables: 'tables.public.json',
          edge: 'edge-gateway.json',
          peers: 'gateway-gateway.json',
          control: 'control-gateway.json',
        },
        edgeRequired: true,
        drain: { notice: '0s', limit: '1s' },
        ...gateway,
      })
      return { started, port: Number(/"public":"http:\/\/127\.0\.0\.1:(\d+)/.exec(started.output())?.[1]) }
    }),
  )
  const gatewayPorts = { onprem: gateways[0]?.port ?? 0, cloud: gateways[1]?.port ?? 0 }
  await plane.client.flip('users', { to: 'cloud', reason: 'so that both sites serve' }, '*')
  const edgeProcess = await start('edge-worker/host/main.ts', 'edge.yaml', {
    name: 'edge-test',
    listen: '127.0.0.1:0',
    workers: 1,
    home: file('home-edge'),
    controlPlane: { url: plane.url },
    keys: { tables: 'tables.public.json', gateways: 'edge-gateway.json', control: 'edge-control.json' },
    sites: { onprem: `http://127.0.0.1:${gatewayPorts.onprem}`, cloud: `http://127.0.0.1:${gatewayPorts.cloud}` },
    drain: '1s',
    ...edge,
  })
  const edgePort = Number(/"listen":"127\.0\.0\.1:(\d+)"/.exec(edgeProcess.output())?.[1])
  await eventually(async () => {
    const { status } = await fetch(`http://127.0.0.1:${edgePort}/`, { headers: { host } })
    return status !== 502
  })
  return {
    plane,
    edgePort,
    gatewayPorts,
    reload: async (what) => {
      const told = what === 'edge' ? [edgeProcess] : gateways.map(({ started }) => started)
      await Promise.all(told.map(readAgain))
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((each) => each.stop()))
      await plane.stop()
    },
  }
}

/** Resolves when the process says that it has. */
async function readAgain(process: RunningProcess): Promise<void> {
  const times = () => process.output().split('the configuration was read again').length
  const before = times()
  process.signal('SIGHUP')
  await eventually(() => times() > before, { deadlineMs: 30_000, what: 'a reload' })
}
