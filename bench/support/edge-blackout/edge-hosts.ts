/** The two hosts of the worker, each with a control plane of its own that can fall silent. Two isolates each. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EdgeStatus, TableOffer } from '#routes/messages.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { startScript } from '../../../test/support/process-runner.ts'
import { startControlPlane } from '../../../test/wire/edge-bed.ts'
import { startPlatformEdge, statusesOf } from '../../../test/wire/platform-edge.ts'
import { startPlatformStores } from '../../../test/wire/platform-stores.ts'
import type { Surroundings } from './surroundings.ts'

export interface EdgeHost extends AsyncDisposable {
  readonly port: number
  /** Whatever tables come from, each behind something that can make it accept and never answer. */
  readonly ways: Readonly<Record<string, FaultProxy>>
  /** What the control plane gives from now on, where it is heard; and writes to KV, where there is one. */
  publish(offer: TableOffer): void
  /** New isolates take the place of those that run. `script`: the table that they are started with, where a script has one. */
  restart(script: TableOffer): Promise<void>
  statuses(): Promise<EdgeStatus[]>
}

const isolates = 2

/** `tidegate edge`: a supervisor with two workerd processes. A restart kills each of them. */
export async function selfHosted(around: Surroundings, name: string): Promise<EdgeHost> {
  const { bed, gateways } = around
  const first = await around.offer(1)
  const { plane, way } = await silenceable(around, first)
  const home = bed.folder.file(name)
  const config = {
    name,
    listen: '127.0.0.1:0',
    workers: isolates,
    home,
    controlPlane: { url: `http://127.0.0.1:${way.port}` },
    keys: {
      tables: 'keys/tables.public.json',
      gateways: 'keys/edge-gateway.json',
      control: 'keys/edge-control.json',
    },
    sites: { onprem: gateways.onprem.public, cloud: gateways.cloud.public },
    drain: '5s',
  }
  const file = bed.folder.file(`${name}.yaml`)
  await writeFile(file, JSON.stringify(config))
  const process_ = await startScript('edge-worker/host/main.ts', ['--config', file], { ready: /"ready":true/ })
  const port = Number(/"listen":"127\.0\.0\.1:(\d+)"/.exec(process_.output())?.[1])
  const pids = async () => JSON.parse(await readFile(join(home, 'run', 'children.json'), 'utf8')) as number[]
  const statuses = () => statusesOf(port, bed.rings['edge-control'], isolates)
  return {
    port,
    ways: { 'control plane': way },
    publish: (offer) => {
      plane.say = offer
    },
    statuses,
    restart: async () => {
      for (const pid of await pids()) {
        const before = (await statuses()).map(({ isolate }) => isolate)
        process.kill(pid, 'SIGKILL')
        const replaced = async () => (await statuses()).filter(({ isolate }) => before.includes(isolate)).length === 1
        await eventually(replaced, { deadlineMs: 20_000, what: 'a new workerd process' })
      }
    },
    [Symbol.asyncDispose]: async () => {
      await process_.stop()
      await Promise.all([way.close(), plane.close()])
    },
  }
}

/** The bindings of Cloudflare on plain workerd. A restart uploads a script. `entry`: another worker. */
export async function platform(around: Surroundings, name: string, entry?: string): Promise<EdgeHost> {
  const { bed, gateways, rings } = around
  const first = await around.offer(1)
  const { plane, way } = await silenceable(around, first)
  const stores = await startPlatformStores()
  const publish = (offer: TableOffer) => {
    plane.say = offer
    stores.values.set('placements/test', JSON.stringify({ placements: offer.placements }))
  }
  publish(first)
  const edge = await startPlatformEdge(
    {
      folder: bed.folder,
      name,
      sites: { onprem: gateways.onprem.port, cloud: gateways.cloud.port },
      tableKeys: { keys: [bed.sealer.files] },
      gatewayRing: rings.gateway,
      controlRing: rings.control,
      controlPlanePort: way.port,
      kvPort: stores.kv.port,
      cachePort: stores.cache.port,
      isolates,
      ...(entry === undefined ? {} : { entry }),
    },
    first,
  )
  return {
    port: edge.port,
    ways: { 'control plane': way, 'colo cache': stores.cache, KV: stores.kv },
    publish,
    statuses: edge.statuses,
    restart: edge.upload,
    [Symbol.asyncDispose]: async () => {
      await edge[Symbol.asyncDispose]()
      await Promise.all([way.close(), plane.close()])
      await stores[Symbol.asyncDispose]()
    },
  }
}

async function silenceable({ bed }: Surroundings, first: TableOffer) {
  const plane = await startControlPlane(bed.rings['edge-control'], first)
  return { plane, way: await startFaultProxy(Number(new URL(plane.url).port)) }
}
