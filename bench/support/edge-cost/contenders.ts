/** Who stands between a client and the two origins, each with the same choice to make. */
import { freePort } from '../../../test/support/free-port.ts'
import { startNginx } from '../../../test/support/servers.ts'
import type { BigTable } from './big-table.ts'
import { type Edge, startEdge } from './edge-before-origins.ts'

export interface Contender {
  readonly name: string
  readonly port: number
  /** Its processes, whose CPU is counted. */
  readonly pids: readonly number[]
}

/** One of each name, all before the same origins. */
export interface Contenders extends AsyncDisposable {
  readonly direct: Contender
  readonly nginx: Contender
  /** The runtime of the edge with a worker that only passes on, always to the first origin. */
  readonly bare: Contender
  readonly edge: Contender
  readonly twoEdges: Contender
  /** The control: an edge that asks somebody before each request and waits for the answer. */
  readonly asking: Contender
}

const bareWorker = new URL('./worker/bare-worker.ts', import.meta.url)
const askingWorker = new URL('./worker/asking-worker.ts', import.meta.url)

export async function startContenders(table: BigTable): Promise<Contenders> {
  await using stack = new AsyncDisposableStack()
  const origins = stack.use(await startOrigins())
  const { sites } = origins
  const nginx = stack.use(await startSplittingNginx(table, sites))
  const bare = stack.use(await startEdge(table, { sites, workers: 1, entry: bareWorker }))
  const edge = stack.use(await startEdge(table, { sites, workers: 1 }))
  const twoEdges = stack.use(await startEdge(table, { sites, workers: 2 }))
  const asking = stack.use(await startEdge(table, { sites, workers: 1, entry: askingWorker }))
  const all = stack.move()
  const edgeNamed = (name: string, { port, pids }: Edge): Contender => ({ name, port, pids })
  return {
    direct: { name: 'direct', port: origins.port, pids: [origins.pid] },
    nginx: { name: 'nginx split_clients', port: nginx.port, pids: [nginx.process.pid] },
    bare: edgeNamed('workerd, passes on', bare),
    edge: edgeNamed('edge, one workerd', edge),
    twoEdges: edgeNamed('edge, two workerd', twoEdges),
    asking: edgeNamed('control: asks first', asking),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** nginx as both origins: nothing answers a small JSON faster. */
async function startOrigins() {
  const cloudPort = await freePort()
  const server = (site: string, port: number): string => `
    server {
      listen 127.0.0.1:${port} backlog=1024; keepalive_timeout 600s; keepalive_requests 100000000;
      default_type application/json; location / { return 200 '{"site":"${site}","items":[1,2,3]}'; }
    }`
  const nginx = await startNginx((port) => server('onprem', port) + server('cloud', cloudPort))
  return {
    port: nginx.port,
    pid: nginx.process.pid,
    sites: { onprem: `http://127.0.0.1:${nginx.port}`, cloud: `http://127.0.0.1:${cloudPort}` },
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}

/**
 * The same choices as nginx makes them: a location for each of the 500 services, and where one is split by device a
 * `split_clients` of its own. It has no routes below services, signs nothing and learns of a change by a reload.
 */
function startSplittingNginx({ table, split }: BigTable, sites: Readonly<Record<'onprem' | 'cloud', string>>) {
  const { services } = table.structure.value
  const upstream = (site: 'onprem' | 'cloud') =>
    `upstream ${site} { server ${new URL(sites[site]).host} max_fails=0; keepalive 128; keepalive_requests 100000000; }`
  const choices = services.map(({ id }, at) => {
    if (!split.has(id)) return location(id, table.placementOf.get(id)?.owner ?? 'onprem')
    return { ...location(id, `$side_${at}`), before: splitClients(at) }
  })
  return startNginx(
    (port) => `
      variables_hash_max_size 8192; variables_hash_bucket_size 128;
      ${upstream('onprem')} ${upstream('cloud')}
      ${choices.map(({ before }) => before).join('\n')}
      server {
        listen 127.0.0.1:${port} backlog=1024; keepalive_timeout 600s; keepalive_requests 100000000;
        proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
        ${choices.map(({ text }) => text).join('\n')}
      }`,
  )
}

const splitClients = (at: number): string =>
  `split_clients "wave-1:$http_x_device_id" $side_${at} { 50% cloud; * onprem; }`

function location(service: string, upstream: string) {
  return { text: `location ^~ /${service}/ { proxy_pass http://${upstream}; }`, before: '' }
}
