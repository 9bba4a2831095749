import { dirname, resolve } from 'node:path'
import Type, { type Static, type TObject, type TProperties } from 'typebox'
import { durationText, parseDuration, parseSize, sizeText, waitText } from '#routes/quantity.ts'
import { readConfig } from '#server-kit/config.ts'
import { listenText, sha256Text, urlText } from '#server-kit/config-texts.ts'
import { problems } from './errors.ts'

/** The shape of gateway.yaml. Types, checks, editor completion and the reference page come from here. */

const closed = { additionalProperties: false } as const
const name = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  patternErrorMessage: 'expected a lower-case name of at most 63 characters',
} as const

const wait = (value: string, description: string) => Type.String({ ...waitText, default: value, description })
const duration = (value: string, description: string) => Type.String({ ...durationText, default: value, description })
const size = (value: string, description: string) => Type.String({ ...sizeText, default: value, description })
const count = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: value, description })
const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description })
const file = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description }))
/** A group whose keys all have defaults may be left out whole. */
const group = <P extends TProperties>(properties: P, description: string): TObject<P> =>
  Type.Object(properties, { ...closed, default: {}, description })

const listen = Type.Object(
  {
    public: Type.String({
      ...listenText('127.0.0.1:17101'),
      description: 'Where clients, edges and peer gateways come in.',
    }),
    internal: Type.String({
      ...listenText('127.0.0.1:17101'),
      description: 'Operators, the control plane and the cache API. Never expose it.',
    }),
  },
  { ...closed, description: 'Addresses to listen on.' },
)

const keys = group(
  {
    tables: file('Public keys whose signature on tables is believed (file).'),
    edge: file('Secrets shared with the edges (file, mode 0600). Absent: no edge is believed.'),
    peers: file("Secrets shared with the other sites' gateways (file, mode 0600). Absent: nothing is forwarded."),
    control: file('Secrets shared with the control plane (file, mode 0600).'),
  },
  'Key files, relative to this file.',
)

const peer = Type.Object(
  {
    public: Type.String({ ...urlText, description: "URL of that site's public listener." }),
    internal: Type.String({ ...urlText, description: "URL of that site's internal listener." }),
  },
  closed,
)

const tokens = group(
  {
    driver: Type.Enum(['redis', 'memory', 'none'], {
      default: 'none',
      description: 'Where bearer tokens are looked up.',
    }),
    url: Type.Optional(
      Type.String({
        pattern: '^rediss?://',
        patternErrorMessage: 'expected redis://host:port',
        description: 'Redis of this site.',
      }),
    ),
    key: Type.String({
      pattern: '\\{token\\}',
      patternErrorMessage: 'expected a template with {token}',
      default: 'token:{token}',
      description: 'Key of a token; {token} is the token or its hash.',
    }),
    hash: Type.Enum(['sha256', 'none'], {
      default: 'sha256',
      description: 'How {token} is written: hex SHA-256 of the token, or the token itself.',
    }),
    file: file('Tokens of the memory driver: a JSON list of { sha256, consumer, scopes }, read again when it changes.'),
    alsoAsk: Type.Array(Type.String(name), {
      default: [],
      maxItems: 64,
      description: 'Sites that are asked once for a token that is unknown here.',
    }),
    whenAway: Type.Enum(['refuse'], {
      default: 'refuse',
      description: 'When the token store does not answer: refuse with 503.',
    }),
    deadline: wait('250ms', 'How long a look-up may take.'),
    peerDeadline: wait('100ms', 'How long another site may take to answer.'),
  },
  'Bearer tokens.',
)

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

const cache = group(
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
  },
  'The cache store of this site.',
)

const internal = group(
  {
    tokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ ...name, description: 'Who it is.' }),
          sha256: Type.String({ ...sha256Text, description: 'SHA-256 of the bearer token.' }),
          scopes: Type.Array(Type.Enum(['metrics', 'status', 'explain', 'drain']), {
            maxItems: 4,
            description: 'What it may ask for.',
          }),
        },
        closed,
      ),
      { default: [], maxItems: 100, description: 'Bearer tokens of the internal listener.' },
    ),
  },
  'Who may use the internal listener, beside signed programs.',
)

const limits = group(
  {
    maxInFlight: count(2_000, 'Requests under way in this process; more are refused with 503.'),
    maxConnections: count(20_000, 'Open client connections.'),
    deploymentConnections: count(256, 'Connections to one deployment.'),
    deploymentInFlight: count(1_024, 'Requests under way or waiting for one deployment.'),
    interconnectInFlight: count(512, 'Requests on their way to one other site.'),
    head: size('32KiB', 'A request head.'),
    target: size('8KiB', 'A request target.'),
    headTimeout: wait('10s', 'For a request head to come.'),
    idleTimeout: wait('910s', 'Idle client connections. Above the 900 s of a CDN in front, or its POSTs are lost.'),
    upstreamIdle: wait('4s', "Idle connections to services. Below the service's own limit."),
    hold: wait('2s', 'How long a request may wait for a newer table.'),
  },
  'Limits of one process.',
)

