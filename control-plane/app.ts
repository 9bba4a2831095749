import type { AddressInfo } from 'node:net'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { Lifecycle } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { accessApi } from './access/api.ts'
import type { GateOptions } from './access/gate.ts'
import { ownHosts } from './access/same-site.ts'
import { SeenCalls } from './access/seen-calls.ts'
import { LoginLinks, Sessions } from './access/session.ts'
import { TokenBook } from './access/token.ts'
import { auditApi } from './audit/api.ts'
import { cacheApi } from './cache/api.ts'
import { catalogApi } from './catalog/api.ts'
import type { ControlPlaneYaml } from './config.ts'
import { edgePublishingApi } from './edge/api.ts'
import { EdgeEvidence } from './edge/edge-evidence.ts'
import { EdgePublishing } from './edge/edge-publishing.ts'
import type { BuildScript } from './edge/script-builder.ts'
import { edgeWordsApi } from './edge/words-api.ts'
import { gatewayProxy } from './gateways/gateway-proxy.ts'
import type { Keys } from './keys.ts'
import { closeListener, createListener, showMore } from './listener.ts'
import { liveApi } from './live/api.ts'
import { consoleFiles } from './live/console-files.ts'
import { Events } from './live/events.ts'
import { fleetMetrics } from './live/fleet-metrics.ts'
import { healthApi } from './live/health.ts'
import { tellCounters } from './live/tell-counters.ts'
import { ObservedTraffic } from './live/traffic.ts'
import { movesApi } from './moves/api.ts'
import { openApi } from './open-api.ts'
import type { Plane } from './plane.ts'
import { openStore } from './store/database.ts'
import { SightingLedger } from './tables/adoption.ts'
import { tableProgramsApi } from './tables/api.ts'
import { FleetAsker } from './tables/ask-fleet.ts'
import { EdgeFeed } from './tables/edge-feed.ts'
import { TableFeed } from './tables/feed.ts'
import { Fleet } from './tables/fleet.ts'
import { Members } from './tables/members.ts'
import { tableOperatorsApi } from './tables/operators-api.ts'
import { Publisher } from './tables/publisher.ts'
import { reseal } from './tables/reseal.ts'
import { sweepMembers } from './tables/sweep-members.ts'

export interface ControlPlaneOptions {
  readonly config: ControlPlaneYaml
  readonly keys: Keys
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly version: string
  /** Secrets that the configuration names stand here; default: none do. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** For tests: another way to build the edge script. */
  readonly buildEdgeScript?: BuildScript | undefined
}

export interface ControlPlane {
  readonly lifecycle: Lifecycle
  readonly plane: Plane
  /** The public listener; for tests that inject. */
  readonly app: FastifyInstance
  /** `host:port` of both listeners, once they are bound. */
  addresses(): { readonly public: string; readonly internal: string; readonly url: string }
}

