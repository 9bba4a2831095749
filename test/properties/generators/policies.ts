import fc from 'fast-check'
import type { Placement } from '#routes/placement.ts'
import type {
  AnswerPolicy,
  CachePolicy,
  HeaderEdits,
  ParameterRule,
  Rate,
  RoutePolicy,
  Shadow,
} from '#routes/policy.ts'
import type { DeploymentFacts, ServiceFacts } from '#routes/structure.ts'

/** Policies, deployments and shadows of which any key may be there or absent: what an encoder may ever be given. */

const positive = fc.integer({ min: 1, max: 1_000_000_000 })
const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/)
const words = fc.array(word, { maxLength: 3 })
const yes = fc.constant(true as const)
const headerName = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,9}$/)
const headerValue = fc.stringMatching(/^[ -~]{0,12}$/)
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 3 })
const anyText = fc.string({ unit: 'binary', maxLength: 8 })
const anyName = fc.oneof(fc.constant('__proto__'), fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }))

/** Every key may be absent, but those named. */
function some<Value extends object, const Needed extends keyof Value = never>(
  model: { readonly [Key in keyof Value]-?: fc.Arbitrary<Exclude<Value[Key], undefined>> },
  needed: readonly Needed[] = [],
): fc.Arbitrary<Value> {
  return fc.record(model as never, { requiredKeys: needed as never, noNullPrototype: true }) as fc.Arbitrary<Value>
}

const rate = some<Rate, 'count' | 'windowMs'>({ count: positive, windowMs: positive, burst: positive }, [
  'count',
  'windowMs',
])

const edits = some<HeaderEdits>({ set: headers, add: headers, remove: fc.array(headerName, { maxLength: 3 }) })

const schema: fc.Arbitrary<object> = fc.oneof(
  some({ type: fc.constantFrom('string', ['integer', 'null']), maxLength: fc.nat(), pattern: fc.constant('^a+$') }),
  fc.record({
    properties: fc.dictionary(anyName, fc.constant({ type: 'string', enum: ['a', null, { b: [1] }] }), { maxKeys: 2 }),
    required: fc.uniqueArray(word, { maxLength: 2 }),
    additionalProperties: fc.boolean(),
  }),
)

const parameters = fc.dictionary(anyName, some<ParameterRule, 'schema'>({ schema, required: yes }, ['schema']), {
  maxKeys: 2,
})

type AnswerOf<Kind extends AnswerPolicy['kind']> = Extract<AnswerPolicy, { kind: Kind }>

const answer: fc.Arbitrary<AnswerPolicy> = fc.oneof(
  some<AnswerOf<'redirect'>, 'kind' | 'status' | 'to'>(
    {
      kind: fc.constant('redirect' as const),
      status: fc.constantFrom(301, 302, 303, 307, 308),
      to: headerValue,
      keepQuery: yes,
    },
    ['kind', 'status', 'to'],
  ),
  some<AnswerOf<'respond'>, 'kind' | 'status'>(
    {
      kind: fc.constant('respond' as const),
      status: fc.integer({ min: 200, max: 599 }),
      headers,
      body: anyText,
      contentType: headerValue,
    },
    ['kind', 'status'],
  ),
  some<AnswerOf<'maintenance'>, 'kind' | 'retryAfterMs'>(
    { kind: fc.constant('maintenance' as const), retryAfterMs: fc.nat(), message: anyText },
    ['kind', 'retryAfterMs'],
  ),
)

