import { dirname, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { sizeText } from '#routes/quantity.ts'
import { checkConfig, readConfigText } from '#server-kit/config.ts'
import { listenText, sha256Text, urlText } from '#server-kit/config-texts.ts'
import { recorderGroup, traceGroup } from './account/account-config.ts'
import { apiKeys, authContradictions, identity, jwt, tokens } from './auth/auth-config.ts'
import { cache, cacheContradictions } from './cache/cache-config.ts'
import { closed, duration, file, flag, group, name, wait } from './config-parts.ts'
import { problems } from './errors.ts'
import { extensions } from './extensions/extensions-config.ts'
import { limits } from './front/listener-config.ts'
import { rates } from './limits/limits-config.ts'
import { upstreams } from './upstream/upstream-config.ts'

/** The shape of gateway.yaml. Types, checks, editor completion and the reference page come from here. */

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

const internal = group(
  {
    tokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ ...name, description: 'Who it is.' }),
          sha256: Type.String({ ...sha256Text, description: 'SHA-256 of the bearer token.' }),
          scopes: Type.Array(Type.Enum(['metrics', 'status', 'explain', 'drain', 'operate']), {
            maxItems: 5,
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

export const configSchema = Type.Object(
  {
    site: Type.String({ ...name, description: 'The site that this gateway serves.' }),
    instance: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9-]{1,64}$',
        description: 'Name of this process; absent: a fresh one at each start.',
      }),
    ),
    home: Type.String({
      minLength: 1,
      maxLength: 4096,
      description: 'Folder for the last good table and the last good configuration.',
    }),
    workers: Type.Integer({
      minimum: 1,
      maximum: 64,
      default: 1,
      description: 'Gateway processes on the listening sockets; more than one are kept by a supervisor.',
    }),
    memoryLimit: Type.Optional(
      Type.String({
        ...sizeText,
        description: 'Resident memory above which a supervised process is replaced in order; absent: no limit.',
      }),
    ),
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
    apiKeys,
    jwt,
    identity,
    cache,
    internal,
    via: Type.String({
      pattern: '^[A-Za-z0-9.-]{1,64}$',
      default: 'tidegate',
      description: 'Our name in Via; the same at all sites.',
    }),
    viaOn: group(
      {
        requests: flag(true, 'Name us in Via to services. Without it some loops are found later.'),
        answers: flag(true, 'Name us in Via to clients.'),
      },
      'In which direction Via is written.',
    ),
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
    upstreams,
    rates,
    extensions,
    trace: traceGroup,
    recorder: recorderGroup,
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

export type Environment = Readonly<Record<string, string | undefined>>

export interface GatewayConfig {
  readonly yaml: GatewayYaml
  /** A path of the YAML, relative to its file. */
  path(relative: string): string
}

/** Reads and checks gateway.yaml. Throws `config-unreadable` or `config-invalid`, with every fault at once. */
export function readGatewayConfig(fileName: string, env: Environment): GatewayConfig {
  return checkGatewayConfig(fileName, readConfigText(fileName), env)
}

/** The same for a text at hand, whose paths are relative to where `fileName` is. */
export function checkGatewayConfig(fileName: string, text: string, env: Environment): GatewayConfig {
  const yaml = checkConfig(fileName, text, configSchema, env)
  const faults = contradictions(yaml)
  if (faults.length > 0) throw problems['gateway-config-contradictory']({ file: fileName, faults: faults.join('\n') })
  const folder = dirname(resolve(fileName))
  return { yaml, path: (relative) => resolve(folder, relative) }
}

/** What no single key can say wrong. */
function contradictions({
  controlPlane,
  table,
  keys: ring,
  peers,
  cache: cacheYaml,
  upstreams: { certificates },
  ...auth
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
  faults.push(...authContradictions(auth))
  for (const site of [...auth.tokens.alsoAsk, ...cacheYaml.doubleWrite.to])
    needs(peers[site] !== undefined, `peers.${site} is missing, and is named elsewhere`)
  needs(
    Object.keys(peers).length === 0 || ring.peers !== undefined,
    'keys.peers is missing: peers would refuse this gateway',
  )
  for (const [certificate, { cert, key }] of Object.entries(certificates))
    needs(
      (cert === undefined) === (key === undefined),
      `upstreams.certificates.${certificate} has only one of cert and key`,
    )
  faults.push(...cacheContradictions(cacheYaml))
  return faults
}
