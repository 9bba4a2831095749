import Type, { type Static } from 'typebox'
import { headerText } from '#routes/schema-texts.ts'
import { listenText, sha256Text } from '#server-kit/config-texts.ts'
import { isForClients } from '../cache-api/namespace-access.ts'
import { closed, duration, file, flag, group, name, size, wait } from '../config-parts.ts'
import { matchesNamespace } from '../store/namespace-pattern.ts'

const password = {
  pattern: '^[A-Z_][A-Z0-9_]*$',
  patternErrorMessage: 'expected the name of an environment variable',
}

const zone = Type.Object(
  {
    name: Type.String({ ...name, description: 'Name of the zone, unique in the site.' }),
    driver: Type.Enum(['memcached', 'memjs', 'memory'], {
      description:
        'A real Memcached; one that speaks the binary protocol alone, with SASL (memjs); or the memory of this process.',
    }),
    nodes: Type.Array(Type.String(listenText('127.0.0.1:11211')), {
      default: [],
      maxItems: 256,
      description: 'Memcached nodes of the zone.',
    }),
    ring: Type.Enum(['ketama', 'rendezvous'], { default: 'ketama', description: 'How keys are spread over nodes.' }),
    mode: Type.Enum(['auto', 'envelope', 'raw'], {
      default: 'auto',
      description:
        'How values are kept: with their stamp before them (envelope, what auto chooses), or byte for byte as programs that use the zone directly expect them (raw).',
    }),
    namespace: Type.Optional(
      Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'The one namespace whose keys a raw zone keeps.' }),
    ),
    user: Type.Optional(Type.String({ minLength: 1, maxLength: 250, description: 'User name for the nodes.' })),
    passwordFrom: Type.Optional(
      Type.String({ ...password, description: 'Environment variable with the password for the nodes.' }),
    ),
    tls: flag(false, 'Speak TLS with the nodes.'),
    ca: file('Certificates that nodes are checked by (file, PEM). Absent: those of the system.'),
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
    verbs: Type.Array(Type.Enum(['read', 'write', 'delete', 'admin']), {
      maxItems: 4,
      description: 'What it may do there; admin: ask where keys lie and what is owed, by the Memcached port.',
    }),
    quota: Type.Optional(
      Type.Object(
        {
          operations: Type.Integer({
            minimum: 1,
            maximum: 10_000_000,
            description: 'Operations a second, in each process; a batch counts each of its lines.',
          }),
          burst: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 10_000_000,
              description: 'Above it for a moment; absent: as many again.',
            }),
          ),
        },
        { ...closed, description: 'How much it may ask for. Absent: no limit.' },
      ),
    ),
  },
  closed,
)

const port = Type.Object(
  {
    listen: Type.String({
      ...listenText('127.0.0.1:11311'),
      description: 'Address of a port that speaks the Memcached protocol. Beyond loopback it needs users or TLS.',
    }),
    namespace: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9-]{1,32}$',
        description: 'Namespace of whoever need not say who it is.',
      }),
    ),
    verbs: Type.Array(Type.Enum(['read', 'write', 'delete', 'admin']), {
      default: ['read', 'write', 'delete'],
      maxItems: 4,
      description: 'What whoever need not say who it is may do.',
    }),
    flushAll: Type.Enum(['deny', 'namespace'], {
      default: 'deny',
      description: 'What flush_all does: nothing, with an error, or it begins a new generation of the namespace.',
    }),
    users: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, maxLength: 64, pattern: '^[!-~]+$', description: 'User name.' }),
          sha256: Type.String({ ...sha256Text, description: 'SHA-256 of its password, which must be a random token.' }),
          namespace: Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'The namespace of its keys.' }),
          verbs: Type.Array(Type.Enum(['read', 'write', 'delete', 'admin']), {
            default: ['read', 'write', 'delete'],
            maxItems: 4,
            description: 'What it may do there.',
          }),
        },
        closed,
      ),
      { default: [], maxItems: 1000, description: 'Who may use it. None: nobody has to say who it is.' },
    ),
    tls: Type.Optional(
      Type.Object(
        {
          cert: Type.String({ minLength: 1, description: 'Certificate of the port (file, PEM).' }),
          key: Type.String({ minLength: 1, description: 'Its key (file, PEM, mode 0600).' }),
          clients: Type.Optional(
            Type.String({ minLength: 1, description: 'Certificates by which clients are believed (file, PEM).' }),
          ),
        },
        { ...closed, description: 'TLS. With clients, only those that show a certificate get in.' },
      ),
    ),
    maxConnections: Type.Integer({ minimum: 1, maximum: 100_000, default: 10_000, description: 'Open at once.' }),
    idle: duration('10m', 'A connection on which nothing happens is closed.'),
    valueLimit: size('1MiB', 'Largest value; a larger one is refused, and the old one is gone.'),
  },
  closed,
)

