import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { parseSize, sizeText } from '#routes/quantity.ts'
import type { RingFile } from '#routes/seal.ts'
import { readConfig } from '#server-kit/config.ts'
import { listenText, sha256Text, urlText } from '#server-kit/config-texts.ts'
import { problems } from './errors.ts'
import { type GivenPlace, placeOf, type SitePlace } from './site-place.ts'

const closed = { additionalProperties: false } as const
const headerName = { pattern: '^[A-Za-z0-9-]{1,64}$' } as const
const file = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description }))

const site = Type.Union([
  Type.String(urlText),
  Type.Object(
    {
      url: Type.String({ ...urlText, description: 'The gateway of the site.' }),
      ca: file('PEM file of authorities that may vouch for it; absent: those that browsers trust.'),
      certificate: file('PEM file that this edge shows to it (mTLS).'),
      key: file('PEM file of the key of `certificate`.'),
      certificateHost: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9.-]{1,253}$',
          description: 'Name that its certificate has to have; absent: the host of `url`.',
        }),
      ),
    },
    closed,
  ),
])

const admin = Type.Object(
  {
    listen: Type.String({
      ...listenText('127.0.0.1:17081'),
      default: '127.0.0.1:17081',
      description: 'Address of the admin listener.',
    }),
    tokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^[a-z0-9-]{1,63}$', description: 'Who it is.' }),
          sha256: Type.String({ ...sha256Text, description: 'SHA-256 of the bearer token.' }),
          scopes: Type.Array(Type.Enum(['metrics', 'status']), { maxItems: 2, description: 'What it may ask for.' }),
        },
        closed,
      ),
      { default: [], maxItems: 100, description: 'Bearer tokens of the admin listener.' },
    ),
  },
  { ...closed, description: 'Health and metrics of this edge; absent: no such listener.' },
)

/** The shape of `edge.yaml`. Paths are relative to the file. */
export const edgeSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$', description: 'Name of this edge, in marks and in status.' }),
    listen: Type.String({ ...listenText('127.0.0.1:17080'), description: '`host:port`; port 0 takes a free one.' }),
    workers: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description: 'workerd processes on the one socket; each uses one core. Absent: one a core.',
      }),
    ),
    memory: Type.Object(
      {
        ceiling: Type.String({
          ...sizeText,
          default: '512MB',
          description: 'Resident memory above which a workerd process is replaced in order.',
        }),
      },
      { ...closed, default: {}, description: 'What a workerd process may cost.' },
    ),
    home: Type.String({ minLength: 1, description: 'Folder of the kept table and of generated files.' }),
    controlPlane: Type.Object(
      { url: Type.String({ ...urlText, description: 'Its public listener.' }) },
      { ...closed, description: 'Where tables are polled.' },
    ),
    keys: Type.Object(
      {
        tables: Type.String({ description: 'File of public keys whose tables are believed.' }),
        gateways: Type.String({ description: 'Ring `edge-gateway`, which signs marks.' }),
        control: Type.String({ description: 'Ring `edge-control`, for calls to and from the control plane.' }),
      },
      closed,
    ),
    sites: Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }), site, {
      minProperties: 1,
      description: 'Where this edge reaches the gateway of each site; the first serves until a table is there.',
    }),
    trustedClientIpHeader: Type.Optional(
      Type.String({
        ...headerName,
        description: "Header in which the front puts the client's address; unset = no address is believed.",
      }),
    ),
    trustedCountryHeader: Type.Optional(
      Type.String({
        ...headerName,
        description: "Header in which the front puts the client's country, two letters; unset = no country is known.",
      }),
    ),
    admin: Type.Optional(admin),
    drain: Type.String({
      pattern: '^[0-9]{1,5}s$',
      default: '30s',
      description: 'How long requests under way may take after a stop.',
    }),
    log: Type.Object(
      {
        level: Type.Enum(['debug', 'info', 'warn', 'error'], {
          default: 'info',
          description: 'Least of what is told.',
        }),
      },
      { ...closed, default: {}, description: 'What this edge tells, as JSON lines on standard output.' },
    ),
  },
  closed,
)

type EdgeYaml = Static<typeof edgeSchema>

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface EdgeConfig {
  /** Where it was read from, for messages. */
  readonly file: string
  /** The file, and all that it names. */
  readonly files: readonly string[]
  readonly name: string
  readonly listen: ListenAddress
  readonly workers: number
  readonly memoryCeilingBytes: number
  readonly home: string
  readonly controlPlaneUrl: string
  readonly tableKeys: { readonly keys: readonly { id: string; publicKey: string }[] }
  readonly gatewayRing: RingFile
  readonly controlRing: RingFile
  readonly sites: Readonly<Record<string, SitePlace>>
  readonly trustedClientIpHeader: string | undefined
  readonly trustedCountryHeader: string | undefined
  readonly admin: { readonly listen: ListenAddress; readonly tokens: readonly AdminToken[] } | undefined
  readonly drainMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

export interface AdminToken {
  readonly name: string
  /** Hex SHA-256. */
  readonly sha256: string
  readonly scopes: readonly ('metrics' | 'status')[]
}

/** Reads `edge.yaml` and the key files that it names. Throws for the first file that cannot be used, with all its faults. */
export function readEdgeConfig(file: string, env: Readonly<Record<string, string | undefined>>): EdgeConfig {
  const yaml: EdgeYaml = readConfig(file, edgeSchema, env)
  const files = [resolve(file)]
  const beside = (path: string) => resolve(dirname(resolve(file)), path)
  const read = (path: string) => {
    files.push(beside(path))
    return readText(file, beside(path))
  }
  const readKeys = (path: string) => keysIn(file, beside(path), read(path))
  const { admin } = yaml
  return {
    file,
    files,
    name: yaml.name,
    listen: addressOf(yaml.listen),
    workers: yaml.workers ?? availableParallelism(),
    memoryCeilingBytes: parseSize(yaml.memory.ceiling) ?? 0,
    home: beside(yaml.home),
    controlPlaneUrl: yaml.controlPlane.url.replace(/\/$/, ''),
    tableKeys: readKeys(yaml.keys.tables) as EdgeConfig['tableKeys'],
    gatewayRing: readKeys(yaml.keys.gateways) as RingFile,
    controlRing: readKeys(yaml.keys.control) as RingFile,
    sites: Object.fromEntries(
      Object.entries(yaml.sites).map(([name, given]) => [name, sitePlace(file, name, given, read)]),
    ),
    trustedClientIpHeader: yaml.trustedClientIpHeader,
    trustedCountryHeader: yaml.trustedCountryHeader,
    admin: admin && { listen: addressOf(admin.listen), tokens: admin.tokens },
    drainMs: Number.parseInt(yaml.drain, 10) * 1000,
    logLevel: yaml.log.level,
  }
}

function addressOf(text: string): ListenAddress {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

function sitePlace(file: string, name: string, given: GivenPlace, read: (path: string) => string): SitePlace {
  const place = placeOf(given, read)
  if ('fault' in place) throw problems['edge-config-invalid']({ file, reason: `sites.${name}: ${place.fault}` })
  return place
}

/** Whether the keys in it are good is judged where they are imported; here it must be a file of JSON. */
function keysIn(file: string, path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not the parser's own words: they quote the text, which is a secret.
    throw problems['edge-config-invalid']({ file, reason: `the key file ${path} cannot be read as JSON` })
  }
}

function readText(file: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw problems['edge-config-invalid']({ file, reason: `the file ${path} cannot be read`, cause })
  }
}
