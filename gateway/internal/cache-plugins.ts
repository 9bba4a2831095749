import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Table } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { SiteCache } from '../cache/site-cache.ts'
import { debtRoute } from '../cache-api/debt.ts'
import { cacheRoutes, operationNames, operationResults } from '../cache-api/http.ts'
import { invalidation, purgeBuckets, purgeModes } from '../cache-api/invalidate.ts'
import { type CacheClient, mayInvalidate } from '../cache-api/namespace-access.ts'
import { Quotas } from '../cache-api/quotas.ts'
import type { GatewayYaml } from '../config.ts'
import { problems } from '../errors.ts'
import { callOf } from '../front/internal-front.ts'
import type { Events } from '../invalidation/open-events.ts'
import { replicationRoutes } from '../replication/receive.ts'
import { cacheOperations } from './cache-operations.ts'
import { bearerOf, type Credentials, type InternalScope, isTokenOf } from './credentials.ts'

export interface CachePluginsOptions {
  readonly site: string
  readonly cache: SiteCache
  readonly events: Events
  readonly credentials: Credentials
  /** Those of the configuration in force. */
  readonly clients: () => GatewayYaml['cache']['clients']
  readonly table: () => Table | undefined
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
}

/** An invalidation is answered by then, whether or not the other sites have taken it, ms: five crossings of 20 ms. */
const settleMs = 100

/** An operator waits for a zone that is late, but not for long, ms. */
const lookMs = 1_000

/** The cache on the internal listener: for the monolith by its tokens, for peer gateways by their signature. */
export function cachePlugins(options: CachePluginsOptions): FastifyPluginAsync[] {
  const { site, cache, events, credentials, clients, table, metrics, clock, log } = options
  const { zoned, inner, outer, stamps, warm, shared, silence, itemCommands: items } = cache
  const quotas = new Quotas(clock)
  const clientOf = (headers: Readonly<Record<string, string | string[] | undefined>>): CacheClient | undefined => {
    const token = bearerOf(headers)
    const client = token === undefined ? undefined : clients().find(({ sha256 }) => isTokenOf(token, sha256))
    if (client === undefined) return undefined
    return { client: client.name, namespaces: client.namespaces, verbs: client.verbs, quota: client.quota }
  }
  /** A client of the cache by its own token; else the control plane, or an operator who may turn things. */
  const admit = async (request: FastifyRequest, namespace: string): Promise<string> => {
    const client = clientOf(request.headers)
    if (client === undefined) {
      await credentials.requireOperator(callOf(request), 'operate')
      return 'an operator'
    }
    if (!mayInvalidate(client, namespace)) throw problems['cache-forbidden']({ verb: 'delete', namespace })
    const retryAfterS = quotas.take(client.client, client.quota)
    if (retryAfterS > 0) throw problems['cache-quota']({ client: client.client, retryAfterS })
    return client.client
  }
  const known = async (request: FastifyRequest): Promise<void> => {
    if (clientOf(request.headers) === undefined) await credentials.requireOperator(callOf(request), 'operate')
  }
  const require = (request: FastifyRequest, scope: InternalScope) => credentials.requireOperator(callOf(request), scope)
  const seconds = metrics.histogram(
    'tidegate_cache_purge_seconds',
    'Until an invalidation that somebody asked for was durable at this site.',
    { mode: purgeModes },
    purgeBuckets,
  )
  const operations = metrics.counter('tidegate_cache_api_operations_total', 'Operations of the cache API.', {
    op: operationNames,
    result: operationResults,
  })
  const settled = () => outer.settled(settleMs)
  return [
    async (app) => {
      const authenticate = ({ headers }: { headers: Parameters<typeof clientOf>[0] }) => clientOf(headers)
      await app.register(cacheRoutes, {
        store: warm.store,
        zones: inner,
        items,
        stamps,
        clock,
        authenticate,
        quotas,
        operations,
        invalidate: invalidation({ site, store: outer, items, stamps, table, settled, admit, seconds, clock, log }),
      })
    },
    async (app) => {
      // The zones alone: what a peer ships is not shipped on.
      await app.register(replicationRoutes, {
        ...cache.receiving,
        announced: (head) => credentials.isPeerHead(head),
        verify: (call) => credentials.isPeer(call),
      })
    },
    warm.routes((call) => credentials.isPeer(call)),
    async (app) => {
      const toRead = (request: FastifyRequest) => require(request, 'status')
      await app.register(debtRoute, { site, shippers: cache.shippers, silence, require: toRead })
    },
    async (app) => {
      const abandon = (of: string, place: string) => silence.abandon(of, place)
      const peers = warm.peers
      await app.register(cacheOperations, { zoned, inner, shared, peers, abandon, require, clock, deadlineMs: lookMs })
    },
    ...events.plugins({ admit, known, require }),
  ]
}
