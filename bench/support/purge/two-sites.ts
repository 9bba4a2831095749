/** Two sites of two gateway processes and two real Memcached zones each, 20 ms apart, in front of one service. */
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decide } from '#routes/decide.ts'
import type { CachePolicy } from '#routes/policy.ts'
import { openBed, type RunningGateway } from '../../../test/gateway/bed.ts'
import { startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { freePorts } from '../../../test/support/free-port.ts'
import { memcachedCommands } from '../../../test/support/memcached-commands.ts'
import { startMemcached, startRedis, type TestServer } from '../../../test/support/servers.ts'
import {
  placement,
  placementSet,
  policy,
  request,
  route,
  service,
  structure,
  tableOf,
} from '../../../test/support/tables.ts'

export interface TwoSitesOptions {
  /** Answers are also kept in each process, told by Redis. */
  readonly memory: boolean
  /** Each site ships what it writes and invalidates to the other. */
  readonly ship: boolean
  /** Of each site; default 2. */
  readonly processes?: number
}

export interface SiteProcess {
  /** `onprem 1`, ... */
  readonly name: string
  readonly site: string
  readonly gateway: RunningGateway
  /** A client whose reads are executed at this site. */
  readonly device: string
}

export interface TwoSites extends AsyncDisposable {
  readonly processes: readonly SiteProcess[]
  /** What the service answers from now on. */
  version: number
  /** Commands that the zones of both sites have executed so far. */
  commands(): Promise<number>
}

const oneWayMs = 10
const sites = ['onprem', 'cloud'] as const
const cache: CachePolicy = { profile: 'api', per: 'everyone', key: {}, tags: [] }

/**
 * `/v1/items/{tag}/{id}` is tagged with `{tag}` by the service, which answers with its version. The sites have to know each
 * other's ports before they listen; when somebody else takes one meanwhile, it begins anew.
 */
export async function openTwoSites(options: TwoSitesOptions): Promise<TwoSites> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToOpen(options)
    } catch (cause) {
      if (attempt === 3 || !String(cause).includes('EADDRINUSE')) throw cause
    }
  }
}

async function tryToOpen({ memory, ship, processes: perSite = 2 }: TwoSitesOptions): Promise<TwoSites> {
  await using open = new AsyncDisposableStack()
  const state = { version: 1 }
  const origin = createServer((asked, answer) => {
    const [, , , tag = ''] = asked.url?.split('/') ?? []
    answer.writeHead(200, { 'cache-control': 'max-age=3600', 'surrogate-key': tag, 'content-type': 'text/plain' })
    answer.end(String(state.version))
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  open.defer(() => void origin.closeAllConnections())
  open.defer(() => void origin.close())
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`

  const bed = open.use(await openBed())
  const deployments = sites.map((site) => ({ site, url }))
  const routes = [route('/v1/items/**', { service: 'items', policy: { ...policy, cache } })]
  // Reads are split: both sites answer, and both keep what they answered.
  const moving = { to: 'cloud', reads: 5_000, writes: 0 }
  const placements = placementSet([placement('items', { epoch: 2, moving, key: ['header:x-device-id'] })])
  const facts = structure(routes, { services: [service('items', { deployments, tier: 1 })] })
  await bed.writeTable('table', facts, placements)
  const devices = await devicesOf(facts, placements)

  const zones: TestServer[] = []
  const starts: Promise<SiteProcess>[] = []
  const names = writerNames(perSite * sites.length)
  const servers = new Map<string, { readonly own: readonly TestServer[]; readonly redis: TestServer }>()
  for (const site of sites) {
    const own = await Promise.all([startMemcached(), startMemcached()])
    for (const zone of own) zones.push(open.use(zone))
    servers.set(site, { own, redis: open.use(await startRedis()) })
  }
  const internals = await freePorts(sites.length)
  for (const [at, site] of sites.entries()) {
    const { own, redis } = servers.get(site) ?? { own: [], redis: undefined }
    const other = sites[1 - at] ?? ''
    const proxy = open.use(await startFaultProxy(internals[1 - at] ?? 0))
    await proxy.set({ kind: 'latency', ms: oneWayMs, requestMs: oneWayMs })
    const peer = `http://127.0.0.1:${proxy.port}`
    for (let number = 1; number <= perSite; number++) {
      const instance = names.shift() ?? ''
      const begin = async (): Promise<SiteProcess> => {
        const gateway = await bed.start(site, {
          instance,
          home: bed.folder.file(`home-${instance}`),
          listen: { public: '127.0.0.1:0', internal: `127.0.0.1:${number === 1 ? internals[at] : 0}` },
          table: { file: 'table' },
          log: { access: false },
          rates: { shedAbove: '60s' },
          drain: { notice: '0s', limit: '1s' },
          peers: { [other]: { public: peer, internal: peer } },
          cache: {
            zones: own.map(({ address }, index) => ({
              name: `${site}-${index + 1}`,
              driver: 'memcached',
              nodes: [address],
            })),
            doubleWrite: { to: ship ? [other] : [] },
            // Everything of this proof shares the cores of one machine: late is no sign of a zone that is away.
            readDeadline: '2s',
            memory: { on: memory, limit: '16MiB' },
            events: { redis: `redis://${redis?.address}` },
          },
        })
        return { name: `${site} ${number}`, site, gateway, device: devices[site] ?? '' }
      }
      starts.push(begin())
    }
  }
  // All of them, also where one fails: what has started is stopped by its bed.
  const begun = await Promise.allSettled(starts)
  const processes = begun.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
  const all = open.move()
  return {
    processes,
    get version() {
      return state.version
    },
    set version(version) {
      state.version = version
    },
    commands: async () => {
      const counts = await Promise.all(zones.map(({ port }) => memcachedCommands(port)))
      return counts.reduce((sum, count) => sum + count, 0)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Names whose numbers as writers of stamps differ: without a control plane they are made of the name. */
function writerNames(count: number): string[] {
  const byWriter = new Map<number, string>()
  for (let at = 0; byWriter.size < count; at++) {
    const name = `process-${at}`
    const writer = (hash('sha256', name, 'buffer')[0] ?? 0) % 16
    if (!byWriter.has(writer)) byWriter.set(writer, name)
  }
  return [...byWriter.values()]
}

/** For each site a client whose reads it executes. */
async function devicesOf(...parts: Parameters<typeof tableOf>): Promise<Readonly<Record<string, string>>> {
  const table = await tableOf(...parts)
  const found: Record<string, string> = {}
  for (let at = 0; Object.keys(found).length < sites.length; at++) {
    const device = `device-${at}`
    found[decide(table, request('GET', '/v1/items/a/1', { 'x-device-id': device })).site] ??= device
  }
  return found
}
