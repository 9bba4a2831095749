import type { DeploymentFacts } from '#routes/structure.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { type Admission, Breaker, passed, type Verdict } from './breaker.ts'
import { byKey, leastOfTwo, panics } from './choose.ts'
import { Endpoint } from './endpoint.ts'
import type { LoopLag } from './loop-lag.ts'
import { mayEject } from './outlier.ts'
import { Recent } from './recent.ts'
import { RetryBudget } from './retry-budget.ts'
import type { UpstreamMetrics } from './upstream-metrics.ts'
import type { TlsOptions } from './upstream-tls.ts'

export interface DeploymentSettings {
  /** Connections to one endpoint. */
  readonly connections: number
  /** Requests under way or waiting, where the catalog says nothing. */
  readonly inFlight: number
  /** An idle connection is closed by us after so long at most, ms. */
  readonly idleMs: number
  readonly ejection: boolean
  readonly panicBelow: number
  readonly breaker: boolean
  readonly retryBudget: boolean
}

export interface DeploymentOptions {
  readonly service: string
  readonly facts: DeploymentFacts
  readonly tls: TlsOptions
  readonly settings: DeploymentSettings
  readonly metrics: UpstreamMetrics
  readonly clock: Clock
  readonly lag: LoopLag
  readonly random: Random
  readonly log: Log
  /** Takes over an endpoint that left: its requests end, then its connections. */
  readonly retired: (endpoint: Endpoint) => void
}

const [requests, sends] = [0, 1]
const ledgerSlots = 60

/** Where one service runs at this site: its endpoints, which of them a request takes, and when it takes none. */
export class Deployment {
  readonly service: string
  readonly breaker = new Breaker()
  readonly budget = new RetryBudget()
  readonly underWay = { inFlight: 0 }
  readonly #options: DeploymentOptions
  readonly #ledger = new Recent(2, ledgerSlots)
  #facts: DeploymentFacts
  #prefix = ''
  #endpoints: readonly Endpoint[] = []

  constructor(options: DeploymentOptions) {
    this.#options = options
    this.service = options.service
    this.#facts = options.facts
    this.follow(options.facts)
  }

  get facts(): DeploymentFacts {
    return this.#facts
  }

  /** Path of the deployment's URL that goes before each target; mostly ''. */
  get prefix(): string {
    return this.#prefix
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints
  }

  get inFlightLimit(): number {
    return this.#facts.maxInFlight ?? this.#options.settings.inFlight
  }

  /** What the newest table says of it. Endpoints that stay keep their connections and what is known of them. */
  follow(facts: DeploymentFacts): void {
    this.#facts = facts
    this.#prefix = new URL(facts.url).pathname.replace(/\/$/, '')
    if (facts.resolve !== 'each') this.have([facts.url, ...(facts.more ?? [])].map((url) => new URL(url).origin))
  }

