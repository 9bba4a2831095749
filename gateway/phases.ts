/**
 * THE LIST OF PHASES, and which adapter fills each port, for one configuration: the only file that knows both. It is run
 * again at each reload. Where to wire what you add:
 * - a phase: in `phases` below, in the order of a request;
 * - a part behind it that holds connections or what it learned (pools, stores, health): `lease.take(name, settings, open,
 *   close)`. `settings` is all of the configuration that it is made from: while that is equal, the next generation goes on
 *   with the same part; else it gets a new one, and the old one closes when its last request has ended;
 * - what must outlive every configuration (rows on their way to the control plane, the cache): `standing.ts`, made in
 *   `gateway.ts`. What that is made from belongs into `reload/fixed-config.ts`;
 * - a metric: from `metrics`, here; it goes on counting over reloads.
 */
import { problems as common } from '#routes/errors.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { answerHead } from './account/answer-head.ts'
import { explained } from './account/explained.ts'
import { LeavingRoutes } from './account/leaving-routes.ts'
import { Recorder } from './account/recorder.ts'
import { trace } from './account/trace.ts'
import { TrafficMetrics } from './account/traffic-metrics.ts'
import { readAuthSecrets } from './auth/auth-secrets.ts'
import { type Auth, openAuth } from './auth/open-auth.ts'
import { openResponseCache } from './cache/open-response-cache.ts'
import type { GatewayConfig } from './config.ts'
import { bytes, ms } from './config-parts.ts'
import { echo, echoOutcomes } from './echo/echo.ts'
import { problems } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { GuardedExtension } from './extensions/guarded-extension.ts'
import { openExtensions } from './extensions/open-extensions.ts'
import { fence, fenceVerdicts } from './fence/fence.ts'
import { Interconnect } from './fence/interconnect.ts'
import { onPurpose } from './fence/on-purpose.ts'
import { tunnelPlaces, tunnelShares } from './front/tunnel-places.ts'
import { bodyMeaning } from './intake/body-meaning.ts'
import { clientAddress } from './intake/client-address.ts'
import { edgeSignature, markFaults } from './intake/edge-signature.ts'
import { framing } from './intake/framing.ts'
import { loopGuard } from './intake/loop-guard.ts'
import { match } from './intake/match.ts'
import { ownCookies } from './intake/own-cookies.ts'
import { routeComparison, routeDifferences } from './intake/route-comparison.ts'
import { targetPhase } from './intake/target.ts'
import { type TrustedProxies, trustedProxies } from './intake/trusted-proxies.ts'
import { isTokenOf } from './internal/credentials.ts'
import type { Keys } from './keys.ts'
import { openLimits } from './limits/open-limits.ts'
import type { Phase } from './phase.ts'
import { Pipeline } from './pipeline.ts'
import type { Generation } from './reload/generations.ts'
import type { Lease } from './reload/shared-parts.ts'
import type { Standing } from './standing.ts'
import { openTransforms } from './transform/open-transforms.ts'
import { stickyOffer } from './transform/sticky-offer.ts'
import { upstream } from './upstream/upstream.ts'
import { openUpstreams, type Upstreams } from './upstream/upstreams.ts'

/** What the internal listener needs of the configuration in force. */
export interface GatewayGeneration extends Generation {
  readonly config: GatewayConfig
  readonly keys: Keys
  readonly isTrusted: TrustedProxies
  readonly auth: Auth
  readonly upstreams: Upstreams
  readonly extensions: readonly GuardedExtension[]
  readonly recorder: Recorder
}

export interface GenerationOptions {
  readonly standing: Standing
  readonly config: GatewayConfig
  readonly keys: Keys
  readonly lease: Lease
  /** This generation's view. */
  readonly metrics: Metrics
}

