import { join, resolve } from 'node:path'
import { signCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Table } from '#routes/table.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { Random } from '#server-kit/random.ts'
import { ItemCommands } from '../cache-api/item-commands.ts'
import type { Environment } from '../config.ts'
import { bytes, ms } from '../config-parts.ts'
import { AppliedMark } from '../journal/applied-mark.ts'
import type { Journal } from '../journal/journal.ts'
import type { JournalFiles } from '../journal/journal-files.ts'
import { MemoryJournal } from '../journal/memory-journal.ts'
import { openJournals } from '../journal/open-journals.ts'
import type { FixedYaml } from '../reload/fixed-config.ts'
import { BandwidthCap, bitsPerSecond } from '../replication/bandwidth-cap.ts'
import { Fleet, type JournalSet } from '../replication/fleet.ts'
import { HttpPeer } from '../replication/http-peer.ts'
import { openLedger } from '../replication/open-ledger.ts'
import { gapReasons, type ReplicationOptions } from '../replication/receive.ts'
import { replay } from '../replication/replay.ts'
import { Shipper } from '../replication/shipper.ts'
import { Silence } from '../replication/silence.ts'
import type { CacheStore } from '../store/cache-store.ts'
import { DoubleWriter } from '../store/double-writer.ts'
import { openSharedZoneState } from '../store/open-shared-zone-state.ts'
import { RecentDeletes } from '../store/recent-deletes.ts'
import type { SharedZoneState } from '../store/shared-zone-state.ts'
import { LoneZoneState } from '../store/shared-zone-state-lone.ts'
import { StampClock } from '../store/stamp.ts'
import { recentDeletesMetric, shippingMetrics, silenceMetrics, storeMetrics } from '../store/store-metrics.ts'
import { ZonedStore } from '../store/zoned-store.ts'
import { openWarmUp, type WarmUp } from '../warm-up/open-warm-up.ts'
import { AnnouncedStore } from './announced-store.ts'
import type { EventChannel } from './event-channel.ts'
import { isOwnedHere } from './namespace-units.ts'
import { openChannel } from './open-channel.ts'
import { openZones } from './open-zones.ts'
import { ZoneNodes } from './zone-nodes.ts'

export interface SiteCacheOptions {
  /** Name of this process. */
  readonly instance: string
  readonly yaml: Pick<FixedYaml, 'site' | 'cache' | 'peers'> & Partial<Pick<FixedYaml, 'workers'>>
  /** Folder of this process and of the others of its machine: the journal is kept there. */
  readonly home: string
  /** Unlike that of every other live process: the last part of each stamp. */
  readonly writer: number
  /** Shared with the other sites, as it is now. */
  readonly ring: () => KeyRing | undefined
  /** Says who owns the units of a namespace; undefined: nobody knows. */
  readonly table: () => Table | undefined
  /** Where a relative file of the configuration lies; default: beside the working folder. */
  readonly path?: (relative: string) => string
  /** Passwords of zones; default: the environment of this process. */
  readonly env?: Environment
  /** In place of the real ones, for faults. */
  readonly files?: JournalFiles
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: Metrics
  readonly background: Background
}

/** The layers of this site's cache, from configuration. */
export interface SiteCache {
  readonly zoned: ZonedStore
  /** The zones: where other sites' writes are applied, so that nothing echoes. */
  readonly inner: CacheStore
  /** The zones and, behind the writer's back, the other sites. */
  readonly outer: DoubleWriter
  readonly stamps: StampClock
  /** `warm.store` is what programs and the response cache use: it stands in front of all. */
  readonly warm: WarmUp
  /** Counting, lengthening, leases and soft deletes, above all layers. */
  readonly itemCommands: ItemCommands
  /** What the processes of this site tell each other of invalidations. */
  readonly channel: EventChannel
  readonly journals: JournalSet
  readonly shared: SharedZoneState
  /** Of the zones; a reload changes them. */
  readonly nodes: ZoneNodes
  readonly silence: Silence
  /** Of this process, to the other sites. */
  readonly shippers: Iterable<Shipper>
  /** For `replicationRoutes`: all but who may call. */
  readonly receiving: Omit<ReplicationOptions, 'announced' | 'verify'>
  /** Tells the other sites that nothing more comes where nothing waits, and gives back everything. */
  close(): Promise<void>
}