export const configSchema = Type.Object(
  {
    site: Type.String({ ...name, description: 'The site that this gateway serves.' }),
    instance: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9-]{1,64}$',
        description: 'Name of this process; absent: a fresh one at each start.',
      }),
    ),
    home: Type.String({ minLength: 1, maxLength: 4096, description: 'Folder for the last good table.' }),
    listen,
    internalUrl: Type.Optional(
      Type.String({
        ...urlText,
        description: 'How the control plane reaches the internal listener; absent: http and its address.',
      }),
    ),
    controlPlane: Type.Optional(
      Type.Object({ url: Type.String({ ...urlText, description: 'Its public listener.' }) }, closed),
    ),
    table: Type.Optional(
      Type.Object(
        { file: Type.String({ minLength: 1, description: 'Folder with structure.json and placements.json, sealed.' }) },
        closed,
      ),
    ),
    keys,
    edgeRequired: flag(false, 'Refuse requests that no edge or peer signed.'),
    trustedProxies: Type.Array(Type.String({ maxLength: 64 }), {
      default: [],
      maxItems: 1000,
      description: 'CIDRs whose X-Forwarded-For is believed.',
    }),
    peers: Type.Record(Type.String({ pattern: name.pattern }), peer, {
      default: {},
      description: 'Gateways of the other sites.',
    }),
    tokens,
    cache,
    internal,
    via: Type.String({
      pattern: '^[A-Za-z0-9.-]{1,64}$',
      default: 'tidegate',
      description: 'Our name in Via; the same at all sites.',
    }),
    log: group(
      {
        level: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          description: 'Least level that is written.',
        }),
        access: flag(true, 'One line a request.'),
      },
      'Logs, on standard output.',
    ),
    limits,
    drain: group(
      {
        notice: duration('10s', 'After SIGTERM: how long requests are still taken, so that balancers see it first.'),
        limit: wait('30s', 'How long requests under way may take to end.'),
      },
      'The orderly end.',
    ),
  },
  closed,
)

export type GatewayYaml = Static<typeof configSchema>

export interface GatewayConfig {
  readonly yaml: GatewayYaml
  /** A path of the YAML, relative to its file. */
  path(relative: string): string
}

/** Reads and checks gateway.yaml. Throws `config-unreadable` or `config-invalid`, with every fault at once. */
export function readGatewayConfig(fileName: string, env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const yaml = readConfig(fileName, configSchema, env)
  const faults = contradictions(yaml)
  if (faults.length > 0) throw problems['gateway-config-contradictory']({ file: fileName, faults: faults.join('\n') })
  const folder = dirname(resolve(fileName))
  return { yaml, path: (relative) => resolve(folder, relative) }
}

/** A checked duration in ms. */
export const ms = (text: string): number => parseDuration(text) ?? 0
/** A checked size in bytes. */
export const bytes = (text: string): number => parseSize(text) ?? 0

/** What no single key can say wrong. */
function contradictions({
  controlPlane,
  table,
  keys: ring,
  peers,
  tokens: store,
  cache: { doubleWrite, zones },
}: GatewayYaml): string[] {
  const faults: string[] = []
  const needs = (condition: boolean, fault: string) => condition || faults.push(fault)
  needs(
    controlPlane !== undefined || table !== undefined,
    'one of controlPlane and table must say where tables come from',
  )
  needs(ring.tables !== undefined, 'keys.tables is missing: without it no table can be believed')
  needs(
    controlPlane === undefined || ring.control !== undefined,
    'keys.control is missing: the control plane would refuse this gateway',
  )
  needs(store.driver !== 'redis' || store.url !== undefined, 'tokens.url is missing for the driver redis')
  needs(store.driver !== 'memory' || store.file !== undefined, 'tokens.file is missing for the driver memory')
  for (const site of [...store.alsoAsk, ...doubleWrite.to])
    needs(peers[site] !== undefined, `peers.${site} is missing, and is named elsewhere`)
  needs(
    Object.keys(peers).length === 0 || ring.peers !== undefined,
    'keys.peers is missing: peers would refuse this gateway',
  )
  for (const { name: zoneName, driver, nodes } of zones) {
    needs(driver !== 'memcached' || nodes.length > 0, `cache.zones ${zoneName} names no nodes`)
  }
  return faults
}
