import { join } from 'node:path'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Table } from '#routes/table.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { cacheNamespace } from '../cache/key.ts'
import type { SiteCache } from '../cache/site-cache.ts'
import type { GatewayYaml } from '../config.ts'
import type { InternalScope } from '../internal/credentials.ts'
import type { FixedYaml } from '../reload/fixed-config.ts'
import { EventApplier } from './apply-events.ts'
import { eventMetrics } from './event-metrics.ts'
import type { EventSource } from './event-source.ts'
import { eventsApi } from './events-api.ts'
import { RedisStreamSource } from './redis-stream.ts'
import { Replays } from './replay.ts'
import { eventWebhook } from './webhook.ts'

export interface EventsOptions {
  readonly instance: string
  /** Absolute. */
  readonly home: string
  readonly yaml: Pick<FixedYaml, 'site' | 'cache'>
  readonly cache: Pick<SiteCache, 'outer' | 'itemCommands' | 'stamps' | 'shared'>
  readonly table: () => Table | undefined
  /** Who uses the cache, by the configuration in force. */
  readonly users: () => CacheUsers | undefined
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly background: Background
}

export type CacheUsers = Pick<GatewayYaml['cache'], 'namespaces' | 'clients' | 'ports'>

/** Who may send events, and who may look at them. */
export interface EventsAccess {
  readonly admit: (request: FastifyRequest, namespace: string) => Promise<string>
  readonly known: (request: FastifyRequest) => Promise<void>
  readonly require: (request: FastifyRequest, scope: InternalScope) => Promise<void>
}

export interface Events {
  /** Reads the stream, where one is configured, from now on. Redis away keeps nobody from starting. */
  readonly read: () => void
  /** What is under way is finished, or left to other processes. */
  readonly end: () => Promise<void>
  readonly plugins: (access: EventsAccess) => readonly FastifyPluginAsync[]
}

/** What other programs tell this site's cache, by a stream and by HTTP. */
export function openEvents(options: EventsOptions): Events {
  const { instance, home, yaml, cache, table, users, clock, log, metrics, background } = options
  const { redis, stream, namespaces, changes } = yaml.cache.events
  const lifeFile = join(home, 'cache-events-life')
  const source: EventSource | undefined =
    redis === undefined || !stream
      ? undefined
      : new RedisStreamSource({ url: redis, site: yaml.site, consumer: instance, lifeFile, clock, log, background })
  const counted = eventMetrics(metrics, source)
  const applier = new EventApplier({
    ...{ stamps: cache.stamps, table, namespaces, changes, clock, log, metrics: counted },
    // The outermost: its answer means all zones of this site, and the journal to the others.
    store: cache.outer,
    items: cache.itemCommands,
    knownNamespaces: () => namespacesOf(yaml.cache, users(), table()),
    raiseFloor: (stamp) => cache.shared.raise('*', stamp),
  })
  const replays = source && new Replays({ source, sink: applier.sink('replay'), clock, background })
  return {
    read: () => source?.start(applier.sink(source.name)),
    end: async () => {
      replays?.end()
      await source?.close()
    },
    plugins: ({ admit, known, require }) => [
      async (app) => {
        await app.register(eventWebhook, { applier, admit, known, clock, log, metrics: counted })
      },
      async (app) => {
        await app.register(eventsApi, { instance, source, replays, require })
      },
    ],
  }
}

/** Those of the services of the table, and those that the configuration calls by their name. */
function namespacesOf(
  { zones, doubleWrite, events }: EventsOptions['yaml']['cache'],
  users: CacheUsers | undefined,
  table: Table | undefined,
): ReadonlySet<string> {
  const patterns = [...doubleWrite.namespaces, ...(users?.clients ?? []).flatMap(({ namespaces }) => namespaces)]
  const ports = (users?.ports ?? []).flatMap((port) => [port, ...port.users])
  return new Set([
    ...patterns.filter((pattern) => !pattern.endsWith('*')),
    ...Object.keys(users?.namespaces ?? {}),
    ...[...ports, ...zones].flatMap(({ namespace }) => (namespace === undefined ? [] : [namespace])),
    ...events.changes.map(({ ns }) => ns),
    ...(table?.structure.value.services ?? []).map(({ id }) => cacheNamespace(id)),
  ])
}
