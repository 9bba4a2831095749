import { signCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { hostAndPort } from '../address.ts'
import type { GatewayYaml } from '../config.ts'
import { bytes, ms } from '../config-parts.ts'
import type { FixedYaml } from '../reload/fixed-config.ts'
import type { CacheStore, ZoneStore } from '../store/cache-store.ts'
import { DoubleWriter } from '../store/double-writer.ts'
import { HttpPeer } from '../store/http-peer.ts'
import { MemcachedStore, type MemcachedStoreOptions } from '../store/memcached-store.ts'
import { MemoryStore } from '../store/memory-store.ts'
import { Shipper } from '../store/shipper.ts'
import { StampClock } from '../store/stamp.ts'
import { storeMetrics } from '../store/store-metrics.ts'
import { ZonedStore } from '../store/zoned-store.ts'
import { AnnouncedStore } from './announced-store.ts'
import { type EventChannel, OwnChannel } from './event-channel.ts'
import { eventOutcomes, RedisEventChannel } from './redis-event-channel.ts'

export interface SiteCacheOptions {
  /** Name of this process. */
  readonly instance: string
  readonly yaml: Pick<FixedYaml, 'site' | 'cache' | 'peers'>
  /** Unlike that of every other live process: the last part of each stamp. */
  readonly writer: number
  /** Shared with the other sites, as it is now. */
  readonly ring: () => KeyRing | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly background: Background
}

/** The layers of this site's cache, from configuration. */
export interface SiteCache {
  /** The zones: where other sites' writes are applied, so that nothing echoes. */
  readonly inner: CacheStore
  /** The zones and, behind the writer's back, the other sites. */
  readonly outer: DoubleWriter
  readonly stamps: StampClock
  /** What the processes of this site tell each other of invalidations. */
  readonly channel: EventChannel
  /** Once, at the start: resolves when the zones can be asked, or after a second. */
  readonly opened: () => Promise<unknown>
}

/** A zone that is away does not keep the gateway from starting: its answers are misses, ms. */
const openingMs = 1_000
/** Of the time for a whole read, what one zone gets: a zone that is late leaves the others theirs. */
const zoneShare = 0.2

/** Undefined when no zone is configured: then nothing is cached. */
export function openSiteCache(options: SiteCacheOptions): SiteCache | undefined {
  const { yaml, writer, clock, random, log, metrics, background } = options
  const { zones, writeAck, doubleWrite } = yaml.cache
  if (zones.length === 0) return undefined
  const stamps = new StampClock(clock, writer)
  const newStamp = () => stamps.next()
  const believes = (stamp: bigint) => stamps.believes(stamp)
  const channel = openChannel(options, stamps)
  const zoned = new ZonedStore({
    zones: zones.map((zone) => openZone(zone, options, { newStamp, believes })),
    writeAck,
    clock,
    log,
    background,
    metrics: storeMetrics(
      metrics,
      zones.map((zone) => zone.name),
    ),
    newStamp,
    readDeadlineMs: ms(yaml.cache.readDeadline) * zoneShare,
  })
  const shippers = doubleWrite.to.map((to) => {
    const peer = new HttpPeer({ origin: yaml.peers[to]?.internal ?? '', sign: signer(options, to) })
    return new Shipper({ to, site: yaml.site, writer, peer, clock, random, log, background })
  })
  // Below the double-writer: what another site ships is told here, too, and nobody is told before it is durable.
  const inner = new AnnouncedStore(zoned, channel)
  const outer = new DoubleWriter({ inner, shippers, stamps, clock })
  return { inner, outer, stamps, channel, opened: () => zoned.opened(openingMs) }
}

function openChannel({ yaml, instance, clock, log, metrics }: SiteCacheOptions, stamps: StampClock): EventChannel {
  const { memory, events } = yaml.cache
  const url = events.redis
  if (url === undefined) return new OwnChannel({ alone: memory.alone })
  const channel = new RedisEventChannel({
    url,
    site: yaml.site,
    instance,
    stamps,
    clock,
    log,
    events: metrics.counter('tidegate_cache_events_total', 'Invalidations told and heard by this process.', {
      outcome: eventOutcomes,
    }),
  })
  metrics.gauge(
    'tidegate_cache_events_live',
    'Whether every invalidation by another process is heard here: 1, or 0 and the memory of this process is off.',
    {},
    (gauge) => gauge.set({}, channel.live ? 1 : 0),
  )
  return channel
}

type ZoneYaml = GatewayYaml['cache']['zones'][number]

function openZone(
  zone: ZoneYaml,
  { clock, random, log }: SiteCacheOptions,
  stamps: Pick<MemcachedStoreOptions, 'newStamp' | 'believes'>,
): ZoneStore {
  if (zone.driver === 'memory') return new MemoryStore({ zone: zone.name, clock, limitBytes: bytes(zone.limit) })
  return new MemcachedStore({
    zone: zone.name,
    nodes: zone.nodes.map(hostAndPort),
    ring: zone.ring,
    clock,
    random,
    log,
    ...stamps,
  })
}

function signer({ ring: now, clock, random }: SiteCacheOptions, to: string) {
  return async (method: string, target: string, body: Uint8Array) => {
    const ring = now()
    if (ring === undefined) return {}
    const call = { method, target, body, audience: `gateway:${to}` }
    return { [headers.call]: await signCall(call, ring, clock.now(), random.id()) }
  }
}
