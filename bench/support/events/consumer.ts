/** A process of one site that reads its events: its cache with its zones and its way to the other site, no more. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import { stringify } from 'yaml'
import { KeyRing } from '#routes/seal.ts'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openSiteCache } from '../../../gateway/cache/site-cache.ts'
import { checkGatewayConfig } from '../../../gateway/config.ts'
import { Credentials } from '../../../gateway/internal/credentials.ts'
import { EventApplier } from '../../../gateway/invalidation/apply-events.ts'
import { eventMetrics } from '../../../gateway/invalidation/event-metrics.ts'
import type { EventSink, Message } from '../../../gateway/invalidation/event-source.ts'
import { RedisStreamSource } from '../../../gateway/invalidation/redis-stream.ts'
import { fixedOf } from '../../../gateway/reload/fixed-config.ts'
import { replicationRoutes } from '../../../gateway/replication/receive.ts'
import type { ConsumerOptions, Told } from './consumer-process.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as ConsumerOptions
const { site, home, name, other, port, redis, namespaces, writer, care } = options

const log = createLog({
  program: name,
  level: 'warn',
  destination: { write: (line: string) => appendFileSync(join(home, `${name}.log`), line) },
})
const ring = await KeyRing.open({ purpose: 'gateway-gateway', keys: [{ id: 'k1', secret: options.secret }] })
const background = new Background(log)
const metrics = createMetrics()
const yaml = fixedOf(checkGatewayConfig(join(home, 'gateway.yaml'), configuration(), {}).yaml)
const common = { clock, log, metrics, background }
const cache = await openSiteCache({
  ...common,
  ...{ instance: name, yaml, home, writer, random: systemRandom, ring: () => ring, table: () => undefined },
})
if (cache === undefined) throw new Error('a site has zones')

const credentials = new Credentials({ audience: `gateway:${site}`, control: undefined, peers: ring, tokens: [], clock })
const app = Fastify({ forceCloseConnections: true })
installProblemReplies(app, { audience: 'operator', log })
await app.register(replicationRoutes, {
  ...cache.receiving,
  announced: (head) => credentials.isPeerHead(head),
  verify: (call) => credentials.isPeer(call),
})
if (port !== undefined) await app.listen({ host: '127.0.0.1', port })

const applier = new EventApplier({
  ...{ store: cache.outer, stamps: cache.stamps, clock, log, namespaces, changes: [], table: () => undefined },
  knownNamespaces: () => namespaces,
  raiseFloor: (stamp) => cache.shared.raise('*', stamp),
  metrics: eventMetrics(metrics, undefined),
})
const lifeFile = join(home, 'cache-events-life')
new RedisStreamSource({ ...common, url: redis, site, consumer: name, lifeFile }).start(
  guarded(applier.sink('redis-stream')),
)
// Without its parent it has nobody to work for.
process.on('disconnect', () => process.exit(0))
tell({ tell: 'ready' })

/** The negative controls take away one guard each, and nothing else. */
function guarded({ take, missed }: EventSink): EventSink {
  const queue: Message[] = []
  let workers = 0
  const work = async (): Promise<void> => {
    workers++
    for (let message = queue.shift(); message !== undefined; message = queue.shift()) await take(message)
    workers--
  }
  return {
    take: async (message) => {
      if (care !== 'acks-first') return take(message)
      // As whoever has workers of its own would do it: what is queued is taken.
      queue.push(message)
      if (workers < 4) background.run('apply events that are acknowledged already', work())
      return { kind: 'applied' }
    },
    missed: async (because) => {
      if (care !== 'blind') await missed(because)
      tell({ tell: 'gap', because })
    },
  }
}

function configuration(): string {
  const zones = options.zones.map((address, at) => ({ name: `zone-${at}`, driver: 'memcached', nodes: [address] }))
  return stringify({
    ...{ site, home, listen: { public: '127.0.0.1:0', internal: '127.0.0.1:0' }, table: { file: 'table' } },
    keys: { tables: 'keys/tables.public.json', peers: 'keys/gateway-gateway.json' },
    ...(other === undefined ? {} : { peers: { [other.site]: { public: other.origin, internal: other.origin } } }),
    cache: {
      zones,
      doubleWrite: { to: other === undefined ? [] : [other.site] },
      // All of this shares the cores of one machine: late is no sign of a zone that is away.
      readDeadline: '500ms',
      journal: { invalidations: '64MiB', values: '64MiB' },
      events: { redis, stream: true, namespaces },
    },
  })
}

function tell(told: Told): void {
  process.send?.(told)
}