/** The composition root: the only place that knows every slice and every adapter. Nothing listens before its start. */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { config, keys, clock, random, log, version } = options
  const metrics = createMetrics({ process: true })
  const lifecycle = new Lifecycle(log, { startMs: 10_000, drainMs: 10_000, stopMs: 10_000 })
  const background = new Background(log, 1_000, metrics)

  const store = await openStore(config.home === ':memory:' ? undefined : config.home, clock.now())
  const feed = new TableFeed()
  await feed.load(store.records.tables)
  const members = new Members(clock)
  members.load(await store.records.gateways.all())
  const publisher = new Publisher(store, feed, keys.sealer)
  const asker = new FleetAsker(keys.rings, clock, random)
  const fleet = new Fleet({
    asker,
    trusted: keys.trusted,
    gateways: config.gateways.map(({ site, internalUrl }) => ({ site, url: internalUrl })),
    edges: config.edges,
    members,
    feed,
    publisher,
    clock,
    log,
  })
  const edgeFeed = new EdgeFeed(feed, members, background)
  const edgeEvidence = new EdgeEvidence(clock)
  const { environment } = config
  const publishing =
    config.cloudflare === undefined
      ? undefined
      : new EdgePublishing(
          { store, edgeFeed, edgeEvidence, background, clock, random, log, environment },
          { config: config.cloudflare, env: options.env ?? {}, keys, metrics, build: options.buildEdgeScript },
        )
  const plane: Plane = {
    store,
    feed,
    edgeFeed,
    edgeEvidence,
    publishing,
    publisher,
    members,
    sightings: new SightingLedger(),
    traffic: new ObservedTraffic(clock),
    events: new Events(),
    fleet,
    background,
    clock,
    random,
    log,
    environment,
    version,
    startedAt: clock.now(),
  }

  fleetMetrics(metrics, plane)

  const tokens = new TokenBook(clock)
  const sessions = new Sessions(clock)
  for (const entry of await store.records.access.tokens()) tokens.put(entry)
  for (const entry of await store.records.access.sessions()) sessions.put(entry)
  for (const { name, sha256, scopes } of config.bootstrapTokens) {
    const times = { createdBy: 'configuration', createdAt: clock.now(), expiresAt: Number.MAX_SAFE_INTEGER }
    tokens.put({ id: `bootstrap-${name}`, name, sha256, scopes, ...times })
  }

  const publicUrl = () => config.publicUrl ?? `http://${addressOf(app)}`
  const hosts = () => ownHosts(publicUrl(), portOf(app))
  const cookieName = config.publicUrl?.startsWith('https:') ? '__Host-tidegate_session' : 'tidegate_session'
  const gate: GateOptions = {
    tokens,
    sessions,
    rings: keys.rings,
    seenCalls: new SeenCalls(clock),
    clock,
    ownHosts: hosts,
    cookieName,
  }
  const isReady = () => lifecycle.state === 'ready'

  const app = await createListener(gate, log, random)
  await app.register(swagger, openApi(version))
  await app.register(async (api) => {
    showMore(api)
    api.get(
      '/api/v1/openapi.json',
      { config: { access: { kind: 'operator', action: 'status.read' } }, schema: { hide: true } },
      () => app.swagger(),
    )
    healthApi(api, metrics, isReady)
    catalogApi(api, plane)
    movesApi(api, plane)
    tableOperatorsApi(api, plane)
    tableProgramsApi(api, plane)
    auditApi(api, plane)
    cacheApi(api, plane, keys)
    edgePublishingApi(api, plane)
    edgeWordsApi(api, plane, keys)
    liveApi(api, plane)
    await gatewayProxy(api, plane, keys)
    const links = new LoginLinks(clock, random)
    accessApi(api, { store, tokens, sessions, links, clock, random, publicUrl, ownHosts: hosts, cookieName })
    if (config.console !== undefined) await consoleFiles(api, config.console)
  })
  const internal = await createListener(gate, log, random)
  healthApi(internal, metrics, isReady)

  lifecycle
    .add({ name: 'store', stop: () => store.close() })
    .add({ name: 'background work', stop: () => background.settle(2_000) })
    .add({
      name: 'recovery',
      // Not waited for: tables are served from the store at once, and changes queue behind it by themselves.
      start: async () =>
        background.run('ask the fleet how far numbers have gone', recoverAndReseal(plane, keys.sealingId)),
    })
    .add({
      name: 'internal listener',
      start: () => listen(internal, config.listen.internal),
      stop: () => closeListener(internal),
    })
    .add({ name: 'public listener', start: () => listen(app, config.listen.public), stop: () => closeListener(app) })
    .add(tellCounters(plane))
    .add(sweepMembers(plane))
  if (publishing !== undefined) lifecycle.add(publishing.part)

  const addresses = () => ({ public: addressOf(app), internal: addressOf(internal), url: publicUrl() })
  return { lifecycle, plane, app, addresses }
}

async function recoverAndReseal(plane: Plane, sealingId: string): Promise<void> {
  await plane.fleet.recoverAtStart()
  await reseal(plane, sealingId)
}

async function listen(app: FastifyInstance, address: string): Promise<void> {
  const colon = address.lastIndexOf(':')
  await app.listen({ host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) })
}

function addressOf(app: FastifyInstance): string {
  const { address, family, port } = (app.server.address() ?? {
    address: '127.0.0.1',
    family: 'IPv4',
    port: 0,
  }) as AddressInfo
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo | null)?.port ?? 0
}