const namespaceRules = Type.Object(
  {
    units: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
      default: [],
      maxItems: 1000,
      description: 'Units whose moves wait for the invalidations of the namespace. None: every unit.',
    }),
    onSilence: Type.Enum(['auto', 'serve', 'miss'], {
      default: 'auto',
      description:
        'While another site that invalidates here is not heard: serve what is here, read nothing, or (auto) serve only if all its units are owned here.',
    }),
    warm: Type.Enum(['no', 'pull'], {
      default: 'no',
      description: 'Ask the other site for values that this one does not have (pull).',
    }),
  },
  closed,
)

const change = Type.Object(
  {
    source: Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'The table, as far as needed to tell it apart: products, public.products.',
    }),
    ns: Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'Namespace of the values that its rows are in.' }),
    tags: Type.Array(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^(?:[^{}]|\\{(?:(?:before|after)\\.)?[^{}]+\\})+$',
        patternErrorMessage: 'expected a tag with columns in braces, like product:{id}',
        description: 'A tag; {id} is a column of the row before and after, {before.id} and {after.id} of one of both.',
      }),
      { minItems: 1, maxItems: 20, description: 'What is invalidated.' },
    ),
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
        namespaces: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
          default: ['*'],
          maxItems: 100,
          description: 'Namespaces of which they get one.',
        }),
        bandwidth: Type.Optional(
          Type.String({
            pattern: '^[1-9][0-9]{0,8}(k|M|G)bps$',
            patternErrorMessage: 'expected a rate like 200Mbps',
            description: 'To each site, at most, a process; invalidations go first. Absent: no limit.',
          }),
        ),
      },
      'Copies to other sites.',
    ),
    journal: group(
      {
        invalidations: size('384MiB', 'Disk for invalidations that somebody has still to be told, a process.'),
        values: size('1GiB', 'Disk for values that somebody has still to be told, a process; the oldest go first.'),
      },
      'What was written and is not everywhere yet, in the home folder.',
    ),
    warmUp: group(
      {
        share: Type.Integer({
          minimum: 0,
          maximum: 100,
          default: 5,
          description: 'Of the misses that may be asked of another site, so many in a hundred are.',
        }),
        deadline: wait('50ms', 'How long the other site has for its answer.'),
      },
      'Asking another site for what this one lacks, where a route or a namespace says so.',
    ),
    namespaces: Type.Record(Type.String({ pattern: '^[a-z0-9-]{1,32}$' }), namespaceRules, {
      default: {},
      description: 'Rules of single namespaces.',
    }),
    ports: Type.Array(port, { default: [], maxItems: 16, description: 'Ports that speak the Memcached protocol.' }),
    clients: Type.Array(cacheClient, { default: [], maxItems: 1000, description: 'Who may use the cache API.' }),
    readDeadline: wait(
      '50ms',
      'How long whoever asks for a value waits for it: the response cache, the cache API, the Memcached port.',
    ),
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
        stream: flag(false, 'Read invalidations of other programs from the stream of this site in that Redis.'),
        namespaces: Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
          default: ['*'],
          minItems: 1,
          maxItems: 100,
          description:
            'Namespaces that events may name. When events are lost these are emptied, and with a pattern among them all of this site is.',
        }),
        changes: Type.Array(change, {
          default: [],
          maxItems: 1000,
          description: 'What is invalidated when a row of a table changes, as Debezium tells it.',
        }),
      },
      'What processes of this site tell each other, and what other programs tell them.',
    ),
  },
  'The cache store of this site.',
)

