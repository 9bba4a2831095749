import type { FastifyPluginAsync } from 'fastify'
import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { ms } from '../config-parts.ts'
import type { InternalCall } from '../internal/credentials.ts'
import type { FixedYaml } from '../reload/fixed-config.ts'
import type { CacheStore, Stamp } from '../store/cache-store.ts'
import { HitSample } from './hit-sample.ts'
import { HttpPullPeer, type HttpPullPeerOptions } from './http-pull-peer.ts'
import { PullBudget } from './pull-budget.ts'
import type { PullPeer } from './pull-peer.ts'
import { pullRoutes } from './pull-routes.ts'
import { pullOutcomes, WarmStore } from './warm-store.ts'
import { WarmthGauge } from './warmth-gauge.ts'

export interface OpenWarmUpOptions {
  readonly yaml: Pick<FixedYaml, 'cache' | 'peers'>
  readonly outer: CacheStore
  /** The zones of this site alone. */
  readonly inner: CacheStore
  readonly newStamp: () => Stamp
  /** Headers that prove to a site who calls. */
  readonly signer: (site: Site) => HttpPullPeerOptions['sign']
  readonly clock: Clock
  readonly background: Background
  readonly metrics: Metrics
}

export interface WarmUp {
  /** In front of `outer`. Closing it closes `outer`, too. */
  readonly store: WarmStore
  readonly peers: ReadonlyMap<Site, PullPeer>
  /** What peers ask of this site. */
  readonly routes: (isPeer: (call: InternalCall) => Promise<boolean>) => FastifyPluginAsync
  close(): Promise<void>
}

/** In hand at the start and after a quiet time: a cold site learns its first keys at once. */
const inHand = 50

/** Pulling, sampling and the comparison of sites, from configuration. A site is asked by this one alone, never for a third. */
export function openWarmUp(options: OpenWarmUpOptions): WarmUp {
  const { yaml, outer, inner, newStamp, signer, clock, background, metrics } = options
  const { namespaces, warmUp, readDeadline } = yaml.cache
  const peers = new Map<Site, PullPeer>(
    Object.entries(yaml.peers).map(([site, { internal }]) => [
      site,
      new HttpPullPeer({ origin: internal, sign: signer(site) }),
    ]),
  )
  const sample = new HitSample(clock)
  const outcomes = metrics.counter('tidegate_cache_pulls_total', 'Misses that another site was to be asked about.', {
    outcome: pullOutcomes,
  })
  const store = new WarmStore({
    outer,
    inner,
    // The first one: whoever has several other sites names the one to warm up from first.
    peer: peers.values().next().value,
    pulls: (namespace) => namespaces[namespace]?.warm === 'pull',
    budget: new PullBudget({ share: warmUp.share / 100, most: warmUp.share === 0 ? 0 : inHand }),
    deadlineMs: ms(warmUp.deadline),
    sample,
    newStamp,
    clock,
    background,
    told: (outcome) => outcomes.inc({ outcome }),
  })
  const gauge = new WarmthGauge({ peers, inner, clock, background, metrics })
  const deadlineMs = ms(readDeadline)
  return {
    store,
    peers,
    routes: (isPeer) => (app) => pullRoutes(app, { inner, sample, isPeer, clock, deadlineMs }),
    close: async () => {
      gauge.close()
      await Promise.all([...peers.values()].map((peer) => peer.close()))
    },
  }
}
