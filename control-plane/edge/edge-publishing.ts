import { setTimeout as pause } from 'node:timers/promises'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { readSecret } from '#server-kit/secret.ts'
import type { CloudflareStatus } from '../api-client/cloudflare-schema.ts'
import { publicationStates } from '../api-client/cloudflare-schema.ts'
import type { Keys } from '../keys.ts'
import type { Store } from '../records.ts'
import type { EdgeFeed } from '../tables/edge-feed.ts'
import { type CloudflareApi, CloudflareClient, type Reply, type Share } from './cloudflare-client.ts'
import type { CloudflareYaml } from './cloudflare-config.ts'
import { Driver } from './driver.ts'
import type { EdgeEvidence } from './edge-evidence.ts'
import { channelStates } from './health.ts'
import { KvChannel } from './kv-channel.ts'
import { type BuildScript, buildInProcess } from './script-builder.ts'
import { type PublicationAuthor, ScriptPublisher } from './script-publisher.ts'
import { smokeOverHttp } from './smoke-test.ts'

/** What of the control plane it works with. */
export interface Surroundings {
  readonly store: Store
  readonly edgeFeed: EdgeFeed
  readonly edgeEvidence: EdgeEvidence
  readonly background: Background
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly environment: string
}

export interface EdgePublishingOptions {
  readonly config: CloudflareYaml
  readonly env: Readonly<Record<string, string | undefined>>
  readonly keys: Keys
  readonly metrics: Metrics
  /** For tests, which build no script a hundred times. */
  readonly build: BuildScript | undefined
}

const askedEveryMs = 2_000
const patienceMs = 5_000

/** The channels to Cloudflare, and what operators make of them. Traffic, flips and gateways need none of it. */
export class EdgePublishing {
  readonly script: ScriptPublisher
  readonly scriptName: string
  readonly #api: CloudflareApi
  readonly #kv: KvChannel | undefined
  readonly #drivers: readonly Driver[]
  readonly #around: Surroundings
  readonly #stopped = new AbortController()
  readonly #unsubscribe: () => void
  #asked: { readonly at: number; readonly reply: Promise<Reply<readonly Share[]>> } | undefined

  constructor(around: Surroundings, { config, env, keys, metrics, build }: EdgePublishingOptions) {
    const { clock, random, log, environment } = around
    const stopped = this.#stopped.signal
    this.#around = around
    this.scriptName = config.script
    this.#api = new CloudflareClient({
      api: config.api,
      account: config.account,
      script: config.script,
      kvNamespace: config.kvNamespace,
      token: () => readSecret(config.token, env),
      stopped,
    })
    const scripts = new Driver(() => this.script.advance())
    const values = new Driver(async () => this.#kv?.advance())
    this.script = new ScriptPublisher({
      api: this.#api,
      script: config.script,
      build: build ?? buildInProcess(stopped),
      smoke: smokeOverHttp({
        host: config.host,
        script: config.script,
        ring: () => keys.rings['edge-control'],
        clock,
        random,
        stopped,
      }),
      evidence: around.edgeEvidence,
      store: around.store,
      feed: around.edgeFeed,
      clock,
      random,
      log,
      ring: () => scripts.ring(),
    })
    this.#kv =
      config.kvNamespace === undefined
        ? undefined
        : new KvChannel({ api: this.#api, environment, clock, random, log, ring: () => values.ring() })
    this.#drivers = this.#kv === undefined ? [scripts] : [scripts, values]
    this.#unsubscribe = around.edgeFeed.subscribe((what) => this.#changed(what))
    this.#measure(metrics)
  }

  get part(): Part {
    return {
      name: 'publishing to Cloudflare',
      start: async () => {
        await this.script.load()
        this.#changed('placements')
        for (const driver of this.#drivers) this.#around.background.run('publish to Cloudflare', driver.run())
      },
      stop: async () => {
        this.#unsubscribe()
        for (const driver of this.#drivers) driver.end()
        // What is cut off now is found out by the next process: each act looks first.
        this.#stopped.abort()
      },
    }
  }

  /** What Cloudflare says serves now; asked at most once in 2 s, however many look, and given up after 5 s. */
  deployment(): Promise<Reply<readonly Share[]>> {
    const now = this.#around.clock.monotonic()
    if (this.#asked === undefined || now - this.#asked.at > askedEveryMs) {
      this.#asked = { at: now, reply: Promise.race([this.#api.deployment(), silence()]) }
    }
    return this.#asked.reply
  }

  publish(author: PublicationAuthor) {
    this.#kv?.resume()
    return this.script.publish(author)
  }

  get status(): CloudflareStatus {
    const { health, newest } = this.script
    return {
      script: {
        health: health.state,
        because: health.because,
        ...(newest === undefined ? {} : { newest: { tag: newest.tag, state: newest.state } }),
      },
      ...(this.#kv === undefined
        ? {}
        : { kv: { health: this.#kv.health.state, because: this.#kv.health.because, ...this.#kv.numbers } }),
    }
  }

  #changed(what: 'structure' | 'placements'): void {
    this.script.changed(what)
    const { placements } = this.#around.edgeFeed
    if (placements !== undefined) this.#kv?.offer(placements)
  }

  #measure(metrics: Metrics): void {
    const channels = { channel: ['script', 'kv'], state: channelStates } as const
    metrics.gauge(
      'tidegate_edge_channel_state',
      'Whether a channel to Cloudflare works, fails for now, or is halted: 1 for what is so.',
      channels,
      (gauge) => {
        for (const state of channelStates) {
          gauge.set({ channel: 'script', state }, this.script.health.state === state ? 1 : 0)
          if (this.#kv !== undefined) gauge.set({ channel: 'kv', state }, this.#kv.health.state === state ? 1 : 0)
        }
      },
    )
    metrics.gauge(
      'tidegate_edge_publication_state',
      'State of the newest publication of the edge script: 1 for what is so.',
      { state: publicationStates },
      (gauge) => {
        for (const state of publicationStates) gauge.set({ state }, this.script.newest?.state === state ? 1 : 0)
      },
    )
    metrics.gauge(
      'tidegate_edge_kv_placements',
      'Number of the placements that KV has, and that it is to have.',
      { of: ['written', 'wanted'] },
      (gauge) => {
        gauge.set({ of: 'written' }, this.#kv?.numbers.written ?? 0)
        gauge.set({ of: 'wanted' }, this.#kv?.numbers.wanted ?? 0)
      },
    )
  }
}

async function silence(): Promise<Reply<never>> {
  await pause(patienceMs, undefined, { ref: false })
  return { kind: 'later', because: `it has not answered within ${patienceMs} ms` }
}
