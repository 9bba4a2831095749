import { hash } from 'node:crypto'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import type { SiteCache } from '../cache/site-cache.ts'
import type { GatewayConfig, GatewayYaml } from '../config.ts'
import { ms } from '../config-parts.ts'
import { MemcachedPorts } from './memcached-ports.ts'

export interface OpenPortsOptions {
  /** What the process began with. */
  readonly config: GatewayConfig
  /** What is in force. */
  readonly current: () => GatewayYaml
  readonly cache: SiteCache
  readonly handed: readonly number[] | undefined
  readonly version: string
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
}

/** The ports of a gateway in front of its cache; not open yet. */
export function openPorts({ config, current, cache, handed, ...process }: OpenPortsOptions): MemcachedPorts {
  const readDeadlineMs = ms(config.yaml.cache.readDeadline)
  const { version, metrics, clock, log } = process
  return new MemcachedPorts({
    ports: config.yaml.cache.ports,
    current: () => current().cache.ports,
    path: config.path,
    ...(handed === undefined ? {} : { handed }),
    store: cache.warm.store,
    zones: cache.inner,
    items: cache.itemCommands,
    stamps: cache.stamps,
    readDeadlineMs,
    admin: {
      route: async (namespace, key) => {
        const places = await cache.zoned.inspect(namespace, key, readDeadlineMs)
        return places.map(({ zone, node, found }) => ({
          zone,
          node,
          state: found.kind === 'hit' ? 'hit' : found.because,
        }))
      },
      zones: () => cache.outer.health(),
      debt: () => cache.outer.debt(),
      version,
      configDigest: () => hash('sha256', JSON.stringify(current())),
    },
    metrics,
    clock,
    log,
  })
}