/** A zone that is away does not keep the gateway from starting: its answers are misses, ms. */
const openingMs = 1_000
/** Of the time for a whole read, what one zone gets: a zone that is late leaves the others theirs. */
const zoneShare = 0.2

/**
 * Resolves when it may be read: what earlier processes left half done is done. Undefined when no zone is configured: then
 * nothing is cached.
 */
export async function openSiteCache(options: SiteCacheOptions): Promise<SiteCache | undefined> {
  const { yaml, writer, home, table, clock, random, log, metrics, background } = options
  const { zones, writeAck, doubleWrite, events, namespaces } = yaml.cache
  const { site } = yaml
  if (zones.length === 0) return undefined
  const stamps = new StampClock(clock, writer)
  const newStamp = () => stamps.next()
  const believes = (stamp: bigint) => stamps.believes(stamp)

  // Zones that end with this process leave nothing behind; what other sites have still to be told outlives it.
  const keepsNothing = zones.every(({ driver }) => driver === 'memory')
  const isAlone = keepsNothing && doubleWrite.to.length === 0
  const journals = isAlone ? memoryJournals(options) : await openJournals(journalOptions(options))
  const journal = journals.own
  stamps.restore(journal.newestStamp)
  const shared = keepsNothing
    ? new LoneZoneState(newStamp)
    : await openSharedZoneState({
        folder: join(home, 'cache-zones'),
        site,
        place: journal.place,
        redis: events.redis,
        alone: isOnlyOne(options),
        newId: () => random.id(),
        newStamp,
        see: (stamp) => stamps.see(stamp),
        clock,
        log,
        background,
        metrics,
      })
  const giveUpAll = () => shared.raise('*', newStamp())

  const kept = keepsNothing ? undefined : join(home, 'cache-writers', `${journal.place}.json`)
  const ledger = await openLedger({ path: kept, redis: events.redis, site, giveUpAll, clock, log })
  const silence = new Silence({
    ledger,
    shared,
    newStamp,
    servesAlone: (namespace) => {
      const { onSilence = 'auto', units } = namespaces[namespace] ?? {}
      return onSilence === 'auto' ? isOwnedHere(namespace, units, table(), site) : onSilence === 'serve'
    },
    clock,
    log,
    background,
  })

  const stores = openZones(zones, { path: resolve, env: process.env, ...options, newStamp, believes, shared })
  const nodes = new ZoneNodes(stores, shared)
  await nodes.open(zones)
  const recentDeletes = new RecentDeletes({ clock })
  recentDeletesMetric(metrics, recentDeletes)
  const zoned = new ZonedStore({
    zones: stores,
    recentDeletes,
    writeAck,
    clock,
    log,
    background,
    metrics: storeMetrics(
      metrics,
      zones.map((zone) => zone.name),
    ),
    newStamp,
    shared,
    mayRead: (namespace) => silence.mayRead(namespace),
    readDeadlineMs: ms(yaml.cache.readDeadline) * zoneShare,
  })
  const channel = openChannel({ ...options, stamps })
  // Below the double-writer: what another site ships is told here, too, and nobody is told before it is durable.
  const inner = new AnnouncedStore(zoned, channel)
  const health = () => zoned.health()
  const finish = async (left: Journal): Promise<void> => {
    await replay({ journal: left, store: inner, clock, stampClock: stamps, giveUpAll, log })
    shared.replayed(left.place)
  }

  await zoned.opened(openingMs)
  await finish(journal)
  await silence.refresh()
  const mark = new AppliedMark({ journal, health, clock })
  const caps = capsOf(options)
  const fleet = new Fleet({
    journals,
    to: doubleWrite.to,
    open: (to, of, reader) => {
      const peer = new HttpPeer({ origin: yaml.peers[to]?.internal ?? '', sign: signer(options, to) })
      const bandwidth = caps.get(to)
      return new Shipper({ to, site, writer, journal: of, reader, peer, bandwidth, clock, random, log, background })
    },
    replay: finish,
    health,
    clock,
    log,
    background,
  })
  const shipped = doubleWrite.to.length === 0 ? [] : doubleWrite.namespaces
  const outer = new DoubleWriter({ inner, journal, mark, shippers: fleet, stamps, clock, namespaces: shipped })
  shippingMetrics(metrics, doubleWrite.to, fleet)
  silenceMetrics(metrics, silence)
  const warm = openWarmUp({
    yaml,
    outer,
    inner,
    newStamp,
    signer: (to) => signer(options, to),
    clock,
    background,
    metrics,
  })
  return {
    zoned,
    inner,
    outer,
    stamps,
    warm,
    itemCommands: new ItemCommands({
      store: outer,
      zones: inner,
      stamps,
      clock,
      deadlineMs: ms(yaml.cache.readDeadline),
    }),
    channel,
    journals,
    shared,
    nodes,
    silence,
    shippers: fleet,
    receiving: {
      store: inner,
      journal,
      mark,
      clock,
      stampClock: stamps,
      log,
      ledger,
      silence,
      shared,
      gaps: metrics.counter(
        'tidegate_cache_gaps_total',
        'Times that invalidations of another site may have been missing, and every value of this site was given up.',
        { reason: gapReasons },
      ),
    },
    close: async () => {
      fleet.close()
      await warm.close()
      await outer.close()
      mark.close()
      silence.close()
      for (const cap of caps.values()) cap.close()
      await Promise.all([ledger.close(), shared.close(), journals.close()])
    },
  }
}