export const anyPolicy: fc.Arbitrary<RoutePolicy> = some<RoutePolicy, 'auth' | 'timeout' | 'maxBodyBytes'>(
  {
    auth: fc.oneof(
      fc.constant('public' as const),
      some<Exclude<RoutePolicy['auth'], 'public'>, 'scopes'>(
        { scopes: words, any: fc.subarray(['token', 'api-key', 'jwt'] as const) },
        ['scopes'],
      ),
    ),
    timeout: some<RoutePolicy['timeout'], 'connectMs' | 'firstByteMs' | 'totalMs'>(
      { connectMs: fc.nat(), firstByteMs: fc.nat(), totalMs: fc.nat(), idleMs: positive },
      ['connectMs', 'firstByteMs', 'totalMs'],
    ),
    maxBodyBytes: fc.nat(),
    effect: fc.constantFrom('read', 'write'),
    trailingSlash: fc.constant('ignore' as const),
    accepts: fc.subarray(['encoded-slash', 'double-slash'] as const),
    cache: some<CachePolicy, 'profile' | 'per' | 'key' | 'tags'>(
      {
        profile: fc.constantFrom('api', 'strict'),
        ttlMs: fc.nat(),
        override: yes,
        staleWhileRevalidateMs: fc.nat(),
        staleIfErrorMs: fc.nat(),
        per: fc.constantFrom('everyone', 'consumer', 'token'),
        key: some<CachePolicy['key']>({
          query: fc.oneof(fc.constant('none' as const), fc.record({ only: words }), fc.record({ except: words })),
          sort: yes,
          headers: fc.array(headerName, { maxLength: 3 }),
          cookies: words,
        }),
        tags: words,
        negative: some<NonNullable<CachePolicy['negative']>, 'statuses'>(
          { statuses: fc.dictionary(fc.constantFrom('404', '5xx'), positive), connectMs: positive },
          ['statuses'],
        ),
        maxBodyBytes: fc.nat(),
        targeted: fc.array(headerName, { maxLength: 3 }),
        dropSetCookie: yes,
        ignoreCookies: yes,
        forwardTags: yes,
        coalesce: fc.constant('site' as const),
        prefixDepth: fc.nat(),
        memory: fc.constant('off' as const),
        warm: fc.constant('pull' as const),
      },
      ['profile', 'per', 'key', 'tags'],
    ),
    stream: yes,
    upgrade: fc.constant(['websocket' as const]),
    earlyHints: yes,
    bodyWithoutMeaning: fc.constant('refuse' as const),
    retry: some<NonNullable<RoutePolicy['retry']>>({
      on: fc.subarray(['unsent', 'reset', 'stale', 502, 503, 504] as const),
      idempotent: yes,
      keyHeader: headerName,
      never: yes,
    }),
    limits: some<NonNullable<RoutePolicy['limits']>>({
      perAddress: rate,
      perConsumer: rate,
      perRoute: rate,
      quota: fc.record({ count: positive, per: fc.constantFrom('day', 'month') }),
      maxInFlight: positive,
      scope: fc.constantFrom('site', 'process'),
      whenAway: fc.constantFrom('open', 'closed'),
    }),
    addresses: some<NonNullable<RoutePolicy['addresses']>>({ allow: words, deny: words }),
    cors: some<NonNullable<RoutePolicy['cors']>, 'origins'>(
      {
        origins: words,
        methods: words,
        headers: fc.array(headerName, { maxLength: 3 }),
        exposes: fc.array(headerName, { maxLength: 3 }),
        credentials: yes,
        maxAgeMs: fc.nat(),
      },
      ['origins'],
    ),
    compress: fc.record({ codings: fc.subarray(['br', 'gzip', 'zstd'] as const), types: words, minBytes: fc.nat() }),
    rewrite: some<NonNullable<RoutePolicy['rewrite']>>({
      request: edits,
      response: edits,
      stripPrefix: anyText,
      addPrefix: anyText,
      path: anyText,
      query: some<NonNullable<NonNullable<RoutePolicy['rewrite']>['query']>>({
        set: fc.dictionary(anyName, anyText, { maxKeys: 2 }),
        remove: words,
      }),
    }),
    answer,
    validate: some<NonNullable<RoutePolicy['validate']>>({
      body: schema,
      bodyRequired: yes,
      query: parameters,
      path: parameters,
      headers: parameters,
      mode: fc.constant('observe' as const),
    }),
  },
  ['auth', 'timeout', 'maxBodyBytes'],
)

export const anyDeployment: fc.Arbitrary<DeploymentFacts> = some<DeploymentFacts, 'site' | 'url'>(
  {
    site: fc.constantFrom('onprem', 'cloud'),
    url: fc.webUrl(),
    more: fc.array(fc.webUrl(), { maxLength: 2 }),
    resolve: fc.constant('each' as const),
    balance: fc.constant('hash' as const),
    capacity: fc.nat(),
    host: word,
    protocol: fc.constantFrom('h2c', 'h2'),
    tls: some<NonNullable<DeploymentFacts['tls']>>({ sni: word, ca: word, certificate: word, insecure: yes }),
    health: fc.record({ path: anyText, everyMs: positive }),
    maxInFlight: positive,
  },
  ['site', 'url'],
)

export const anyReadings: fc.Arbitrary<NonNullable<ServiceFacts['pathReadings']>> = fc.subarray([
  'servlet',
  'ignore-case',
  'merge-slashes',
  'decode-slash',
  'dot-segments',
  'trailing-slash',
])

const bp = fc.integer({ min: 0, max: 10_000 })

export const anyShadow: fc.Arbitrary<Shadow> = fc.record({ to: word, sample: bp, again: bp, maxInFlight: positive })

export const anyShadowing: fc.Arbitrary<Pick<Placement, 'shadow'>> = some<Pick<Placement, 'shadow'>>({
  shadow: anyShadow,
})
