/** A self-hosted edge as `main.ts` makes it, with a table of 10,000 routes, before two origins. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { silentLog } from '#server-kit/log.ts'
import { type EdgeConfig, readEdgeConfig } from '../../../edge-worker/host/config.ts'
import { selfHostedEdge } from '../../../edge-worker/host/self-hosted-edge.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { ringFile } from '../../../test/wire/edge-bed.ts'
import type { BigTable } from './big-table.ts'

export interface Edge extends AsyncDisposable {
  readonly port: number
  /** Its workerd processes. */
  readonly pids: readonly number[]
}

export interface EdgeOptions {
  /** Site -> URL. */
  readonly sites: Readonly<Record<string, string>>
  readonly workers: number
  /** A worker of one's own instead of the edge. */
  readonly entry?: URL
}

/** Resolves when each of its processes serves; ends with `await using`. */
export async function startEdge(table: BigTable, { sites, workers, entry }: EdgeOptions): Promise<Edge> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const plane = stack.use(await controlPlaneWith(JSON.stringify(table.offer)))
  const config = await edgeConfig(table, folder, { sites, workers, controlPlane: { url: plane.url } })
  const { lifecycle, supervisor } = await selfHostedEdge(
    config,
    () => 'bench',
    silentLog,
    entry && fileURLToPath(entry),
  )
  stack.defer(() => lifecycle.stop('the proof ends'))
  await lifecycle.start()
  const port = Number(supervisor.address.split(':').at(-1))
  const pids = supervisor.pids.filter((pid) => pid !== undefined)
  const all = stack.move()
  return { port, pids, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** As the edge reads it from a file, with keys of its own. */
export async function edgeConfig(
  { sealer }: BigTable,
  folder: TemporaryFolder,
  more: Readonly<Record<'sites' | 'workers' | 'controlPlane', unknown>>,
): Promise<EdgeConfig> {
  const { id, publicKey } = sealer.files
  await writeFile(folder.file('tables.json'), JSON.stringify({ keys: [{ id, publicKey }] }))
  await writeFile(folder.file('gateways.json'), JSON.stringify(ringFile('edge-gateway')))
  await writeFile(folder.file('control.json'), JSON.stringify(ringFile('edge-control')))
  const yaml = {
    name: 'edge-cost',
    listen: '127.0.0.1:0',
    home: folder.file('home'),
    keys: { tables: 'tables.json', gateways: 'gateways.json', control: 'control.json' },
    drain: '1s',
    ...more,
  }
  // JSON is YAML.
  await writeFile(folder.file('edge.yaml'), JSON.stringify(yaml))
  return readEdgeConfig(folder.file('edge.yaml'), {})
}

/** Says the same table to everybody, and to those who have it that nothing is new: as in any quiet minute. */
async function controlPlaneWith(offer: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const held = request.headers['if-none-match'] !== undefined
    response.writeHead(held ? 304 : 200, { 'content-type': 'application/json' }).end(held ? undefined : offer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