/**
 * Whether there is no other process to tell of what a zone is owed. One process without a channel takes itself for the only one
 * of its site, and says so: refusing its deletes for the sake of others that nobody set up would help nobody.
 */
function isOnlyOne({ yaml, log }: SiteCacheOptions): boolean {
  const { memory, events } = yaml.cache
  if (memory.alone || events.redis !== undefined) return memory.alone
  if ((yaml.workers ?? 1) > 1) return false
  log.warn({}, 'cache.events.redis is not set: this process takes itself for the only gateway process of its site')
  return true
}

function memoryJournals({ clock, random }: SiteCacheOptions): JournalSet {
  const own = new MemoryJournal({ clock, random })
  return { own, adopted: [], onAdopted: () => () => undefined, close: () => own.close() }
}

function journalOptions({ yaml, home, files, clock, random, log, background }: SiteCacheOptions) {
  const { invalidations, values } = yaml.cache.journal
  return {
    folder: join(home, 'cache-journal'),
    site: yaml.site,
    limits: { invalidationsBytes: bytes(invalidations), valuesBytes: bytes(values) },
    ...(files === undefined ? {} : { files }),
    clock,
    random,
    log,
    background,
  }
}

function capsOf({ yaml, clock }: SiteCacheOptions): ReadonlyMap<string, BandwidthCap> {
  const { to, bandwidth } = yaml.cache.doubleWrite
  if (bandwidth === undefined) return new Map()
  return new Map(to.map((site) => [site, new BandwidthCap(bitsPerSecond(bandwidth), clock)]))
}

function signer({ ring: now, clock, random }: SiteCacheOptions, to: string) {
  return async (method: string, target: string, body: Uint8Array) => {
    const ring = now()
    if (ring === undefined) return {}
    const call = { method, target, body, audience: `gateway:${to}` }
    return { [headers.call]: await signCall(call, ring, clock.now(), random.id()) }
  }
}
