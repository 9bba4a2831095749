import type { DeploymentFacts, ServiceFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'
import { Deployment, type DeploymentSettings } from './deployment.ts'
import type { LoopLag } from './loop-lag.ts'
import type { Resolve } from './resolve-each.ts'
import { Resolving } from './resolving.ts'
import type { UpstreamMetrics } from './upstream-metrics.ts'
import { type Certificates, tlsOptions } from './upstream-tls.ts'

export interface DeploymentsOptions {
  readonly site: Site
  readonly settings: DeploymentSettings
  readonly certificates: Certificates
  readonly resolve: Resolve
  readonly metrics: UpstreamMetrics
  readonly clock: Clock
  readonly lag: LoopLag
  readonly random: Random
  readonly background: Background
  readonly log: Log
}

interface Held {
  readonly deployment: Deployment
  readonly resolving: Resolving | undefined
}

/** Every deployment of this site that the table names, by service; what it no longer names is drained, then closed. */
export class Deployments {
  readonly #options: DeploymentsOptions
  readonly #held = new Map<string, Held>()
  /** By the table's own object, so that a request costs no key. */
  readonly #of = new WeakMap<ServiceFacts, Held>()

  constructor(options: DeploymentsOptions) {
    this.#options = options
  }

  /**
   * The deployment that a request of some table goes to; undefined: the service has none here. A promise where its
   * addresses are being looked up for the first time. Throws `upstream-tls` for a certificate that is not here.
   */
  of(service: ServiceFacts): Deployment | undefined | Promise<Deployment> {
    let held = this.#of.get(service)
    if (held === undefined) {
      const facts = this.#factsOf(service)
      if (facts === undefined) return undefined
      held = this.#hold(service.id, facts)
      this.#of.set(service, held)
    }
    const { deployment, resolving } = held
    return deployment.endpoints.length > 0 || resolving === undefined
      ? deployment
      : this.#resolved(deployment, resolving)
  }

  /** Follows a new table: keeps what it names, closes the rest. */
  retain(table: Table): void {
    const named = new Set<string>()
    for (const service of table.structure.value.services) {
      const facts = this.#factsOf(service)
      if (facts === undefined) continue
      const key = keyOf(service.id, facts)
      named.add(key)
      const held = this.#held.get(key)
      if (held !== undefined) held.deployment.follow(facts)
      // Asked for its health or addresses from now on, not only when the first request comes.
      else if (facts.health !== undefined || facts.resolve === 'each') this.#open(service.id, facts)
    }
    for (const [key, held] of this.#held) {
      if (named.has(key)) continue
      this.#held.delete(key)
      held.resolving?.stop()
      held.deployment.leave()
    }
  }

  get all(): Iterable<Deployment> {
    return this.#deployments()
  }

  async close(): Promise<void> {
    const held = [...this.#held.values()]
    this.#held.clear()
    for (const { resolving } of held) resolving?.stop()
    await Promise.all(held.flatMap(({ deployment }) => deployment.endpoints.map((endpoint) => endpoint.destroy())))
  }

  *#deployments(): Generator<Deployment> {
    for (const { deployment } of this.#held.values()) yield deployment
  }

  /** A handful of sites: a scan is cheaper than a map. */
  #factsOf(service: ServiceFacts): DeploymentFacts | undefined {
    return service.deployments.find((deployment) => deployment.site === this.#options.site)
  }

  #hold(service: string, facts: DeploymentFacts): Held {
    return this.#held.get(keyOf(service, facts)) ?? this.#make(service, facts)
  }

  /** Ahead of any request: what is wrong with it is told to those that come. */
  #open(service: string, facts: DeploymentFacts): void {
    try {
      this.#make(service, facts)
    } catch (cause) {
      this.#options.log.warn({ deployment: service, err: cause }, 'a deployment cannot be reached as the catalog says')
    }
  }

  #make(service: string, facts: DeploymentFacts): Held {
    const { settings, certificates, metrics, clock, lag, random, log, background, resolve } = this.#options
    const tls = tlsOptions(facts, certificates)
    if (!tls.rejectUnauthorized) {
      metrics.insecure.inc({ deployment: service })
      log.warn({ deployment: service }, 'the certificates of a deployment are not verified: it is `insecure`')
    }
    const deployment = new Deployment({
      service,
      facts,
      tls,
      settings,
      metrics,
      clock,
      lag,
      random,
      log,
      retired: (endpoint) => background.run('close the connections of a removed instance', endpoint.retire()),
    })
    const each = facts.resolve === 'each'
    const resolving = each ? new Resolving({ deployment, resolve, background, log }) : undefined
    const held = { deployment, resolving }
    this.#held.set(keyOf(service, facts), held)
    return held
  }

  async #resolved(deployment: Deployment, resolving: Resolving): Promise<Deployment> {
    await resolving.first
    if (deployment.endpoints.length === 0) throw problems['upstream-dns']({ deployment: deployment.service })
    return deployment
  }
}

/** What cannot change under open connections is a new deployment; all else is followed. */
function keyOf(service: string, { url, protocol, tls, resolve }: DeploymentFacts): string {
  const { protocol: scheme, hostname, port } = new URL(url)
  const name = tls?.sni ?? hostname
  return JSON.stringify([
    service,
    scheme,
    protocol,
    tls,
    resolve === 'each' ? [hostname, port] : scheme === 'https:' && name,
  ])
}
