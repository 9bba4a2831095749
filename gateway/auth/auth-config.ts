import Type, { type Static } from 'typebox'
import { closed, count, file, flag, group, ms, name, wait } from '../config-parts.ts'

/** Who may come, and where that is looked up: `tokens`, `apiKeys`, `jwt` and `identity` of gateway.yaml. */

const secret = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^\\$\\{(env|file):[^}]+\\}$',
      patternErrorMessage: 'expected a secret: ${env:NAME} or ${file:/path}',
      description,
    }),
  )

const nodeText = {
  pattern: '^(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$',
  patternErrorMessage: 'expected host:port',
} as const

const fieldText = { minLength: 1, maxLength: 128 } as const

const headerText = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$',
  patternErrorMessage: 'expected a header name in lower case, of letters, digits and hyphens',
} as const

const hash = Type.Enum(['sha256', 'none'], {
  default: 'sha256',
  description: 'What stands for the credential in the key: its hex SHA-256, or itself.',
})

const form = Type.Enum(['json', 'hash', 'string'], {
  default: 'json',
  description: 'How Redis holds a caller: a JSON object, a hash, or a string that is the consumer.',
})

const fields = group(
  {
    consumer: Type.String({ ...fieldText, default: 'consumer', description: 'Field of the consumer.' }),
    scopes: Type.String({
      ...fieldText,
      default: 'scopes',
      description: 'Field of the scopes: a list, or a text parted by spaces or commas.',
    }),
    expiresAt: Type.String({ ...fieldText, default: 'expiresAt', description: 'Field of the end, since 1970.' }),
    unit: Type.Enum(['ms', 's'], { default: 'ms', description: 'Unit of that end.' }),
  },
  'Names of the fields in JSON objects and hashes.',
)

const sentinels = Type.Object(
  {
    nodes: Type.Array(Type.String(nodeText), { minItems: 1, maxItems: 64, description: 'Sentinels, host:port.' }),
    name: Type.String({ minLength: 1, maxLength: 128, description: 'Name of the master that they watch.' }),
    password: secret('Password of the sentinels themselves.'),
  },
  { ...closed, description: 'Sentinels that know the master of the moment. Replaces url.' },
)

/** Bearer tokens. */
export const tokens = group(
  {
    driver: Type.Enum(['redis', 'memory', 'none'], {
      default: 'none',
      description: 'Where bearer tokens and API keys are looked up.',
    }),
    url: Type.Optional(
      Type.String({
        pattern: '^rediss?://',
        patternErrorMessage: 'expected redis://host:port',
        description: 'One Redis of this site; rediss:// is TLS.',
      }),
    ),
    sentinels: Type.Optional(sentinels),
    cluster: Type.Optional(
      Type.Array(Type.String(nodeText), {
        minItems: 1,
        maxItems: 64,
        description: 'Some nodes of a Redis Cluster, host:port; the others are learned. Replaces url.',
      }),
    ),
    username: Type.Optional(Type.String({ ...fieldText, description: 'User of Redis; absent: the default user.' })),
    password: secret('Password of Redis; replaces one in url.'),
    tls: flag(false, 'Speak TLS to sentinels, masters and cluster nodes (with url, rediss:// says it).'),
    ca: file('Authority that signed the certificate of Redis (PEM file); absent: those of the system.'),
    key: Type.String({
      pattern: '\\{token\\}',
      patternErrorMessage: 'expected a template with {token}',
      default: 'token:{token}',
      description: 'Key of a token; {token} is the token or its hash.',
    }),
    hash,
    form,
    fields,
    scopes: Type.Array(Type.String(fieldText), {
      default: [],
      maxItems: 100,
      description: 'Scopes of everyone whose entry says none.',
    }),
    file: file(
      'Callers of the memory driver: a JSON list of { sha256, consumer, scopes }, read again when it changes.',
    ),
    memory: flag(
      true,
      'Keep answers of a single Redis here, kept right by its client tracking. Sentinels and clusters are asked each time.',
    ),
    remembered: count(100_000, 'Callers that are kept here at most; 5 s long also a tenth as many unknown tokens.'),
    alsoAsk: Type.Array(Type.String(name), {
      default: [],
      maxItems: 64,
      description: 'Sites that are asked once for a token that is unknown here.',
    }),
    whenAway: Type.Enum(['refuse', 'grace'], {
      default: 'refuse',
      description: 'When the store does not answer: refuse with 503, or let in who was verified less than `grace` ago.',
    }),
    grace: wait('60s', 'For how long, with `whenAway: grace`.'),
    deadline: wait('250ms', 'How long a look-up may take.'),
    peerDeadline: wait('100ms', 'How long another site may take to answer.'),
    guesses: count(50, 'Unknown credentials an address may bring per second; above, only those known here pass.'),
    peerQuestions: count(500, 'Questions per second that this process puts to other sites; above, 503.'),
  },
  'Bearer tokens.',
)

