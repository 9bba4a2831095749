import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import type { RingFile } from '#routes/seal.ts'
import { readConfig } from '#server-kit/config.ts'
import { problems } from './errors.ts'

const address = Type.String({
  pattern: '^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$',
  description: '`host:port`; port 0 takes a free one.',
})
const url = Type.String({ pattern: '^https?://[^/?#]+/?$', description: 'An URL without path.' })
const closed = { additionalProperties: false } as const

/** The shape of `edge.yaml`. Paths are relative to the file. */
export const edgeSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$', description: 'Name of this edge, in marks and in status.' }),
    listen: address,
    workers: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        default: 1,
        description: 'workerd processes on the one socket; each uses one core. Default 1.',
      }),
    ),
    home: Type.String({ minLength: 1, description: 'Folder of the kept table and of generated files.' }),
    controlPlane: Type.Object({ url }, { ...closed, description: 'Where tables are polled.' }),
    keys: Type.Object(
      {
        tables: Type.String({ description: 'File of public keys whose tables are believed.' }),
        gateways: Type.String({ description: 'Ring `edge-gateway`, which signs marks.' }),
        control: Type.String({ description: 'Ring `edge-control`, for calls to and from the control plane.' }),
      },
      closed,
    ),
    sites: Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }), url, {
      minProperties: 1,
      description: 'Where this edge reaches the gateway of each site; the first serves until a table is there.',
    }),
    trustedClientIpHeader: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9-]{1,64}$',
        description: "Header in which the front puts the client's address; unset = no address is believed.",
      }),
    ),
    drain: Type.Optional(
      Type.String({
        pattern: '^[0-9]+s$',
        default: '30s',
        description: 'How long requests under way may take after a stop. Default 30s.',
      }),
    ),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Union(
            [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
            { description: 'Default info.' },
          ),
        },
        closed,
      ),
    ),
  },
  closed,
)

export interface EdgeConfig {
  /** Where it was read from, for messages. */
  readonly file: string
  readonly name: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly workers: number
  readonly home: string
  readonly controlPlaneUrl: string
  readonly tableKeys: { readonly keys: readonly { id: string; publicKey: string }[] }
  readonly gatewayRing: RingFile
  readonly controlRing: RingFile
  readonly sites: Readonly<Record<string, string>>
  readonly trustedClientIpHeader: string | undefined
  readonly drainMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** Reads `edge.yaml` and the key files that it names. Throws for the first thing that cannot be used. */
export function readEdgeConfig(file: string, env: Readonly<Record<string, string | undefined>>): EdgeConfig {
  const yaml: Static<typeof edgeSchema> = readConfig(file, edgeSchema, env)
  const beside = (path: string) => resolve(dirname(resolve(file)), path)
  const colon = yaml.listen.lastIndexOf(':')
  return {
    file,
    name: yaml.name,
    listen: { host: yaml.listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(yaml.listen.slice(colon + 1)) },
    workers: yaml.workers ?? 1,
    home: beside(yaml.home),
    controlPlaneUrl: yaml.controlPlane.url.replace(/\/$/, ''),
    tableKeys: readKeyFile(file, beside(yaml.keys.tables)) as EdgeConfig['tableKeys'],
    gatewayRing: readKeyFile(file, beside(yaml.keys.gateways)) as RingFile,
    controlRing: readKeyFile(file, beside(yaml.keys.control)) as RingFile,
    sites: yaml.sites,
    trustedClientIpHeader: yaml.trustedClientIpHeader,
    drainMs: Number.parseInt(yaml.drain ?? '30s', 10) * 1000,
    logLevel: yaml.log?.level ?? 'info',
  }
}

/** Whether the keys in it are good is judged where they are imported; here it must be a file of JSON. */
function readKeyFile(file: string, path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    // Not the parser's own words: they quote the text, which is a secret.
    throw problems['edge-config-invalid']({
      file,
      reason: `the key file ${path} cannot be read as JSON`,
      cause: cause instanceof SyntaxError ? undefined : cause,
    })
  }
}
