import { dirname, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { Problem } from '#routes/problem.ts'
import { readConfig } from '#server-kit/config.ts'
import { listenText, sha256Text, urlText } from '#server-kit/config-texts.ts'
import { readSecret } from '#server-kit/secret.ts'
import { scopes } from './access/can.ts'
import { cloudflareSchema } from './edge/cloudflare-config.ts'

/** The shape of control-plane.yaml. Types, checks, editor completion and the reference page come from here. */

const closed = { additionalProperties: false } as const
const nameText = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  patternErrorMessage: 'expected a lower-case name of at most 63 characters',
} as const
const file = (description: string) => Type.String({ minLength: 1, maxLength: 4_096, description })

export const controlPlaneSchema = Type.Object(
  {
    listen: Type.Object(
      {
        public: Type.String({
          ...listenText('127.0.0.1:17000'),
          description: 'Where operators, the console, gateways and edges come in.',
        }),
        internal: Type.String({
          ...listenText('127.0.0.1:17000'),
          default: '127.0.0.1:0',
          description: 'Health and metrics for probes of this machine. Never expose it.',
        }),
      },
      { ...closed, description: 'Addresses to listen on.' },
    ),
    publicUrl: Type.Optional(
      Type.String({ ...urlText, description: 'URL under which browsers reach it. Default: the bound public address.' }),
    ),
    home: file('Folder of the database, made with mode 0700. One control plane works in it at a time.'),
    environment: Type.String({ ...nameText, default: 'production', description: 'What it governs; told everywhere.' }),
    keys: Type.Object(
      {
        tableSigning: file('Private key that signs tables (file, mode 0600).'),
        gateways: file('Secrets shared with the gateways (file, mode 0600).'),
        edges: file('Secrets shared with the edges (file, mode 0600).'),
      },
      { ...closed, description: 'Key files, relative to this file.' },
    ),
    gateways: Type.Array(
      Type.Object(
        {
          site: Type.String({ ...nameText, description: 'Site of the gateway.' }),
          internalUrl: Type.String({ ...urlText, description: 'Its internal listener.' }),
        },
        closed,
      ),
      {
        maxItems: 1_000,
        default: [],
        description: 'Gateways to ask at the start, besides those that registered before.',
      },
    ),
    edges: Type.Array(
      Type.Object(
        {
          name: Type.String({ ...nameText, description: 'Name of the edge, for messages.' }),
          url: Type.String({ ...urlText, description: 'Where the edge answers.' }),
        },
        closed,
      ),
      { maxItems: 1_000, default: [], description: 'Edges to ask at the start and for the status.' },
    ),
    cloudflare: Type.Optional(cloudflareSchema),
    console: Type.Optional(file('Folder of the built console. Absent: no console.')),
    bootstrapTokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ ...nameText, description: 'Who acts, as the audit tells it.' }),
          sha256: Type.String({ ...sha256Text, description: 'SHA-256 of the token; the token itself stands nowhere.' }),
          scopes: Type.Array(Type.Enum([...scopes]), { minItems: 1, maxItems: 6, description: 'What it may do.' }),
        },
        closed,
      ),
      { maxItems: 100, default: [], description: 'Tokens that exist before any was created.' },
    ),
    log: Type.Object(
      {
        level: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          description: 'Least severe line that is written.',
        }),
      },
      { ...closed, default: {}, description: 'The log, on standard output.' },
    ),
  },
  closed,
)

export type ControlPlaneYaml = Static<typeof controlPlaneSchema>

/** The file's values with absolute paths. Throws all its faults at once. */
export function readControlPlaneConfig(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): ControlPlaneYaml {
  const yaml = readConfig(path, controlPlaneSchema, env)
  if (yaml.cloudflare !== undefined) refuseLiteral(yaml.cloudflare.token, env)
  const from = (relative: string) => resolve(dirname(path), relative)
  const { tableSigning, gateways, edges } = yaml.keys
  return {
    ...yaml,
    home: from(yaml.home),
    keys: { tableSigning: from(tableSigning), gateways: from(gateways), edges: from(edges) },
    ...(yaml.console === undefined ? {} : { console: from(yaml.console) }),
  }
}

/** By its own problem: those of the schema repeat the value, which here would be the secret. */
function refuseLiteral(reference: string, env: Readonly<Record<string, string | undefined>>): void {
  try {
    readSecret(reference, env)
  } catch (cause) {
    // One that is not there yet is told where it is needed: it stops no control plane.
    if (cause instanceof Problem && cause.code === 'secret-reference-invalid') throw cause
  }
}