/** API keys: in the same store as tokens, under keys of their own. */
export const apiKeys = group(
  {
    headers: Type.Array(Type.String(headerText), {
      default: [],
      maxItems: 8,
      description: 'Request headers that carry an API key; none: API keys are not taken.',
    }),
    key: Type.String({
      pattern: '\\{key\\}',
      patternErrorMessage: 'expected a template with {key}',
      default: 'apikey:{key}',
      description: 'Key in the store; {key} is the API key or its hash.',
    }),
    hash,
    form,
    fields,
    scopes: Type.Array(Type.String(fieldText), {
      default: [],
      maxItems: 100,
      description: 'Scopes of everyone whose entry says none.',
    }),
    pass: flag(false, 'Leave the API key in the request that the service gets.'),
  },
  'API keys.',
)

/** Never `none`, never HS*: whoever may verify those could also sign. RFC 8725 section 3.1. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

const issuer = Type.Object(
  {
    issuer: Type.String({ minLength: 1, maxLength: 512, description: 'What `iss` must be, to the letter.' }),
    audience: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      minItems: 1,
      maxItems: 16,
      description: '`aud` must hold one of these.',
    }),
    jwks: Type.String({
      pattern: '^https?://[^\\s#]+$',
      patternErrorMessage: 'expected an http or https URL',
      description: 'Where its public keys are.',
    }),
    algorithms: Type.Array(Type.Enum(algorithms), {
      minItems: 1,
      maxItems: 11,
      description: 'Signatures that are taken.',
    }),
    consumer: Type.String({ ...fieldText, default: 'sub', description: 'Claim that names the consumer.' }),
    prefix: Type.String({
      pattern: '^[\\x21-\\x7e]{0,64}$',
      default: '',
      description: 'Before the consumer, so that two issuers cannot mean two people by one name.',
    }),
    scopes: Type.Optional(
      Type.String({ ...fieldText, description: 'Claim of the scopes; absent: `scope`, else `scp`.' }),
    ),
    claims: Type.Array(Type.String(fieldText), {
      default: [],
      maxItems: 32,
      description: 'Claims that identities and rewrites may use.',
    }),
  },
  closed,
)

/** JSON Web Tokens, checked against public keys of their issuers. */
export const jwt = group(
  {
    issuers: Type.Array(issuer, { default: [], maxItems: 16, description: 'Whose tokens are taken.' }),
    skew: wait('30s', 'How far clocks may differ; at most 60s.'),
    refresh: wait('10m', 'Age from which keys are fetched again, behind the requests that use them.'),
    keepFor: wait('24h', 'How long the last good keys are used while their server does not answer.'),
    deadline: wait('2s', 'How long a fetch of keys may take.'),
  },
  'JSON Web Tokens.',
)

