import { hash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { problems as common } from '#routes/errors.ts'
import { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { Lifecycle } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { createMetrics, type Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { AccessLog } from './account/access-log.ts'
import { answerHead } from './account/answer-head.ts'
import { TrafficCounters } from './account/counters.ts'
import { report } from './account/report.ts'
import { TrafficMetrics } from './account/traffic-metrics.ts'
import { hostAndPort, urlOf } from './address.ts'
import { alsoAsk } from './auth/also-ask.ts'
import { PeerTokens } from './auth/ask-peer.ts'
import { authenticate } from './auth/authenticate.ts'
import { authorise } from './auth/authorise.ts'
import { MemoryTokenStore } from './auth/memory-token-store.ts'
import { RedisTokenStore } from './auth/redis-token-store.ts'
import type { TokenStore } from './auth/token-store.ts'
import { cacheOutcomes, responseCache } from './cache/response-cache.ts'
import { openSiteCache, type SiteCache } from './cache/site-cache.ts'
import type { GatewayConfig } from './config.ts'
import { bytes, ms } from './config-parts.ts'
import { problems } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { Adoption } from './fence/adoption.ts'
import { ControlPlaneCalls } from './fence/control-plane-calls.ts'
import { fence, fenceVerdicts } from './fence/fence.ts'
import { fileTable } from './fence/file-table.ts'
import { Interconnect } from './fence/interconnect.ts'
import { KeptTable, restore } from './fence/kept-table.ts'
import { LiveTable } from './fence/live-table.ts'
import { TableHolder } from './fence/table-holder.ts'
import { type Front, fastifyFront } from './front/fastify-front.ts'
import { internalFront } from './front/internal-front.ts'
import { parserCodes } from './front/listener.ts'
import { RequestIds } from './front/request-ids.ts'
import { clientAddress } from './intake/client-address.ts'
import { edgeSignature, markFaults } from './intake/edge-signature.ts'
import { framing } from './intake/framing.ts'
import { loopGuard } from './intake/loop-guard.ts'
import { match } from './intake/match.ts'
import { targetPhase } from './intake/target.ts'
import { trustedProxies } from './intake/trusted-proxies.ts'
import { cachePlugins } from './internal/cache-plugins.ts'
import { Credentials } from './internal/credentials.ts'
import { openRings, openTrustedKeys } from './keys.ts'
import type { Phase } from './phase.ts'
import { Pipeline } from './pipeline.ts'
import { DeploymentPools } from './upstream/deployment-pools.ts'
import { upstream } from './upstream/upstream.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  readonly version: string
  /** Begins the orderly end of this process, as SIGTERM does. */
  readonly end: () => void
}

export interface Gateway {
  readonly lifecycle: Lifecycle
  /** Bound addresses, `http://host:port`; known once it listens. */
  readonly addresses: () => { readonly public: string; readonly internal: string }
  readonly holder: TableHolder
}

/**
 * One gateway from its configuration: the order of the phases, and which adapter fills each port. The only file that knows
 * both. Throws what the configuration or a key file has wrong.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log, clock, random, version } = options
  const { yaml, path } = config
  const { site, limits } = yaml
  const startedAt = clock.now()
  const instance = yaml.instance ?? random.id()
  const metrics = createMetrics({ process: true })
  const background = new Background(log, 50_000, metrics)
  const ids = new RequestIds(random)
  const rings = await openRings(yaml.keys, path, log)
  const lifecycle = new Lifecycle(log, { drainMs: ms(yaml.drain.notice) + ms(yaml.drain.limit) + 5_000 })

  const trusted = await openTrustedKeys(path(yaml.keys.tables ?? ''))
  const holder = new TableHolder({ trusted, clock, log })
  const kept = new KeptTable(path(join(yaml.home, 'table.json')), log)

  const addresses = { public: '', internal: '' }
  const internalUrl = () => yaml.internalUrl ?? (addresses.internal || `http://${yaml.listen.internal}`)
  const channel = openChannel()

  const pools = new DeploymentPools(
    { connections: limits.deploymentConnections, inFlight: limits.deploymentInFlight, idleMs: ms(limits.upstreamIdle) },
    background,
  )
  const isTrusted = trustedProxies(yaml.trustedProxies)
  const head = { pseudonym: yaml.via, believes: (x: Exchange) => x.mark !== undefined || isTrusted(x.peer) }
  const interconnect = new Interconnect({
    ...head,
    site,
    peers: yaml.peers,
    ring: rings.peers,
    clock,
    inFlight: limits.interconnectInFlight,
    connections: limits.interconnectInFlight,
  })
  const tokens = openTokenStore()
  const peerTokens = new PeerTokens({
    peers: yaml.peers,
    ring: rings.peers,
    deadlineMs: ms(yaml.tokens.peerDeadline),
    clock,
    random,
  })
  const adoption = new Adoption(holder, clock)
  const traffic = new TrafficCounters()
  const accessLog = new AccessLog({
    site,
    clock,
    dropped: metrics.counter('tidegate_access_log_dropped_total', 'Lines that a slow disk lost.'),
  })

  holder.onChange((table) => pools.retain(table, site))
  if (channel !== undefined) holder.refresh = () => channel.refresh()
  await restore(kept, holder, log)
  holder.onChange((table) => background.run('keep the table', kept.keep(table)))

  let cache: SiteCache | undefined
  let front: Front | undefined
  let internal: FastifyInstance | undefined
  let drain: () => boolean = () => false

  /** The phases in the order of a request; on the way out their `after` runs in reverse. */
  const phases = (): Phase[] => [
    ...(yaml.log.access ? [accessLog] : []),
    new TrafficMetrics(metrics, clock, [...Object.keys(problems.entries), ...Object.keys(common.entries)]),
    traffic,
    answerHead(yaml.via),
    framing,
    targetPhase(bytes(limits.target)),
    edgeSignature({
      edge: rings.edge,
      peers: rings.peers,
      required: yaml.edgeRequired,
      clock,
      refused: metrics.counter('tidegate_marks_refused_total', 'Marks that did not verify.', { because: markFaults }),
    }),
    adoption,
    clientAddress(isTrusted),
    loopGuard(yaml.via),
    match(() => holder.current),
    fence({
      site,
      holder,
      crossing: interconnect,
      holdMs: ms(limits.hold),
      keepBodyBytes: 64 * 1024,
      clock,
      verdicts: metrics.counter('tidegate_fence_verdicts_total', 'What the fence said.', { verdict: fenceVerdicts }),
    }),
    authenticate(
      tokens === undefined ? nobody : alsoAsk({ store: tokens, sites: yaml.tokens.alsoAsk, ask: peerTokens.ask }),
    ),
    authorise,
    ...(cache === undefined || !yaml.cache.responses ? [] : [cachePhase(cache, metrics)]),
    upstream({
      ...head,
      site,
      pools,
      retried: metrics.counter('tidegate_upstream_retries_total', 'Requests sent again.'),
    }),
  ]

  lifecycle
    // First in, last out: what the other parts began ends when they have ended.
    .add({ name: 'background', stop: () => background.settle(2_000) })
    .add({ name: 'access log', stop: () => accessLog.close() })
    .add({ name: 'services', stop: () => pools.close() })
    .add({ name: 'interconnect', stop: () => interconnect.close() })
    .add({ name: 'tokens', stop: async () => void (await Promise.all([tokens?.close(), peerTokens.close()])) })
    .add({ name: 'cache', start: openCache, drain: shipRest, stop: async () => cache?.outer.close() })
    .add({ name: 'internal listener', start: listenInternal, stop: async () => internal?.close() })
  if (channel !== undefined) lifecycle.add(channel)
  if (yaml.table !== undefined) lifecycle.add(fileTable(path(yaml.table.file), holder, background))
  if (channel !== undefined) {
    const connected = () => channel.state.connected
    lifecycle.add(
      report({ adoption, traffic, debt, connected, send: (counters) => channel.report(counters), clock, background }),
    )
  }
  lifecycle.add({
    name: 'public listener',
    start: listenPublic,
    drain: drainPublic,
    stop: closePublic,
  })

  return { lifecycle, addresses: () => addresses, holder }

  function openChannel(): LiveTable | undefined {
    if (yaml.controlPlane === undefined || rings.control === undefined) return undefined
    const calls = new ControlPlaneCalls({ url: yaml.controlPlane.url, ring: rings.control, clock, random })
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

  function openTokenStore(): TokenStore | undefined {
    const { driver, url, file, key, hash: hashing, deadline } = yaml.tokens
    if (driver === 'redis' && url !== undefined) {
      return new RedisTokenStore({ url, key, hash: hashing, deadlineMs: ms(deadline), clock, log })
    }
    return driver === 'memory' && file !== undefined
      ? new MemoryTokenStore({ file: path(file), clock, log })
      : undefined
  }

  function cachePhase({ outer, stamps }: SiteCache, registry: Metrics): Phase {
    return responseCache({
      store: outer,
      newStamp: () => stamps.next(),
      deadlineMs: ms(yaml.cache.readDeadline),
      clock,
      background,
      outcomes: registry.counter('tidegate_response_cache_total', 'What the response cache did.', {
        outcome: cacheOutcomes,
      }),
    })
  }

  function debt() {
    const { deletes, sets, oldestAgeMs } = cache?.outer.debt() ?? { deletes: 0, sets: 0, oldestAgeMs: 0 }
    return { deletes, sets, oldestAgeMs }
  }

  /** The writer part of stamps is given out by the control plane; with it away, one of the range that it leaves free. */
  async function openCache(): Promise<void> {
    const writerId = (await channel?.register())?.writerId
    const writer = writerId ?? 240 + ((hash('sha256', instance, 'buffer')[0] ?? 0) % 16)
    cache = openSiteCache({ yaml, writer, ring: rings.peers, clock, random, log, metrics, background })
  }

  /** What other sites still have to be told; a site that is away does not keep us from ending. */
  async function shipRest(): Promise<void> {
    await cache?.outer.drained(2_000)
  }

  async function listenInternal(): Promise<void> {
    const credentials = new Credentials({
      audience: `gateway:${site}`,
      control: rings.control,
      peers: rings.peers,
      tokens: yaml.internal.tokens,
      clock,
    })
    const { clients } = yaml.cache
    const plugins = cache === undefined ? [] : cachePlugins({ cache, credentials, clients, clock, log })
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
      },
      metrics,
      holder,
      tokens,
      drain: () => drain(),
      inFlight: () => front?.inFlight ?? 0,
      ids,
      log,
      plugins,
    })
    addresses.internal = await internal.listen(hostAndPort(yaml.listen.internal))
  }

  async function listenPublic(): Promise<void> {
    front = fastifyFront({
      pipeline: new Pipeline(phases(), log),
      clock,
      background,
      ids,
      maxInFlight: limits.maxInFlight,
      maxConnections: limits.maxConnections,
      idleMs: ms(limits.idleTimeout),
      headMs: ms(limits.headTimeout),
      headBytes: bytes(limits.head),
      refused: metrics.counter('tidegate_requests_unparsed_total', 'Requests that never became one.', {
        code: parserCodes,
      }),
    })
    await front.app.listen(hostAndPort(yaml.listen.public))
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
  async function drainPublic(): Promise<void> {
    if (front === undefined) return
    front.drain()
    await new Promise((resolve) => setTimeout(resolve, ms(yaml.drain.notice)))
    front.server.close()
    front.server.closeIdleConnections()
    const limit = setTimeout(() => {
      log.warn({ inFlight: front?.inFlight }, 'requests did not end within the drain limit')
      front?.server.closeAllConnections()
    }, ms(yaml.drain.limit))
    await front.idle()
    clearTimeout(limit)
  }
}

/** Without a token store no token is anybody's. */
const nobody = async (): Promise<undefined> => undefined
