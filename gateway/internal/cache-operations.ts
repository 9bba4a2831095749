import type { FastifyInstance, FastifyRequest } from 'fastify'
import type {
  CacheItemAnswer,
  CacheItemRow,
  CacheWarmthAnswer,
  CacheWarmthRow,
  CacheZonesAnswer,
} from '#routes/gateway-answers.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import { type CacheStore, noExpiry } from '../store/cache-store.ts'
import { isNamespace } from '../store/node-key.ts'
import type { SharedZoneState } from '../store/shared-zone-state.ts'
import { stampMs } from '../store/stamp.ts'
import type { ZonedStore, ZoneView } from '../store/zoned-store.ts'
import type { PullPeer } from '../warm-up/pull-peer.ts'
import { warmthOf } from '../warm-up/warmth.ts'
import type { InternalScope } from './credentials.ts'
import { type JsonObject, jsonObjectIn } from './json-object.ts'
import { keepBytes } from './keep-bytes.ts'

export interface CacheOperationsOptions {
  readonly zoned: Pick<ZonedStore, 'health' | 'inspect'>
  readonly inner: Pick<CacheStore, 'get'>
  readonly shared: Pick<SharedZoneState, 'floor' | 'force'>
  /** Of the other sites, for `warmth`. */
  readonly peers: ReadonlyMap<Site, PullPeer>
  /** A process of another site will not come back: what it still had to tell is given up, and all that it could have meant with it. */
  readonly abandon: (site: Site, place: string) => Promise<'abandoned' | 'unknown' | 'failed'>
  /** Throws for whoever may not. */
  readonly require: (request: FastifyRequest, scope: InternalScope) => Promise<void>
  readonly clock: Clock
  /** For one look into a zone, or at another site, ms. */
  readonly deadlineMs: number
}

const states = ['up', 'write-only', 'cold'] as const
type ForcedState = (typeof states)[number]

/** Fastify plugin: what operators look at and turn in the cache of a site. */
export async function cacheOperations(app: FastifyInstance, options: CacheOperationsOptions): Promise<void> {
  const { zoned, inner, shared, peers, abandon, require, clock, deadlineMs } = options
  const toRead = { preHandler: (request: FastifyRequest) => require(request, 'status') }
  const toOperate = { preHandler: (request: FastifyRequest) => require(request, 'operate') }
  keepBytes(app)

  app.get(
    '/gateway/v1/cache/zones',
    toRead,
    async (): Promise<CacheZonesAnswer> => ({
      zones: zoned.health().map(({ zone, state, owed }) => {
        const floor = shared.floor(zone)
        return { zone, state, owed, ...(floor === 0n ? {} : { emptySince: stampMs(floor) }) }
      }),
    }),
  )

  app.get<{ Querystring: Asked }>(
    '/gateway/v1/cache/item',
    toRead,
    async ({ query: { ns, key } }): Promise<CacheItemAnswer> => {
      const namespace = namespaceIn(ns)
      if (typeof key !== 'string' || key === '') throw invalid('key', 'name the key, percent-encoded')
      const views = await zoned.inspect(namespace, key, deadlineMs)
      return { namespace, key, zones: views.map(rowOf) }
    },
  )

  app.get<{ Querystring: Asked }>(
    '/gateway/v1/cache/warmth',
    toRead,
    async ({ query: { ns, from } }): Promise<CacheWarmthAnswer> => {
      const namespace = namespaceIn(ns)
      if (from !== undefined && (typeof from !== 'string' || !peers.has(from))) {
        throw invalid('from', `expected one of ${[...peers.keys()].join(', ') || 'no other site'}`)
      }
      const asked = [...peers].filter(([site]) => from === undefined || site === from)
      const sites = await Promise.all(
        asked.map(async ([site, peer]): Promise<CacheWarmthRow> => {
          const warmth = await warmthOf(namespace, site, peer, inner, clock, deadlineMs)
          return warmth ?? { from: site, sampled: 0, present: 0, away: true }
        }),
      )
      return { namespace, sites }
    },
  )

  app.post<{ Params: { zone: string } }>('/gateway/v1/cache/zones/:zone', toOperate, async (request) => {
    const { zone } = request.params
    const { state } = bodyOf(request.body)
    if (!zoned.health().some((known) => known.zone === zone)) throw invalid('the zone', `no zone is called ${zone}`)
    if (!isState(state)) throw invalid('state', `expected one of ${states.join(', ')}`)
    await shared.force(zone, state)
    return { zone, state }
  })

  app.post('/gateway/v1/cache/abandon', toOperate, async (request) => {
    const { site, place } = bodyOf(request.body)
    if (typeof site !== 'string' || typeof place !== 'string') throw invalid('the body', 'expected { site, place }')
    const outcome = await abandon(site, place)
    if (outcome === 'unknown') throw invalid('place', `no process of ${site} is known by it`)
    return { site, place, outcome }
  })
}

interface Asked {
  readonly ns?: unknown
  readonly key?: unknown
  readonly from?: unknown
}

const isState = (value: unknown): value is ForcedState => states.some((state) => state === value)

function namespaceIn(ns: unknown): string {
  if (typeof ns === 'string' && isNamespace(ns)) return ns
  throw invalid('ns', 'it must be 1 to 32 characters of a-z, 0-9 and -')
}

function bodyOf(body: unknown): JsonObject {
  const said = jsonObjectIn(body)
  if (said === undefined) throw invalid('the body', 'it must be a JSON object')
  return said
}

function rowOf({ zone, node, found }: ZoneView): CacheItemRow {
  if (found.kind === 'miss') {
    const { stamp } = found
    const told = stamp === undefined ? {} : { stamp: String(stamp), stampedAt: stampMs(stamp) }
    return { zone, node, result: found.because, ...told }
  }
  const { value, flags, stamp, ttlMs, contentType, tags, soft } = found
  return {
    zone,
    node,
    result: 'hit',
    stamp: String(stamp),
    stampedAt: stampMs(stamp),
    bytes: value.length,
    flags,
    ...(ttlMs === noExpiry ? {} : { ttl: Math.ceil(ttlMs / 1_000) }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(tags === undefined ? {} : { tags: [...tags.exact, ...tags.scopes] }),
    ...(soft === undefined ? {} : { staleSince: soft.sinceMs }),
  }
}

const invalid = (field: string, because: string) => problems['cache-request-invalid']({ field, because })
