import { hash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Counters } from '#routes/messages.ts'
import { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { Lifecycle } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { RenewedMetrics } from '#server-kit/renewed-metrics.ts'
import { AccessLog } from './account/access-log.ts'
import { TrafficCounters } from './account/counters.ts'
import { MarkCounts } from './account/mark-counts.ts'
import { report } from './account/report.ts'
import { hostAndPort, urlOf } from './address.ts'
import { openSiteCache, type SiteCache } from './cache/site-cache.ts'
import type { Environment, GatewayConfig } from './config.ts'
import { bytes, ms } from './config-parts.ts'
import { problems } from './errors.ts'
import { Adoption } from './fence/adoption.ts'
import { ControlPlaneCalls } from './fence/control-plane-calls.ts'
import { fileTable } from './fence/file-table.ts'
import { KeptTable, restore } from './fence/kept-table.ts'
import { LiveTable } from './fence/live-table.ts'
import { peerTable } from './fence/peer-table.ts'
import { TableHolder } from './fence/table-holder.ts'
import { Connections } from './front/connections.ts'
import { type Front, fastifyFront } from './front/fastify-front.ts'
import { internalFront } from './front/internal-front.ts'
import { parserCodes } from './front/listener.ts'
import { drainPublic } from './front/public-drain.ts'
import { RequestIds } from './front/request-ids.ts'
import { SharedInternal } from './front/shared-internal.ts'
import { Streams } from './front/streams.ts'
import { TunnelPlaces } from './front/tunnel-places.ts'
import { Tunnels } from './front/tunnels.ts'
import { cachePlugins } from './internal/cache-plugins.ts'
import { liveCredentials } from './internal/credentials.ts'
import { operatorPlugins } from './internal/operator-plugins.ts'
import { type Events, openEvents } from './invalidation/open-events.ts'
import { openKeys } from './keys.ts'
import type { MemcachedPorts } from './memcached-port/memcached-ports.ts'
import { openPorts } from './memcached-port/open-ports.ts'
import { type GatewayGeneration, openGeneration } from './phases.ts'
import { ConfigReload } from './reload/config-reload.ts'
import { changedKeys, fixedOf, unchangeable } from './reload/fixed-config.ts'
import { Generations } from './reload/generations.ts'
import type { StartConfig } from './reload/kept-config.ts'
import { SharedParts } from './reload/shared-parts.ts'
import type { Standing } from './standing.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  readonly version: string
  /** Begins the orderly end of this process, as SIGTERM does. */
  readonly end: () => void
  /** Where the configuration came from: it is read again when it changes. Absent: it stays. */
  readonly source?: { readonly file: string; readonly env: Environment; readonly start: StartConfig }
  /** Descriptors of listening sockets that a supervisor opened; absent: own ones. */
  readonly handed?: {
    readonly public: number
    /** For calls to the gateway as a whole. Those to this process come to an address of its own. */
    readonly internal: number
    /** One for each of `cache.ports`. */
    readonly ports: readonly number[]
    /** No new connection is taken any more. */
    readonly onNotAccepting: () => void
    /** The other processes are to read the configuration again, too. */
    readonly onReload: () => void
  }
}

export interface Gateway {
  readonly lifecycle: Lifecycle
  /** Bound addresses, `http://host:port`; known once it listens. */
  readonly addresses: () => { readonly public: string; readonly internal: string }
  readonly holder: TableHolder
  /**
   * Puts another configuration in force, whole or not at all; requests under way end by the one they began with. Throws
   * `config-needs-restart`, or what is wrong with a file that it names.
   */
  apply(config: GatewayConfig): Promise<void>
  /** Reads the configuration again, changed or not. True when it is in force. */
  reload(): Promise<boolean>
  /**
   * Others accept from the same socket: the end that comes next takes no new connection from its first moment. Those that
   * are open are told for `noticeMs`, default the configured notice and at least a second.
   */
  relieve(noticeMs?: number): void
}

/** Nobody waits for a process that has a successor: the clients of its open connections get at least so long to hear it. */
const relievedNoticeMs = 1_000