/** What services are told of the caller. */
export const identity = group(
  {
    form: Type.Enum(['headers', 'token'], {
      default: 'headers',
      description: 'Plain headers, or one JSON Web Token that this gateway signs.',
    }),
    consumer: Type.String({ ...headerText, default: 'x-tidegate-consumer', description: 'Header of the consumer.' }),
    scopes: Type.Optional(Type.String({ ...headerText, description: 'Header of the scopes, parted by spaces.' })),
    claims: Type.Record(Type.String({ pattern: '^.{1,128}$' }), Type.String(headerText), {
      default: {},
      description: 'Headers of claims, by claim.',
    }),
    header: Type.String({
      ...headerText,
      default: 'x-tidegate-identity',
      description: 'Header of the signed token, with `form: token`.',
    }),
    keys: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
      default: [],
      maxItems: 2,
      description: 'Private keys (PKCS #8 PEM files, mode 0600; Ed25519 or P-256). The first signs, all are published.',
    }),
    issuer: Type.Optional(
      Type.String({ ...fieldText, description: '`iss` of the signed token; absent: tidegate:SITE.' }),
    ),
    lifetime: wait('60s', 'How long a signed token holds; at most 60s.'),
  },
  "What services are told of the caller; a client's own fields of these names never pass.",
)

export type TokensConfig = Static<typeof tokens>
export type ApiKeysConfig = Static<typeof apiKeys>
export type JwtConfig = Static<typeof jwt>
export type IssuerConfig = Static<typeof issuer>
export type IdentityConfig = Static<typeof identity>

/**
 * A credential that stands in its key as it is may be a text such as `token:...`, and be looked up as what it is not; `never` is
 * what it cannot hold.
 */
function canSpell(
  form: { readonly key: string; readonly hash: string },
  place: string,
  other: string,
  never?: string,
): boolean {
  const [before = '', after = ''] = form.key.split(place)
  if (form.hash !== 'none' || !other.startsWith(before) || !other.endsWith(after)) return false
  return never === undefined || !other.slice(before.length, other.length - after.length).includes(never)
}

/** An identity in one of these would frame, route or authenticate the request anew. */
const notForIdentity: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'forwarded',
  'host',
  'transfer-encoding',
  'upgrade',
  'via',
])

/** What no single key of these groups can say wrong. */
export function authContradictions(yaml: {
  readonly tokens: TokensConfig
  readonly apiKeys: ApiKeysConfig
  readonly jwt: JwtConfig
  readonly identity: IdentityConfig
}): string[] {
  const { tokens: store, apiKeys: keys, jwt: web, identity: told } = yaml
  const places = [store.url, store.sentinels, store.cluster].filter((place) => place !== undefined)
  const names = web.issuers.map((one) => one.issuer)
  const headers = [told.consumer, ...(told.scopes === undefined ? [] : [told.scopes]), ...Object.values(told.claims)]
  const faults: [boolean, string][] = [
    [store.driver === 'redis' && places.length === 0, 'tokens.url is missing for the driver redis'],
    [places.length > 1, 'tokens names more than one of url, sentinels and cluster'],
    [store.driver === 'memory' && store.file === undefined, 'tokens.file is missing for the driver memory'],
    [keys.headers.length > 0 && store.driver === 'none', 'apiKeys.headers needs tokens.driver: keys have no store'],
    [
      keys.headers.length > 0 && store.key.replace('{token}', '{}') === keys.key.replace('{key}', '{}'),
      'apiKeys.key is tokens.key: each would be taken for the other',
    ],
    [
      keys.headers.length > 0 &&
        (canSpell(keys, '{key}', store.key) ||
          // RFC 6750 section 2.1: no bearer token has a colon.
          canSpell(store, '{token}', keys.key, ':')),
      'tokens.key and apiKeys.key: with hash none, a credential of one kind could spell the key of the other',
    ],
    [keys.headers.includes('authorization'), 'apiKeys.headers: authorization is for bearer tokens'],
    [ms(web.skew) > 60_000, 'jwt.skew is longer than 60s'],
    [new Set(names).size < names.length, 'jwt.issuers names an issuer twice'],
    [told.form === 'token' && told.keys.length === 0, 'identity.keys is missing for identity.form token'],
    [ms(told.lifetime) > 60_000, 'identity.lifetime is longer than 60s'],
    [
      [...headers, told.header].some((one) => notForIdentity.has(one)),
      `identity must not write any of ${[...notForIdentity].join(', ')}`,
    ],
    [new Set(headers).size < headers.length, 'identity writes one header twice'],
  ]
  return faults.filter(([wrong]) => wrong).map(([, fault]) => fault)
}
