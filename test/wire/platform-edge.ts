/**
 * The worker as Cloudflare runs it, on plain workerd: its table comes from the script, the Cache API, KV and the
 * control plane. Isolates are processes on one listening socket; an upload starts new ones and lets the old ones end.
 */
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { request } from 'undici'
import { signCall } from '#routes/call.ts'
import { type EdgeStatus, headers, paths, type TableOffer } from '#routes/messages.ts'
import { KeyRing, type RingFile } from '#routes/seal.ts'
import { systemClock } from '#server-kit/clock.ts'
import { openListeningSocket } from '#server-kit/listening-socket.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { bundleHoldable } from '../../edge-worker/host/bundle.ts'
import { WorkerdChild } from '../../edge-worker/host/workerd-child.ts'
import { compatibilityDate, compatibilityFlags, sockets } from '../../edge-worker/host/workerd-config.ts'
import { eventually } from '../support/eventually.ts'
import type { TemporaryFolder } from '../support/temporary-folder.ts'

export interface PlatformEdge extends AsyncDisposable {
  readonly port: number
  /** New isolates of a script with this table take over. */
  upload(bundle: TableOffer): Promise<void>
  /** The status of each isolate that runs. */
  statuses(): Promise<EdgeStatus[]>
}

export interface PlatformSettings {
  readonly folder: TemporaryFolder
  /** In marks, and of its files. */
  readonly name: string
  /** Site -> port of its gateway. */
  readonly sites: Readonly<Record<string, number>>
  readonly tableKeys: unknown
  readonly gatewayRing: RingFile
  readonly controlRing: RingFile
  readonly controlPlanePort: number
  readonly kvPort: number
  readonly cachePort: number
  readonly isolates: number
  /** Default: the worker itself. */
  readonly entry?: string
}

const binary = (createRequire(import.meta.url)('workerd') as { default: string }).default
const drainMs = 5_000
/** Of the door by which `retire` holds requests: nobody else is here. */
const token = 'word'

export async function startPlatformEdge(settings: PlatformSettings, bundle: TableOffer): Promise<PlatformEdge> {
  const { folder, name, isolates, controlRing } = settings
  const socket = await openListeningSocket('127.0.0.1', 0)
  const ring = (await KeyRing.open(controlRing)) as KeyRing
  const { code } = await bundleHoldable(settings.entry)
  await writeFile(folder.file(`${name}-worker.js`), code)
  let running: WorkerdChild[] = []
  let uploads = 0

  const upload = async (next: TableOffer) => {
    const table = `${name}-table-${++uploads}.json`
    const configFile = folder.file(`${name}-${uploads}.capnp`)
    await writeFile(folder.file(table), JSON.stringify(next))
    await writeFile(configFile, configOf(settings, table))
    const child = () =>
      new WorkerdChild({
        binary,
        fd: socket.fd,
        configFile,
        env: {},
        token,
        ring,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
      })
    const before = running
    running = Array.from({ length: isolates }, child)
    try {
      await Promise.all(running.map((one) => one.ready()))
    } catch (cause) {
      await Promise.all([...running, ...before].map((one) => one.drain(0)))
      await socket.close()
      throw cause
    }
    await Promise.all(before.map((one) => one.retire(drainMs)))
  }
  await upload(bundle)
  return {
    port: socket.port,
    upload,
    statuses: () => statusesOf(socket.port, ring, isolates),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((one) => one.drain(0)))
      await socket.close()
    },
  }
}

/** One status of each of so many isolates behind a port: a connection of its own for each question reaches any of them. */
export async function statusesOf(port: number, ring: KeyRing, isolates: number): Promise<EdgeStatus[]> {
  const seen = new Map<string, EdgeStatus>()
  await eventually(
    async () => {
      const status = await askStatus(port, ring)
      seen.set(status.isolate, status)
      return seen.size === isolates
    },
    { deadlineMs: 10_000, everyMs: 1, what: `the status of ${isolates} isolates` },
  )
  return [...seen.values()]
}

async function askStatus(port: number, ring: KeyRing): Promise<EdgeStatus> {
  const target = `${paths.edge}/status`
  const call = { method: 'GET', target, body: new Uint8Array(), audience: 'edge' }
  const signed = await signCall(call, ring, Date.now(), systemRandom.id())
  const { body } = await request(`http://127.0.0.1:${port}${target}`, {
    headers: { [headers.call]: signed },
    reset: true,
  })
  return (await body.json()) as EdgeStatus
}

function configOf(settings: PlatformSettings, table: string): string {
  const { name: edge, sites, tableKeys, gatewayRing, controlRing, controlPlanePort, kvPort, cachePort } = settings
  const names = Object.keys(sites)
  const values: [string, unknown][] = [
    ['SITES', Object.fromEntries(names.map((site, at) => [site, `binding:SITE_${at}`]))],
    ['TABLE_KEYS', tableKeys],
    ['GATEWAY_RING', gatewayRing],
    ['CONTROL_RING', controlRing],
    ['CF_VERSION_METADATA', { id: table }],
  ]
  const texts: [string, string][] = [
    ['PLATFORM', 'cloudflare'],
    ['EDGE_NAME', edge],
    ['CONTROL_PLANE_URL', `http://127.0.0.1:${controlPlanePort}`],
    ['EDGE_ENVIRONMENT', 'test'],
    ['TABLES_TOKEN', token],
  ]
  const external = (name: string, port: number | undefined) =>
    `(name = "${name}", external = (address = "127.0.0.1:${port}", http = ()))`
  const quoted = JSON.stringify
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    ${names.map((site, at) => external(`SITE_${at}`, sites[site])).join(',\n    ')},
    ${external('kv', kvPort)},
    ${external('cache', cachePort)},
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [
    (name = "${sockets.traffic}", http = (), service = "edge"),
    (name = "${sockets.supervisor}", address = "127.0.0.1:0", http = (), service = "edge"),
    (name = "${sockets.hold}", address = "127.0.0.1:0", http = (), service = (name = "edge", entrypoint = "hold")),
  ],
);
const edge :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "${edge}-worker.js"),
    (name = "bundled-structure.json", json = embed "${table}"),
  ],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = [${compatibilityFlags.map((flag) => quoted(flag)).join(', ')}],
  globalOutbound = "internet",
  cacheApiOutbound = "cache",
  bindings = [
    ${texts.map(([name, text]) => `(name = "${name}", text = ${quoted(text)})`).join(',\n    ')},
    ${values.map(([name, value]) => `(name = "${name}", json = ${quoted(JSON.stringify(value))})`).join(',\n    ')},
    ${names.map((_, at) => `(name = "SITE_${at}", service = "SITE_${at}")`).join(',\n    ')},
    (name = "PLACEMENTS", kvNamespace = "kv"),
  ],
);
`
}
