import type { FastifyPluginAsync } from 'fastify'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { SiteCache } from '../cache/site-cache.ts'
import { cacheRoutes } from '../cache-api/http.ts'
import type { CacheClient } from '../cache-api/namespace-access.ts'
import { replicationRoutes } from '../cache-api/replication.ts'
import type { GatewayYaml } from '../config.ts'
import { bearerOf, type Credentials, isTokenOf } from './credentials.ts'

export interface CachePluginsOptions {
  readonly cache: SiteCache
  readonly credentials: Credentials
  /** Those of the configuration in force. */
  readonly clients: () => GatewayYaml['cache']['clients']
  readonly clock: Clock
  readonly log: Log
}

/** The cache on the internal listener: for the monolith by its tokens, for peer gateways by their signature. */
export function cachePlugins({ cache, credentials, clients, clock, log }: CachePluginsOptions): FastifyPluginAsync[] {
  const { inner, outer, stamps } = cache
  const clientOf = (headers: Readonly<Record<string, string | string[] | undefined>>): CacheClient | undefined => {
    const token = bearerOf(headers)
    const client = token === undefined ? undefined : clients().find(({ sha256 }) => isTokenOf(token, sha256))
    return client && { client: client.name, namespaces: client.namespaces, verbs: client.verbs }
  }
  return [
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
