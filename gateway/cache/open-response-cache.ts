import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { GatewayYaml } from '../config.ts'
import { bytes, ms } from '../config-parts.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import type { Onward, Phase } from '../phase.ts'
import type { Lease } from '../reload/shared-parts.ts'
import type { CacheStore } from '../store/cache-store.ts'
import type { HeadOptions } from '../upstream/request-head.ts'
import type { Asked, Common } from './asked.ts'
import { type CacheMetrics, cacheMetrics } from './cache-metrics.ts'
import { cacheRules } from './cache-rules.ts'
import { CollectingRoom } from './collecting-room.ts'
import { EntryStore, type Remembered } from './entry-store.ts'
import { outdating } from './event-channel.ts'
import { FailedValidations } from './failed-validations.ts'
import { Fetches } from './fetch.ts'
import { FlightEpochs } from './flight-epochs.ts'
import { Flights } from './flights.ts'
import { HitForMiss } from './hit-for-miss.ts'
import { JoinedFetch } from './joined-fetch.ts'
import { MemoryLayer, memoryOutcomes } from './memory-layer.ts'
import { Refresher } from './refresher.ts'
import { Refreshes } from './refreshes.ts'
import { ResponseCache } from './response-cache.ts'
import { readSentFields } from './sent-fields.ts'
import type { SiteCache } from './site-cache.ts'
import { SiteLeases } from './site-lease.ts'
import { systemTimers } from './timers.ts'
import { UnsafeInvalidation, unsafeBuckets, unsafeOutcomes } from './unsafe-invalidation.ts'

export interface OpenResponseCacheOptions {
  readonly site: string
  readonly yaml: Pick<GatewayYaml['cache'], 'readDeadline' | 'responses' | 'targeted' | 'memory'>
  readonly cache: Pick<SiteCache, 'inner' | 'stamps' | 'channel'> & { readonly outer: CacheStore }
  /** Request headers with API keys that go to services as they came. */
  readonly keyHeaders: readonly string[]
  readonly head: HeadOptions
  readonly holder: Pick<TableHolder, 'current'>
  readonly lease: Lease
  /** Told what the service answered to refreshes, of which no client's exchange tells. */
  readonly told: NonNullable<Phase['closed']>
  readonly clock: Clock
  readonly background: Background
  readonly log: Log
  readonly metrics: Metrics
}

export interface OpenedResponseCache {
  readonly phase: Phase
  readonly invalidation: UnsafeInvalidation
  readonly counts: CacheMetrics
}

/** An answer to a write waits no longer for what it makes untrue, ms. */
const invalidationMs = 1_000

/** The response cache of one configuration. What is under way and what was learned outlives a reload. */
export function openResponseCache(options: OpenResponseCacheOptions): OpenedResponseCache {
  const { site, yaml, cache, keyHeaders, head, holder, told, clock, background, log, metrics } = options
  const { outer, inner, stamps } = cache
  const newStamp = () => stamps.next()
  const counts = cacheMetrics(metrics)
  const memory = openMemory(options)
  const { flights, epochs, room, failures, refreshes } = openFlights(options, counts)
  const deadlineMs = ms(yaml.readDeadline)
  const store = new EntryStore({ outer, inner, newStamp, site, deadlineMs, clock, memory })

  const { stored, notStored } = counts
  const onward = (): Onward => phase.onward
  const fetches = new Fetches({
    site,
    onward,
    store,
    flights,
    failures,
    room,
    newStamp,
    clock,
    background,
    stored,
    notStored,
  })
  const leases = new SiteLeases({ store: inner, newStamp, deadlineMs, clock, timers: systemTimers })
  const invalidation = new UnsafeInvalidation({
    store: outer,
    newStamp,
    limitMs: invalidationMs,
    clock,
    background,
    log,
    outcomes: metrics.counter('tidegate_cache_unsafe_total', 'Writes whose answers invalidated, by outcome.', {
      outcome: unsafeOutcomes,
    }),
    seconds: metrics.histogram(
      'tidegate_cache_unsafe_seconds',
      'How long an answer to a write waited for what it makes untrue.',
      {},
      unsafeBuckets,
    ),
  })
  const phase = new ResponseCache({
    site,
    serves: yaml.responses,
    store,
    joined: new JoinedFetch({ fetches, flights, epochs, leases, store, clock, background }),
    refresher: new Refresher({ site, holder, refreshes, fetches, flights, epochs, told }),
    failures,
    rulesOf: cacheRules(yaml.targeted, keyHeaders),
    sentFields: readSentFields(head, log),
    invalidation,
    clock,
    log,
    metrics: counts,
  })
  return { phase, invalidation, counts }
}

/** The first level: emptied by what other processes tell, and off while it cannot hear them. */
function openMemory({ yaml, cache, lease, clock, metrics }: OpenResponseCacheOptions) {
  const { on, limit } = yaml.memory
  if (!on) return undefined
  return lease.take(
    'cache memory',
    { limit },
    () => {
      const opened: MemoryLayer<Remembered> = new MemoryLayer({
        limitBytes: bytes(limit),
        clock,
        live: () => cache.channel.live,
        outcomes: metrics.counter('tidegate_cache_l1_total', 'Looks into the memory of this process, by outcome.', {
          outcome: memoryOutcomes,
        }),
      })
      metrics.gauge('tidegate_cache_l1_bytes', 'Answers in the memory of this process.', {}, (gauge) =>
        gauge.set({}, opened.bytes),
      )
      return { opened, end: cache.channel.listen(outdating(opened)) }
    },
    async ({ end }) => end(),
  ).opened
}

function openFlights({ cache, lease, clock, background, metrics }: OpenResponseCacheOptions, counts: CacheMetrics) {
  return lease.take(
    'flights',
    {},
    () => {
      const hitForMiss = new HitForMiss({ clock })
      const released = (because: Parameters<typeof counts.released.inc>[0]['because']) =>
        counts.released.inc({ because })
      const epochs = new FlightEpochs()
      const end = cache.channel.listen(epochs)
      const flights = new Flights<Asked, Common>({ timers: systemTimers, hitForMiss, released })
      const room = new CollectingRoom()
      const failures = new FailedValidations<number>({ clock })
      const refreshes = new Refreshes({ clock, background, told: (outcome) => counts.refreshes.inc({ outcome }) })
      metrics.gauge('tidegate_cache_flights', 'Fetches under way that others can join.', {}, (gauge) =>
        gauge.set({}, flights.size),
      )
      metrics.gauge('tidegate_cache_waiting', 'Requests that wait for the fetch of another one.', {}, (gauge) =>
        gauge.set({}, flights.waiting),
      )
      metrics.gauge('tidegate_cache_marks', 'Keys whose requests do not wait for one another.', {}, (gauge) =>
        gauge.set({}, hitForMiss.marks),
      )
      metrics.gauge('tidegate_cache_collecting_bytes', 'Bodies on their way to the store.', {}, (gauge) =>
        gauge.set({}, room.takenBytes),
      )
      return { flights, epochs, room, failures, refreshes, end }
    },
    async ({ end }) => end(),
  )
}