type CacheYaml = Static<typeof cache>

/** What no single key can say wrong. */
export function cacheContradictions({ zones, memory, events, ports }: CacheYaml): string[] {
  const faults: string[] = []
  for (const each of zones) faults.push(...zoneContradictions(each), ...sharedNodes(each, zones))
  if (memory.on && !memory.alone && events.redis === undefined)
    faults.push('cache.memory needs cache.events.redis, or cache.memory.alone where no other process serves this site')
  if (events.stream && events.redis === undefined) faults.push('cache.events.stream needs cache.events.redis')
  for (const { source, ns } of events.changes)
    if (!events.namespaces.some((pattern) => matchesNamespace(pattern, ns)))
      faults.push(`cache.events.changes ${source} names ${ns}, which cache.events.namespaces does not cover`)
  if (ports.length > 0 && zones.length === 0) faults.push('cache.ports needs cache.zones: there is nothing behind them')
  for (const { listen, namespace, users, tls } of ports) {
    const isOpen = users.length === 0 && tls?.clients === undefined
    if (isOpen && !isLoopback(listen))
      faults.push(`cache.ports ${listen} can be reached from elsewhere: it needs users, or tls with clients`)
    if (users.length === 0 && namespace === undefined)
      faults.push(`cache.ports ${listen} names neither users nor a namespace`)
    for (const each of [...(namespace === undefined ? [] : [namespace]), ...users.map((user) => user.namespace)])
      if (!isForClients(each)) faults.push(`cache.ports ${listen}: the namespace ${each} is the gateway's own`)
  }
  return faults
}

/** Keys of a raw zone stand as their clients name them: on a node of another zone they could be any key of any namespace. */
function sharedNodes({ name: own, mode, nodes }: Static<typeof zone>, zones: CacheYaml['zones']): string[] {
  if (mode !== 'raw') return []
  const others = zones.filter(({ name: other }) => other !== own)
  return nodes.flatMap((node) =>
    others
      .filter((other) => other.nodes.includes(node))
      .map((other) => `cache.zones ${own} is raw: its node ${node} cannot be one of ${other.name}, too`),
  )
}

function zoneContradictions({
  name: zoneName,
  driver,
  nodes,
  mode,
  namespace,
  user,
  passwordFrom,
  tls,
  ca,
}: Static<typeof zone>) {
  const faults: string[] = []
  const at = `cache.zones ${zoneName}`
  if (driver !== 'memory' && nodes.length === 0) faults.push(`${at} names no nodes`)
  if (mode === 'raw' && namespace === undefined) faults.push(`${at} is raw: it needs the one namespace that it keeps`)
  if (mode !== 'raw' && namespace !== undefined) faults.push(`${at} names a namespace, which only raw zones have`)
  if (mode === 'raw' && driver === 'memory') faults.push(`${at} is raw: nobody else can use the memory of this process`)
  if (driver === 'memjs' && mode === 'raw')
    faults.push(`${at} is raw: by memjs nobody can tell how long a value has to live; it needs the driver memcached`)
  if (driver === 'memjs' && tls) faults.push(`${at} has tls, which memjs does not speak`)
  if (ca !== undefined && !tls) faults.push(`${at} names a ca without tls`)
  if ((user === undefined) !== (passwordFrom === undefined)) faults.push(`${at} needs user and passwordFrom together`)
  return faults
}

const isLoopback = (listen: string): boolean => /^(?:127\.|localhost:|\[::1\])/.test(listen)
