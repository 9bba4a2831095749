import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { stringify } from 'yaml'
import { paths } from '#routes/messages.ts'
import { KeyRing } from '#routes/seal.ts'
import { Background } from '#server-kit/background.ts'
import { createLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { seededRandom, systemRandom } from '#server-kit/random.ts'
import { openSiteCache, type SiteCache } from '../../../gateway/cache/site-cache.ts'
import { ItemCommands } from '../../../gateway/cache-api/item-commands.ts'
import { checkGatewayConfig } from '../../../gateway/config.ts'
import { Credentials } from '../../../gateway/internal/credentials.ts'
import type { Journal } from '../../../gateway/journal/journal.ts'
import { nodeJournalFiles } from '../../../gateway/journal/node-journal-files.ts'
import { fixedOf } from '../../../gateway/reload/fixed-config.ts'
import { replicationRoutes } from '../../../gateway/replication/receive.ts'
import type { CacheStore, Stamp, ZoneHealth } from '../../../gateway/store/cache-store.ts'
import { type Faults, faultyJournalFiles } from '../../../test/support/faulty-journal-files.ts'
import { SkewedClock } from '../../../test/support/skewed-clock.ts'
import { CarelessWriter, carelessRoutes } from './careless-writer.ts'
import type { DiskState, SideOptions, SideState } from './side-messages.ts'
import type { Increment } from './workload.ts'

/** The cache of a gateway process and its routes for other sites, without the gateway around them. */
export interface OpenedSide {
  /** As clients see it. */
  readonly store: CacheStore
  readonly clock: SkewedClock
  readonly newStamp: () => Stamp
  /** Undefined: strategies without it. */
  readonly increment: Increment | undefined
  /** Whether the other site has all invalidations that were acknowledged here before. */
  settled(ms: number): Promise<boolean>
  disk(state: DiskState): void
  /** So many deletes for the other site alone, straight into the journal; how long it took, ms. */
  pend(count: number): Promise<number>
  /** `received` is called once more. */
  listen(): void
  state(): SideState
}

/** `received`: called once, at the first batch with records. */
export async function openSide(options: SideOptions, received: () => void): Promise<OpenedSide> {
  const { site, home, strategy, clockOffsetMs } = options
  mkdirSync(home, { recursive: true })
  const log = createLog({ program: site, level: 'info', destination: logFile(join(home, 'log')) })
  const ring = await KeyRing.open({ purpose: 'gateway-gateway', keys: [{ id: 'k1', secret: options.secret }] })
  const clock = new SkewedClock(clockOffsetMs)
  const { files, faults } = faultyJournalFiles(nodeJournalFiles, seededRandom(options.seed))
  const cache = await openSiteCache({
    instance: site,
    yaml: fixedOf(checkGatewayConfig(join(home, 'gateway.yaml'), yamlOf(options), {}).yaml),
    home,
    writer: options.writer,
    ring: () => ring,
    table: () => undefined,
    files,
    clock,
    random: systemRandom,
    log,
    metrics: createMetrics(),
    background: new Background(log),
  })
  if (cache === undefined) throw new Error('a side has zones')
  const credentials = new Credentials({
    audience: `gateway:${site}`,
    control: undefined,
    peers: ring,
    tokens: [],
    clock,
  })
  const app = Fastify({ forceCloseConnections: true })
  installProblemReplies(app, { audience: 'operator', log })
  const listening = tellFirst(app, received)
  await app.register(replicationRoutes, {
    ...cache.receiving,
    announced: (head) => credentials.isPeerHead(head),
    verify: (call) => credentials.isPeer(call),
  })
  if (strategy !== 'journal') return openCareless(options, cache, app, clock)
  await listenOn(app, options.port)
  return opened(cache, clock, faults, listening)
}

function opened(cache: SiteCache, clock: SkewedClock, faults: Faults, listen: () => void): OpenedSide {
  const { outer, inner, stamps, journals, shared } = cache
  const commands = new ItemCommands({ store: outer, zones: inner, stamps, clock, deadlineMs: 500 })
  return {
    store: outer,
    clock,
    newStamp: () => stamps.next(),
    increment: async (namespace, key, by) => {
      const counted = await commands.incr(namespace, key, { by, initial: 1n, ttlMs: counterTtlMs })
      return counted.kind === 'value' ? counted.stamp : undefined
    },
    settled: async (ms) => Object.values(await outer.settled(ms)).every(Boolean),
    disk: (state) => spoil(faults, state),
    pend: (count) => pend(journals.own, () => stamps.next(), count),
    listen,
    state: () => {
      const { deletes, sets, dirty } = outer.debt()
      const zones = outer.health()
      return {
        shipped: deletes + sets + dirty.length === 0,
        debt: `${deletes} invalidations, ${sets} values, dirty: ${dirty.join() || 'none'}`,
        owed: owedBy(zones),
        zones: zones.map(({ zone, state }) => `${zone} ${state}`),
        floors: Object.fromEntries(zones.map(({ zone }) => [zone, shared.floor(zone)])),
      }
    },
  }
}

function spoil(faults: Faults, state: DiskState): void {
  faults.roomBytes = state === 'full' ? 0 : Number.POSITIVE_INFINITY
  faults.failAll = state === 'broken'
  faults.tearNext = state === 'torn'
  for (const kind of ['write', 'sync'] as const)
    if (state === 'broken') faults.failing.add(kind)
    else faults.failing.delete(kind)
}

const counterTtlMs = 60_000
const owedBy = (zones: readonly ZoneHealth[]): number => zones.reduce((sum, { owed }) => sum + owed, 0)

/** Waits for the last of them alone: the disk takes them in order. */
async function pend(journal: Journal, newStamp: () => Stamp, count: number): Promise<number> {
  const begun = performance.now()
  let last = Promise.resolve(true)
  for (let at = 0; at < count; at++) {
    const { seq, durable } = journal.append({
      kind: 'delete',
      namespace: 'legacy',
      key: `pending-${at}`,
      stamp: newStamp(),
    })
    last = durable
    if (at % pendAtOnce === pendAtOnce - 1 || at === count - 1) {
      if (!(await last)) throw new Error('the journal did not take what was to wait in it')
      journal.applied(seq)
    }
  }
  return performance.now() - begun
}

const pendAtOnce = 1_000

/** The same zones under a double-write that somebody else would write: a request for each write. */
async function openCareless(
  { strategy, otherOrigin, port }: SideOptions,
  { inner, stamps }: SiteCache,
  app: FastifyInstance,
  clock: SkewedClock,
): Promise<OpenedSide> {
  if (strategy === 'journal') throw new Error('not a careless one')
  const newStamp = () => stamps.next()
  const store = new CarelessWriter({ strategy, inner, origin: otherOrigin, newStamp })
  await app.register(carelessRoutes, { inner, newStamp })
  await listenOn(app, port)
  return {
    store,
    clock,
    newStamp,
    increment: undefined,
    settled: (ms) => store.settled(ms),
    disk: () => {},
    pend: async () => 0,
    listen: () => {},
    state: () => {
      const zones = inner.health()
      return {
        shipped: store.waiting === 0,
        debt: `${store.waiting} requests`,
        owed: owedBy(zones),
        zones: zones.map(({ zone, state }) => `${zone} ${state}`),
        floors: {},
      }
    },
  }
}

function yamlOf({ site, other, otherOrigin, home, zones, strategy }: SideOptions): string {
  return stringify({
    site,
    home,
    listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' },
    table: { file: 'table' },
    keys: { tables: 'keys/tables.public.json', peers: 'keys/gateway-gateway.json' },
    peers: { [other]: { public: otherOrigin, internal: otherOrigin } },
    cache: {
      zones: zones.map(({ name, address }) => ({ name, driver: 'memcached', nodes: [address] })),
      doubleWrite: { to: strategy === 'journal' ? [other] : [] },
      // All of this shares the cores of one machine: late is no sign of a zone that is away.
      readDeadline: '500ms',
      // One process a site: nobody else has to be told what a zone owes.
      memory: { alone: true },
      namespaces: { shop: { onSilence: 'miss' }, legacy: { onSilence: 'serve' } },
    },
  })
}

async function listenOn(app: FastifyInstance, port: number): Promise<void> {
  await app.listen({ host: '127.0.0.1', port })
}

/** A batch without records is a heartbeat: its header says so. */
function tellFirst(app: FastifyInstance, received: () => void): () => void {
  let told = false
  app.addHook('preHandler', async (request) => {
    if (told || request.url !== paths.replicate || !Buffer.isBuffer(request.body)) return
    if (request.body.length - request.body.indexOf(10) <= 1) return
    told = true
    received()
  })
  return () => {
    told = false
  }
}

const logFile = (path: string): { write(line: string): void } => ({ write: (line) => appendFileSync(path, line) })