/**
 * One gateway from its configuration: what lives as long as the process (sockets, table, cache, channel to the control
 * plane), and how it starts and ends. What a reload makes anew, THE LIST OF PHASES first of all, stands in `phases.ts`.
 * Throws what the configuration or a key file has wrong.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log, clock, random, version, source, handed } = options
  const { path } = config
  const fixed = fixedOf(config.yaml)
  const { site, limits, drain: draining } = fixed
  const startedAt = clock.now()
  const instance = fixed.instance ?? random.id()
  const metrics = createMetrics({ process: true })
  const renewed = new RenewedMetrics(metrics)
  const background = new Background(log, 50_000, metrics)
  const ids = new RequestIds(random)
  const lifecycle = new Lifecycle(log, { drainMs: ms(draining.notice) + ms(draining.limit) + 5_000 })

  let keys = await openKeys(config, log)
  const holder = new TableHolder({ trusted: () => keys.trusted, clock, log })
  const kept = new KeptTable(path(join(fixed.home, 'table.json')), log)
  const parts = new SharedParts()
  const generations = new Generations<GatewayGeneration>(background)
  metrics.gauge(
    'tidegate_gateway_generations',
    'Configurations in use: the one in force, and those of requests under way.',
    {},
    (gauge) => gauge.set({}, generations.size),
  )

  const addresses = { public: '', internal: '' }
  const channel = openChannel()
  if (channel !== undefined) holder.refresh = () => channel.refresh()
  await restore(kept, holder, log)
  holder.onChange((table) => background.run('keep the table', kept.keep(table)))

  const counted = { adoption: new Adoption(holder, clock), traffic: new TrafficCounters(), marks: new MarkCounts() }
  const accessLog = new AccessLog({
    site,
    clock,
    dropped: metrics.counter('tidegate_access_log_dropped_total', 'Lines that a slow disk lost.'),
  })
  const streams = new Streams()
  const tunnels = new Tunnels(random)
  const places = new TunnelPlaces()
  metrics.gauge(
    'tidegate_endless_answers',
    'Answers without an end of their own that are under way.',
    { kind: ['tunnel', 'event-stream'] },
    (gauge) => {
      gauge.set({ kind: 'tunnel' }, tunnels.size)
      gauge.set({ kind: 'event-stream' }, streams.size)
    },
  )
  let standing: Standing | undefined
  let cache: SiteCache | undefined
  let events: Events | undefined
  let ports: MemcachedPorts | undefined
  let front: Front | undefined
  let internal: FastifyInstance | undefined
  let drain: () => boolean = () => false
  let shared: SharedInternal | undefined
  const ending = { noticeMs: ms(draining.notice), relieved: false }
  let applying: Promise<unknown> = Promise.resolve()
  const reloads = source && new ConfigReload({ ...source, apply, clock, log, metrics, background })

  lifecycle
    // First in, last out: what the other parts began ends when they have ended.
    .add({ name: 'background', stop: () => background.settle(2_000) })
    .add({ name: 'access log', stop: () => accessLog.close() })
    .add({ name: 'cache', start: openCache, drain: shipRest, stop: async () => cache?.close() })
    .add({ name: 'phases', start: () => apply(config), stop: () => generations.close() })
    .add({ name: 'events', start: async () => events?.read(), drain: async () => events?.end() })
    .add({ name: 'internal listener', start: listenInternal, stop: closeInternal })
    .add({
      name: 'memcached ports',
      start: listenPorts,
      drain: async () => ports?.drain(),
      stop: async () => ports?.stop(),
    })
  if (channel !== undefined) {
    const peers = () => generations.current?.config.yaml.peers ?? {}
    const ring = () => keys.rings.peers
    // After the channel: a control plane that is there has the newest.
    lifecycle.add(channel).add(peerTable({ holder, peers, ring, clock, random, background, log }))
  }
  if (fixed.table !== undefined) lifecycle.add(fileTable(path(fixed.table.file), holder, background))
  if (channel !== undefined) {
    const connected = () => channel.state.connected
    const send = (counters: Counters) => channel.report(counters)
    lifecycle.add(report({ ...counted, debt, connected, send, clock, background }))
  }
  lifecycle.add({
    name: 'public listener',
    start: listenPublic,
    drain: endPublic,
    stop: closePublic,
  })
  if (reloads !== undefined) lifecycle.add(reloads)

  return {
    lifecycle,
    addresses: () => addresses,
    holder,
    apply,
    reload,
    relieve: (noticeMs) => {
      ending.relieved = true
      ending.noticeMs = noticeMs ?? Math.max(ending.noticeMs, relievedNoticeMs)
    },
  }

  async function reload(): Promise<boolean> {
    return (await reloads?.reload()) ?? false
  }

  /** An operator told one process, and means all of them. */
  function reloadAll(): Promise<boolean> {
    handed?.onReload()
    return reload()
  }

  /** How the control plane reaches this very process. */
  function internalUrl(): string {
    const own = addresses.internal || `http://${fixed.listen.internal}`
    if (fixed.internalUrl === undefined || handed === undefined) return fixed.internalUrl ?? own
    // The configured one is the gateway's as a whole: the same host, another port.
    const url = new URL(fixed.internalUrl)
    url.port = new URL(own).port
    return url.origin
  }

  function openChannel(): LiveTable | undefined {
    if (fixed.controlPlane === undefined || keys.rings.control === undefined) return undefined
    const ring = () => keys.rings.control
    const calls = new ControlPlaneCalls({ url: fixed.controlPlane.url, ring, clock, random })
    return new LiveTable({
      calls,
      holder,
      site,
      instance,
      internalUrl,
      startedAt,
      version,
      clock,
      random,
      background,
      log,
    })
  }

  /** One after the other, in order of coming. */
  function apply(next: GatewayConfig): Promise<void> {
    const applied = applying.then(() => swapTo(next))
    // A failure is the caller's to tell; the next one is applied all the same.
    applying = applied.catch(() => undefined)
    return applied
  }

  async function swapTo(next: GatewayConfig): Promise<void> {
    const changed = changedKeys(unchangeable(fixed), unchangeable(fixedOf(next.yaml)))
    if (changed.length > 0) throw problems['config-needs-restart']({ keys: changed.join(', ') })
    const opened = await openKeys(next, log)
    const inFlight = () => front?.inFlight ?? 0
    standing ??= {
      site,
      instance,
      version,
      log,
      clock,
      random,
      background,
      metrics,
      holder,
      cache,
      ...counted,
      accessLog,
      places,
      inFlight,
    }
    const lease = parts.lease()
    try {
      const generation = await openGeneration({ standing, config: next, keys: opened, lease, metrics: renewed.view() })
      // The last that can be refused: from here on all of it is in force.
      await changeNodes(next, generation)
      generations.swap(generation)
    } catch (cause) {
      await lease.release()
      throw cause
    }
    keys = opened
  }

  async function changeNodes(next: GatewayConfig, generation: GatewayGeneration): Promise<void> {
    try {
      await cache?.nodes.change(next.yaml.cache.zones)
    } catch (cause) {
      await generation.close()
      throw cause
    }
  }

  function debt() {
    const { deletes, sets, oldestAgeMs } = cache?.outer.debt() ?? { deletes: 0, sets: 0, oldestAgeMs: 0 }
    return { deletes, sets, oldestAgeMs }
  }

  /** The writer part of stamps is given out by the control plane; with it away, one of the range that it leaves free. */
  async function openCache(): Promise<void> {
    const writerId = (await channel?.register())?.writerId
    const writer = writerId ?? 240 + ((hash('sha256', instance, 'buffer')[0] ?? 0) % 16)
    const ring = () => keys.rings.peers
    const table = () => holder.current
    const home = path(fixed.home)
    // What is fetched before its zones are connected could not be kept.
    const tools = { clock, random, log, metrics, background }
    cache = await openSiteCache({ yaml: fixed, home, path, instance, writer, ring, table, ...tools })
    const users = () => generations.current?.config.yaml.cache
    events = cache && openEvents({ yaml: fixed, home, instance, cache, users, table, ...tools })
  }

  /** What other sites still have to be told; a site that is away does not keep us from ending. */
  async function shipRest(): Promise<void> {
    await cache?.outer.drained(2_000)
  }

  async function listenInternal(): Promise<void> {
    const tokens = () => generations.current?.config.yaml.internal.tokens ?? []
    const credentials = liveCredentials(site, () => keys.rings, tokens, clock)
    const clients = () => generations.current?.config.yaml.cache.clients ?? []
    const current = () => generations.current
    const operators = operatorPlugins({ credentials, current, holder, reload: reloads && reloadAll, clock })
    const ofCache =
      cache === undefined || events === undefined
        ? []
        : cachePlugins({ site, cache, events, credentials, clients, table: () => holder.current, metrics, clock, log })
    internal = await internalFront({
      credentials,
      status: {
        site,
        instance: () => channel?.instance ?? instance,
        version,
        startedAt,
        state: () => lifecycle.state,
        holder,
        controlPlane: () => channel?.state ?? { connected: false, since: startedAt },
        zones: () => cache?.outer.health() ?? [],
        debt,
        config: () => reloads?.state,
      },
      metrics,
      holder,
      tokens: () => generations.current?.auth.stores,
      drain: () => drain(),
      inFlight: () => front?.inFlight ?? 0,
      ids,
      log,
      plugins: [...ofCache, ...operators],
    })
    const own = hostAndPort(fixed.listen.internal)
    addresses.internal = await internal.listen(handed === undefined ? own : { ...own, port: 0 })
    if (handed === undefined) return
    const { server } = internal
    shared = new SharedInternal(handed.internal, (request, response) => void server.emit('request', request, response))
    await shared.listen()
  }

  async function listenPorts(): Promise<void> {
    if (cache === undefined) return
    const current = () => generations.current?.config.yaml ?? config.yaml
    ports = openPorts({ config, current, cache, handed: handed?.ports, version, metrics, clock, log })
    await ports.start()
  }

  async function closeInternal(): Promise<void> {
    shared?.end()
    await internal?.close()
  }

  async function listenPublic(): Promise<void> {
    front = fastifyFront({
      pipeline: generations,
      clock,
      background,
      ids,
      maxInFlight: limits.maxInFlight,
      connections: new Connections({
        total: limits.maxConnections,
        perAddress: limits.connectionsPerAddress,
        isTrusted: (address) => generations.current?.isTrusted(address) ?? false,
      }),
      pace: {
        idleMs: ms(limits.bodyIdle),
        windowMs: ms(limits.bodyWindow),
        bytesPerSecond: bytes(limits.bodyRate),
      },
      streams,
      tunnels,
      takingMs: ms(limits.takingTimeout),
      idleMs: ms(limits.idleTimeout),
      headMs: ms(limits.headTimeout),
      headBytes: bytes(limits.head),
      targetBytes: bytes(limits.target),
      refused: metrics.counter('tidegate_requests_unparsed_total', 'Requests that never became one.', {
        code: parserCodes,
      }),
    })
    if (handed === undefined) await front.app.listen(hostAndPort(fixed.listen.public))
    else {
      await front.app.ready()
      front.server.listen({ fd: handed.public })
    }
    if (!front.server.listening) await once(front.server, 'listening')
    addresses.public = urlOf(front.server.address() as AddressInfo)
    drain = () => {
      if (lifecycle.state !== 'ready') return false
      options.end()
      return true
    }
  }

  /** Every answer is out by now; heads that never came to an end would keep their connections for long. */
  async function closePublic(): Promise<void> {
    front?.server.closeAllConnections()
    await front?.app.close()
  }

  /** Still serving, so that balancers see it first; then nothing new; then what is under way ends. */
  async function endPublic(): Promise<void> {
    if (front === undefined) return
    await drainPublic({
      front,
      shared,
      streams,
      tunnels,
      relieved: ending.relieved,
      noticeMs: ending.noticeMs,
      limitMs: ms(draining.limit),
      onNotAccepting: () => handed?.onNotAccepting(),
      log,
    })
  }
}
