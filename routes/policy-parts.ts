import { isHeaderName, isHeaderValue } from './header-text.ts'
import { readSchema } from './json-schema.ts'
import { listOf, mappingOf, objectOf, positive, type Reader, wordOf, yes } from './object-of.ts'
import type {
  AnswerOf,
  AuthPolicy,
  CacheKeyPolicy,
  CachePolicy,
  CompressPolicy,
  CorsPolicy,
  HeaderEdits,
  LimitsPolicy,
  NegativePolicy,
  ParameterRule,
  Rate,
  RetryPolicy,
  RewritePolicy,
  RoutePolicy,
  TimeoutPolicy,
  ValidatePolicy,
} from './policy.ts'
import { count, text } from './shape.ts'

/** The whole policy of a route, for gateways and the control plane; undefined for what the encoder would not have written. */
export function readPolicy(value: unknown): RoutePolicy | undefined {
  return policy(value)
}

const headerName: Reader<string> = (value) => (isHeaderName(value) ? value : undefined)
const headerValue: Reader<string> = (value) => (isHeaderValue(value) ? value : undefined)
const isParameterName = (name: string): boolean => name !== '' && name.length <= 256
const headers = mappingOf(isHeaderName, headerValue)

const auth = objectOf<AuthPolicy>({ scopes: listOf(text) }, { any: listOf(wordOf('token', 'api-key', 'jwt')) })

const timeout = objectOf<TimeoutPolicy>({ connectMs: count, firstByteMs: count, totalMs: count }, { idleMs: positive })

const onlyThese = objectOf<{ readonly only: readonly string[] }>({ only: listOf(text) }, {})
const allBut = objectOf<{ readonly except: readonly string[] }>({ except: listOf(text) }, {})
const query: Reader<NonNullable<CacheKeyPolicy['query']>> = (value) =>
  value === 'none' ? value : (onlyThese(value) ?? allBut(value))

const cacheKey = objectOf<CacheKeyPolicy>({}, { query, sort: yes, headers: listOf(headerName), cookies: listOf(text) })

const isFailure = (name: string): boolean => /^(4\d\d|5xx)$/.test(name)

const cache = objectOf<CachePolicy>(
  {
    profile: wordOf('api', 'strict'),
    per: wordOf('everyone', 'consumer', 'token'),
    key: cacheKey,
    tags: listOf(text),
  },
  {
    ttlMs: count,
    override: yes,
    staleWhileRevalidateMs: count,
    staleIfErrorMs: count,
    negative: objectOf<NegativePolicy>({ statuses: mappingOf(isFailure, positive) }, { connectMs: positive }),
    maxBodyBytes: count,
    targeted: listOf(headerName),
    dropSetCookie: yes,
    ignoreCookies: yes,
    forwardTags: yes,
    coalesce: wordOf('site'),
    prefixDepth: count,
    memory: wordOf('off'),
    warm: wordOf('pull'),
  },
)

interface FormerCachePolicy {
  readonly ttlMs: number
  readonly staleWhileRevalidateMs: number
  readonly tags: readonly string[]
  readonly vary: readonly string[]
  readonly per?: 'consumer'
}

const formerCache = objectOf<FormerCachePolicy>(
  { ttlMs: count, staleWhileRevalidateMs: count, tags: listOf(text), vary: listOf(text) },
  { per: wordOf('consumer') },
)

/** As the first releases wrote it: gateways are renewed before the control plane, whose structures look like this until then. */
function readFormerCache(value: unknown): CachePolicy | undefined {
  const read = formerCache(value)
  if (read === undefined) return undefined
  const { ttlMs, staleWhileRevalidateMs, tags, vary, per = 'everyone' } = read
  const stale = staleWhileRevalidateMs === 0 ? {} : { staleWhileRevalidateMs }
  return { profile: 'api', ttlMs, ...stale, per, key: vary.length === 0 ? {} : { headers: vary }, tags }
}

const retry = objectOf<RetryPolicy>(
  {},
  { on: listOf(wordOf('unsent', 'reset', 'stale', 502, 503, 504)), idempotent: yes, keyHeader: headerName, never: yes },
)

const rate = objectOf<Rate>({ count: positive, windowMs: positive }, { burst: positive })

const limits = objectOf<LimitsPolicy>(
  {},
  {
    perAddress: rate,
    perConsumer: rate,
    perRoute: rate,
    quota: objectOf<NonNullable<LimitsPolicy['quota']>>({ count: positive, per: wordOf('day', 'month') }, {}),
    maxInFlight: positive,
    scope: wordOf('site', 'process'),
    whenAway: wordOf('open', 'closed'),
  },
)

const addresses = objectOf<NonNullable<RoutePolicy['addresses']>>({}, { allow: listOf(text), deny: listOf(text) })

const cors = objectOf<CorsPolicy>(
  { origins: listOf(text) },
  {
    methods: listOf(text),
    headers: listOf(headerName),
    exposes: listOf(headerName),
    credentials: yes,
    maxAgeMs: count,
  },
)

const compress = objectOf<CompressPolicy>(
  { codings: listOf(wordOf('br', 'gzip', 'zstd')), types: listOf(text), minBytes: count },
  {},
)

const edits = objectOf<HeaderEdits>({}, { set: headers, add: headers, remove: listOf(headerName) })

const rewrite = objectOf<RewritePolicy>(
  {},
  {
    request: edits,
    response: edits,
    stripPrefix: text,
    addPrefix: text,
    path: text,
    query: objectOf<NonNullable<RewritePolicy['query']>>(
      {},
      { set: mappingOf(isParameterName, text), remove: listOf(text) },
    ),
  },
)

const redirect = objectOf<AnswerOf<'redirect'>>(
  { kind: wordOf('redirect'), status: wordOf(301, 302, 303, 307, 308), to: headerValue },
  { keepQuery: yes },
)

/** Informational statuses are no answers (RFC 9110 section 15.2). */
const finalStatus: Reader<number> = (value) => {
  const status = count(value)
  return status !== undefined && status >= 200 && status <= 599 ? status : undefined
}

const respond = objectOf<AnswerOf<'respond'>>(
  { kind: wordOf('respond'), status: finalStatus },
  { headers, body: text, contentType: headerValue },
)

const maintenance = objectOf<AnswerOf<'maintenance'>>(
  { kind: wordOf('maintenance'), retryAfterMs: count },
  { message: text },
)

const parameters = mappingOf(isParameterName, objectOf<ParameterRule>({ schema: readSchema }, { required: yes }))

const validate = objectOf<ValidatePolicy>(
  {},
  {
    body: readSchema,
    bodyRequired: yes,
    query: parameters,
    path: parameters,
    headers: parameters,
    mode: wordOf('observe'),
  },
)

const policy = objectOf<RoutePolicy>(
  {
    auth: (value) => (value === 'public' ? value : auth(value)),
    timeout,
    maxBodyBytes: count,
  },
  {
    effect: wordOf('read', 'write'),
    trailingSlash: wordOf('ignore'),
    accepts: listOf(wordOf('encoded-slash', 'double-slash')),
    cache: (value) => cache(value) ?? readFormerCache(value),
    stream: yes,
    upgrade: listOf(wordOf('websocket')),
    earlyHints: yes,
    bodyWithoutMeaning: wordOf('refuse'),
    retry,
    limits,
    addresses,
    cors,
    compress,
    rewrite,
    answer: (value) => redirect(value) ?? respond(value) ?? maintenance(value),
    validate,
  },
)
