import Type, { type Static } from 'typebox'
import { headerText } from '#routes/schema-texts.ts'
import { listenText, sha256Text } from '#server-kit/config-texts.ts'
import { closed, flag, group, name, size, wait } from '../config-parts.ts'

const zone = Type.Object(
  {
    name: Type.String({ ...name, description: 'Name of the zone, unique in the site.' }),
    driver: Type.Enum(['memcached', 'memory'], { description: 'A real Memcached, or the memory of this process.' }),
    nodes: Type.Array(Type.String(listenText('127.0.0.1:11211')), {
      default: [],
      maxItems: 256,
      description: 'Memcached nodes of the zone.',
    }),
    ring: Type.Enum(['ketama', 'rendezvous'], { default: 'ketama', description: 'How keys are spread over nodes.' }),
    limit: size('64MiB', 'Memory of the memory driver.'),
  },
  closed,
)

const cacheClient = Type.Object(
  {
    name: Type.String({ ...name, description: 'Who it is.' }),
    sha256: Type.String({ ...sha256Text, description: 'SHA-256 of its bearer token.' }),
    namespaces: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      maxItems: 100,
      description: 'Namespaces that it may use.',
    }),
    verbs: Type.Array(Type.Enum(['read', 'write', 'delete']), { maxItems: 3, description: 'What it may do there.' }),
  },
  closed,
)

/** The cache store of this site: `cache` of gateway.yaml. */
export const cache = group(
  {
    zones: Type.Array(zone, { default: [], maxItems: 16, description: 'Nearest first. None: nothing is cached.' }),
    writeAck: Type.Enum(['one', 'quorum', 'all'], {
      default: 'quorum',
      description: 'How many zones must take a write before it is answered.',
    }),
    doubleWrite: group(
      {
        to: Type.Array(Type.String(name), {
          default: [],
          maxItems: 8,
          description: 'Sites that get a copy of each write.',
        }),
      },
      'Copies to other sites.',
    ),
    clients: Type.Array(cacheClient, { default: [], maxItems: 1000, description: 'Who may use the cache API.' }),
    readDeadline: wait('50ms', 'How long the response cache waits for a value.'),
    responses: flag(true, 'Whether answers of routes with a cache policy are stored.'),
    targeted: Type.Array(Type.String(headerText), {
      maxItems: 5,
      default: ['x-tidegate-cache-control', 'cdn-cache-control'],
      description:
        'Headers of answers that speak to this cache alone, first one first (RFC 9213); a route may name its own.',
    }),
    memory: group(
      {
        on: flag(false, 'Keep answers that are asked for often in the memory of each process, for a second at most.'),
        limit: size('64MiB', 'Memory for them, a process.'),
        alone: flag(
          false,
          'No other process serves this site, so none has to be told of invalidations. Else events.redis tells them.',
        ),
      },
      'The memory of each process, in front of the zones.',
    ),
    events: group(
      {
        redis: Type.Optional(
          Type.String({
            pattern: '^rediss?://',
            patternErrorMessage: 'expected redis://host:port',
            description: 'The Redis server by which the processes of this site tell each other of invalidations.',
          }),
        ),
      },
      'What processes of this site tell each other.',
    ),
  },
  'The cache store of this site.',
)

type CacheYaml = Static<typeof cache>

/** What no single key can say wrong. */
export function cacheContradictions({ zones, memory, events }: CacheYaml): string[] {
  const faults: string[] = []
  for (const { name: zoneName, driver, nodes } of zones)
    if (driver === 'memcached' && nodes.length === 0) faults.push(`cache.zones ${zoneName} names no nodes`)
  if (memory.on && !memory.alone && events.redis === undefined)
    faults.push('cache.memory needs cache.events.redis, or cache.memory.alone where no other process serves this site')
  return faults
}
