import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { CacheStore } from '../store/cache-store.ts'
import type { PullPeer } from './pull-peer.ts'
import { warmthOf } from './warmth.ts'

export interface WarmthGaugeOptions {
  readonly peers: ReadonlyMap<Site, PullPeer>
  /** The zones of this site. */
  readonly inner: Pick<CacheStore, 'get'>
  readonly clock: Clock
  readonly background: Background
  readonly metrics: Metrics
  /** Between two looks, ms; default a minute. */
  readonly everyMs?: number
}

/** For each question to the other site, and each look here, ms. */
const deadlineMs = 1_000

/** How warm this site's cache is for what the others' clients ask, looked at each minute: the second gate of a move. */
export class WarmthGauge {
  readonly #options: WarmthGaugeOptions
  readonly #shares = new Map<Site, number>()
  readonly #timer: NodeJS.Timeout

  constructor(options: WarmthGaugeOptions) {
    this.#options = options
    const { metrics, peers, background, everyMs = 60_000 } = options
    metrics.gauge(
      'tidegate_cache_warm_share',
      'Of the keys that were hit at another site in the last hour, those that are here: 0 to 1. NaN: not known, or nothing was hit.',
      { site: [...peers.keys()] },
      (gauge) => {
        for (const site of peers.keys()) gauge.set({ site }, this.#shares.get(site) ?? Number.NaN)
      },
    )
    this.#timer = setInterval(() => background.run('look how warm the cache is', () => this.look()), everyMs)
    this.#timer.unref()
  }

  /** Over all namespaces that are hit there. Never rejects. */
  async look(): Promise<void> {
    for (const [site, peer] of this.#options.peers) {
      const share = await this.#shareOf(site, peer)
      if (share === undefined) this.#shares.delete(site)
      else this.#shares.set(site, share)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #shareOf(site: Site, peer: PullPeer): Promise<number | undefined> {
    const namespaces = await peer.namespaces(deadlineMs)
    let sampled = 0
    let present = 0
    for (const namespace of namespaces ?? []) {
      const warmth = await warmthOf(namespace, site, peer, this.#options.inner, this.#options.clock, deadlineMs)
      if (warmth === undefined) return undefined
      sampled += warmth.sampled
      present += warmth.present
    }
    return sampled === 0 ? undefined : present / sampled
  }
}
