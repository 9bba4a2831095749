import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Table } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { SiteCache } from '../cache/site-cache.ts'
import { cacheRoutes } from '../cache-api/http.ts'
import { invalidateRoute, purgeBuckets, purgeModes } from '../cache-api/invalidate.ts'
import { type CacheClient, mayInvalidate } from '../cache-api/namespace-access.ts'
import { replicationRoutes } from '../cache-api/replication.ts'
import type { GatewayYaml } from '../config.ts'
import { problems } from '../errors.ts'
import { callOf } from '../front/internal-front.ts'
import { bearerOf, type Credentials, isTokenOf } from './credentials.ts'

export interface CachePluginsOptions {
  readonly site: string
  readonly cache: SiteCache
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

/** The cache on the internal listener: for the monolith by its tokens, for peer gateways by their signature. */
export function cachePlugins(options: CachePluginsOptions): FastifyPluginAsync[] {
  const { site, cache, credentials, clients, table, metrics, clock, log } = options
  const { inner, outer, stamps } = cache
  const clientOf = (headers: Readonly<Record<string, string | string[] | undefined>>): CacheClient | undefined => {
    const token = bearerOf(headers)
    const client = token === undefined ? undefined : clients().find(({ sha256 }) => isTokenOf(token, sha256))
    return client && { client: client.name, namespaces: client.namespaces, verbs: client.verbs }
  }
  /** A client of the cache by its own token; else the control plane, or an operator who may turn things. */
  const admit = async (request: FastifyRequest, namespace: string): Promise<string> => {
    const client = clientOf(request.headers)
    if (client === undefined) {
      await credentials.requireOperator(callOf(request), 'operate')
      return 'an operator'
    }
    if (!mayInvalidate(client, namespace)) throw problems['cache-forbidden']({ verb: 'delete', namespace })
    return client.client
  }
  const seconds = metrics.histogram(
    'tidegate_cache_purge_seconds',
    'Until an invalidation that somebody asked for was durable at this site.',
    { mode: purgeModes },
    purgeBuckets,
  )
  return [
    async (app) => {
      const settled = () => outer.settled(settleMs)
      await app.register(invalidateRoute, { site, store: outer, stamps, table, settled, admit, seconds, clock, log })
    },
    async (app) => {
      const authenticate = ({ headers }: { headers: Parameters<typeof clientOf>[0] }) => clientOf(headers)
      await app.register(cacheRoutes, { store: outer, stamps, clock, authenticate })
    },
    async (app) => {
      // The zones alone: what a peer ships is not shipped on.
      await app.register(replicationRoutes, {
        store: inner,
        clock,
        stampClock: stamps,
        log,
        verify: (call) => credentials.isPeer(call),
      })
    },
  ]
}