/** The pipeline of one configuration. Rejects with what it has wrong; what was opened by then `lease` gives back. */
export async function openGeneration(options: GenerationOptions): Promise<GatewayGeneration> {
  const { standing, config, keys, lease, metrics } = options
  const { site, holder, clock, random, log, background, cache, adoption, traffic, marks, accessLog, places } = standing
  const { yaml, path } = config
  const { limits } = yaml
  const { rings } = keys

  const isTrusted = trustedProxies(yaml.trustedProxies)
  const head = {
    pseudonym: yaml.viaOn.requests ? yaml.via : undefined,
    believes: (x: Exchange) => x.mark !== undefined || isTrusted(x.peer),
  }
  const services = openUpstreams({ yaml, path, lease, holder, metrics, clock, random, background, log })
  const interconnect = openInterconnect()
  const auth = openCallers()
  const rates = openRates()
  const transforms = openTransforms({
    site,
    head: { ...head, ...auth.head },
    certificates: yaml.upstreams.certificates,
    path,
    filled: () => standing.inFlight() / limits.maxInFlight,
    lease,
    holder,
    metrics,
    clock,
    background,
    log,
  })
  const recorder = openRecorder()
  const codes = [...Object.keys(problems.entries), ...Object.keys(common.entries)]
  const trafficMetrics = new TrafficMetrics(metrics, clock, codes)
  const responses = openResponses()
  forgetRoutes()
  const spans = await openSpans()
  const extensions = await openExtensions({ yaml: yaml.extensions, path, clock, log, metrics })

  const phases: Phase[] = [
    ...(yaml.log.access ? [accessLog] : []),
    trafficMetrics,
    traffic,
    ...(yaml.recorder.on ? [recorder] : []),
    trace({ spans, create: yaml.trace.create, sample: yaml.trace.sample, random }),
    answerHead(yaml.viaOn.answers ? yaml.via : undefined),
    ...extensions.at('log'),
    ...extensions.at('header'),
    framing({ fields: limits.fields, bytes: bytes(limits.head) }),
    targetPhase(bytes(limits.target)),
    edgeSignature({
      edge: rings.edge,
      peers: rings.peers,
      required: yaml.edgeRequired,
      clock,
      refused: metrics.counter('tidegate_marks_refused_total', 'Marks that did not verify.', { because: markFaults }),
    }),
    adoption,
    onPurpose,
    clientAddress(isTrusted),
    loopGuard(yaml.via),
    echo({
      ring: rings.control,
      site,
      instance: standing.instance,
      keepAliveMs: ms(limits.idleTimeout),
      table: () => holder.current,
      clock,
      log,
      echoes: metrics.counter('tidegate_echoes_total', "Doctor's questions.", { outcome: echoOutcomes }),
    }),
    ownCookies(rings.edge, clock),
    explained(mayExplain),
    ...extensions.at('access'),
    transforms.preflight,
    match(() => holder.current),
    routeComparison({
      strict: yaml.edgeRequired,
      counts: marks,
      differences: metrics.counter(
        'tidegate_route_differences_total',
        'Routes that an edge signed and that are others here.',
        {
          difference: routeDifferences,
        },
      ),
    }),
    transforms.cors,
    tunnelPlaces(places, limits.tunnels),
    rates.shed,
    rates.byAddress,
    fence({
      site,
      holder,
      crossing: responses?.invalidation.crossing(interconnect) ?? interconnect,
      holdMs: ms(limits.hold),
      keepBodyBytes: 64 * 1024,
      clock,
      verdicts: metrics.counter('tidegate_fence_verdicts_total', 'What the fence said.', { verdict: fenceVerdicts }),
    }),
    transforms.addressRules,
    bodyMeaning,
    auth.authenticate,
    auth.authorise,
    stickyOffer({ ring: rings.edge, clock, random }),
    tunnelShares(places, limits.tunnelsPerConsumer),
    rates.byIdentity,
    rates.inFlight,
    ...extensions.at('body'),
    transforms.validate,
    transforms.gatewayAnswer,
    transforms.compress,
    transforms.answerEdits,
    ...(responses === undefined ? [] : [responses.phase]),
    ...extensions.at('upstream'),
    transforms.rewrite,
    transforms.mirror,
    upstream({
      ...head,
      ...auth.head,
      site,
      deployments: services.deployments,
      metrics: services.metrics,
      caches: responses !== undefined && yaml.cache.responses,
      clock,
      random,
    }),
  ]

  const close = async (): Promise<void> => {
    await extensions.close()
    await lease.release()
  }
  const pipeline = new Pipeline(phases, log)
  return { pipeline, config, keys, isTrusted, auth, upstreams: services, extensions: extensions.all, recorder, close }

  function mayExplain(token: string): boolean {
    return yaml.internal.tokens.some(({ sha256, scopes }) => scopes.includes('explain') && isTokenOf(token, sha256))
  }

  /** The numbers of a route that left end ten minutes later, or a year of moves would fill every scrape. */
  function forgetRoutes(): void {
    lease.take(
      'series of routes',
      {},
      () => {
        const leaving = new LeavingRoutes(clock, holder.current?.index.routes)
        const forget = holder.onChange((table) => leaving.follow(table.index.routes))
        const timer = setInterval(() => background.run('forget routes that left', forgotten(leaving.gone())), 60_000)
        return { forget, timer: timer.unref() }
      },
      async ({ forget, timer }) => {
        forget()
        clearInterval(timer)
      },
    )
  }

  async function forgotten(routes: readonly string[]): Promise<void> {
    await trafficMetrics.forget(routes)
    for (const route of routes) await responses?.counts.requests.forget('route', route)
  }

  /** What was seen outlives a reload. */
  function openRecorder(): Recorder {
    return lease.take(
      'recorder',
      {},
      () => {
        const opened = new Recorder(clock)
        const forget = holder.onChange((table) => opened.retain(table.index.routes))
        return { opened, forget }
      },
      async ({ forget }) => forget(),
    ).opened
  }

  /** Loaded only where somebody collects: it is as large as all the rest of this program. */
  async function openSpans() {
    const { otlp: url } = yaml.trace
    if (url === undefined) return undefined
    const { OtlpSpans } = await import('./account/otlp-spans.ts')
    const { instance, version } = standing
    return lease.take(
      'spans',
      { url },
      () => new OtlpSpans({ url, site, instance, version }),
      (opened) => opened.close(),
    )
  }

  /** What was counted goes on being counted: a reload must not give everybody a fresh limit. */
  function openRates() {
    const { inFlight } = standing
    const limit = limits.maxInFlight
    return lease.take(
      'limits',
      yaml.rates,
      () => openLimits({ yaml: yaml.rates, inFlight, limit, clock, random, log, metrics }),
      (opened) => opened.close(),
    )
  }

  function openInterconnect(): Interconnect {
    const { peers, via, trustedProxies: proxies } = yaml
    const inFlight = limits.interconnectInFlight
    return lease.take(
      'interconnect',
      { peers, via, proxies, inFlight, keys: keys.digest },
      () => new Interconnect({ ...head, site, peers, ring: rings.peers, clock, inFlight, connections: inFlight }),
      (opened) => opened.close(),
    )
  }

  /** What is kept of callers goes on being kept, unless it would be looked up otherwise. */
  function openCallers(): Auth {
    const { tokens, apiKeys, jwt, identity, peers } = yaml
    const secrets = readAuthSecrets({ tokens, identity, path, env: process.env, log })
    return lease.take(
      'auth',
      { tokens, apiKeys, jwt, identity, peers, keys: keys.digest, secrets: secrets.digest },
      () => openAuth({ yaml, path, secrets, peerRing: rings.peers, clock, random, background, log, metrics }),
      (opened) => opened.close(),
    )
  }

  function openResponses() {
    if (cache === undefined) return undefined
    const told: NonNullable<Phase['closed']> = (x, answer, ending) => {
      traffic.closed(x, answer)
      if (yaml.recorder.on) recorder.closed(x, answer, ending)
    }
    const { cache: ofCache, apiKeys } = yaml
    const service = { ...head, ...auth.head }
    const keyHeaders = apiKeys.pass ? apiKeys.headers : []
    const { inner, stamps, channel, warm } = cache
    const stores = { inner, stamps, channel, outer: warm.store }
    const shared = { site, cache: stores, holder, lease, clock, background, log, metrics }
    return openResponseCache({ ...shared, yaml: ofCache, keyHeaders, head: service, told })
  }
}
