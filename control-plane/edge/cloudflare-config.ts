import Type, { type Static } from 'typebox'
import { urlText } from '#server-kit/config-texts.ts'

const idText = {
  pattern: '^[0-9a-f]{32}$',
  patternErrorMessage: 'expected an id of Cloudflare, 32 hex digits',
} as const

/** The group `cloudflare` of control-plane.yaml. */
export const cloudflareSchema = Type.Object(
  {
    account: Type.String({ ...idText, description: 'Id of the account, as its overview shows it.' }),
    script: Type.String({
      pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
      patternErrorMessage: 'expected the name of a script: lower-case letters, digits and hyphens',
      description:
        'Name of the worker that `npm run deploy:edge` has deployed: `tidegate-edge-production` unless it was renamed.',
    }),
    token: Type.String({
      minLength: 1,
      maxLength: 4_096,
      description:
        'API token: `${env:CLOUDFLARE_API_TOKEN}`, or `${file:/run/secrets/cloudflare}`, read anew for each call. It needs "Workers Scripts: Edit" and "Workers KV Storage: Edit" of this account, and nothing else.',
    }),
    host: Type.String({
      ...urlText,
      description:
        'A host of the zone that the worker answers, `https://api.example.com`: new versions are tried there.',
    }),
    kvNamespace: Type.Optional(
      Type.String({
        ...idText,
        description:
          'Id of the KV namespace that the worker has as `PLACEMENTS`. Absent: new isolates start from their bundle and from what their colo keeps.',
      }),
    ),
    api: Type.String({
      pattern: '^https?://[^\\s?#@]+[^/\\s?#@]$',
      patternErrorMessage: 'expected an http or https URL without credentials and without a slash at its end',
      default: 'https://api.cloudflare.com/client/v4',
      description: 'Where the API is, for a proxy in between.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'The edge on Cloudflare: the newest table is published there as a version of the worker, and in KV. Absent: nothing is.',
  },
)

export type CloudflareYaml = Static<typeof cloudflareSchema>