  /** Exactly these origins are its endpoints from now on. */
  have(origins: readonly string[]): void {
    const wanted = new Set(origins)
    const before = new Map(this.#endpoints.map((endpoint) => [endpoint.origin, endpoint]))
    const first = before.size === 0
    this.#endpoints = [...wanted].map((origin) => before.get(origin) ?? this.#open(origin, first))
    for (const [origin, endpoint] of before) if (!wanted.has(origin)) this.#options.retired(endpoint)
  }

  /** No table names it any more. Requests that began under an older one are still sent, each on a connection of its own. */
  leave(): void {
    for (const endpoint of this.#endpoints) this.#options.retired(endpoint)
  }

  /** Of one client's request, before it is sent; `refused`: the breaker is open. */
  admit(nowMs: number): Admission {
    this.#ledger.add(requests, nowMs)
    this.budget.request(nowMs)
    return this.#options.settings.breaker ? this.breaker.admit(nowMs) : passed
  }

  /** The endpoint for a try, never `tried`; undefined: there is no other. `key`: the client's, where it is to stay with one. */
  choose(key: string | undefined, tried: Endpoint | undefined, nowMs: number): Endpoint | undefined {
    const endpoints = this.#endpoints
    if (endpoints.length === 1) return endpoints[0] === tried ? undefined : endpoints[0]
    const { settings, metrics, random } = this.#options
    const panic = panics(endpoints, settings.panicBelow, nowMs)
    if (panic) metrics.panics.inc({ deployment: this.service })
    return key === undefined
      ? leastOfTwo(endpoints, tried, panic, nowMs, random)
      : byKey(endpoints, key, tried, panic, nowMs)
  }

  /** A try goes to `endpoint`. True: it is the probe that decides about its return. */
  sent(endpoint: Endpoint, nowMs: number): boolean {
    this.#ledger.add(sends, nowMs)
    return endpoint.reputation.sent(nowMs)
  }

  /** How a try ended, or that its answer broke off later. */
  record(endpoint: Endpoint, probe: boolean, admission: Admission, verdict: Verdict, nowMs: number): void {
    this.#recordBreaker(admission, verdict, nowMs)
    const { reputation } = endpoint
    if (probe) {
      if (reputation.probed(verdict, nowMs)) endpoint.startSlowly(nowMs)
      this.#tell(endpoint, verdict === 'good' ? 'an instance is back by its probe' : 'an instance failed its probe')
    } else if (verdict !== 'neither' && reputation.record(verdict === 'bad', nowMs)) {
      this.#eject(endpoint, nowMs)
    }
  }

  mayRetry(nowMs: number): boolean {
    return !this.#options.settings.retryBudget || this.budget.take(nowMs)
  }

  /** By an operator. False: then more than half would be out. */
  eject(endpoint: Endpoint, nowMs: number, forMs: number): boolean {
    if (!this.#mayEject(endpoint, nowMs)) return false
    endpoint.reputation.eject(nowMs, forMs)
    return true
  }

  /** Sends and requests of the last minute: what retries add to the load. */
  traffic(nowMs: number): { readonly requests: number; readonly sends: number } {
    return { requests: this.#ledger.sum(requests, nowMs), sends: this.#ledger.sum(sends, nowMs) }
  }

  #recordBreaker(admission: Admission, verdict: Verdict, nowMs: number): void {
    if (!this.#options.settings.breaker) return
    const before = this.breaker.state(nowMs)
    this.breaker.record(admission, verdict, nowMs)
    const after = this.breaker.state(nowMs)
    if (before === after) return
    this.#options.metrics.breaker.inc({ deployment: this.service, to: after })
    this.#options.log.info({ deployment: this.service, from: before, to: after }, 'a circuit breaker turned')
  }

  #eject(endpoint: Endpoint, nowMs: number): void {
    if (!this.#options.settings.ejection || !this.#mayEject(endpoint, nowMs)) return
    endpoint.reputation.eject(nowMs)
    this.#options.metrics.ejections.inc({ deployment: this.service })
    this.#tell(endpoint, 'an instance is left out: it fails while others do not')
  }

  #mayEject(endpoint: Endpoint, nowMs: number): boolean {
    const out = this.#endpoints.filter((other) => other !== endpoint && other.reputation.state(nowMs) !== 'in').length
    return mayEject(this.#endpoints.length, out)
  }

  #tell(endpoint: Endpoint, sentence: string): void {
    const { ejections } = endpoint.reputation
    this.#options.log.info({ deployment: this.service, endpoint: endpoint.id, ejections }, sentence)
  }

  #open(origin: string, first: boolean): Endpoint {
    const { tls, settings, metrics, clock, lag } = this.#options
    const endpoint: Endpoint = new Endpoint({
      origin,
      tls,
      protocol: this.#facts.protocol ?? 'http/1.1',
      connections: settings.connections,
      idleMs: settings.idleMs,
      clock,
      lag,
      underWay: this.underWay,
      events: {
        stale: () => metrics.stale.inc({ deployment: this.service }),
        broken: () => this.record(endpoint, false, passed, 'bad', clock.monotonic()),
      },
    })
    // The first ones share the load from the start; a later one joins others that are warm.
    if (!first) endpoint.startSlowly(clock.monotonic())
    return endpoint
  }
}
