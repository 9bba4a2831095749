import Type, { type Static } from 'typebox'
import { cache } from './cache-schema.ts'
import { addresses, auth, limits, retry, timeout } from './policy-schema.ts'
import { sizeText } from './quantity.ts'
import { closed, headerText, methodText, nameText, on, parameterText } from './schema-texts.ts'
import { answer, compress, cors, rewrite, validate } from './transform-schema.ts'

const compared = Type.String({ maxLength: 500 })

const test = Type.Union([
  compared,
  Type.Object(
    {
      equals: Type.Optional(Type.String({ maxLength: 500, description: 'The text itself.' })),
      prefix: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'How it begins.' })),
      exists: Type.Optional(Type.Boolean({ description: 'Whether it is there at all.' })),
      oneOf: Type.Optional(Type.Array(compared, { minItems: 1, maxItems: 100, description: 'One of these texts.' })),
      version: Type.Optional(
        Type.String({ maxLength: 100, description: 'A range of versions: ">=4.2 <5"; a missing part is 0.' }),
      ),
    },
    { ...closed, minProperties: 1, maxProperties: 1 },
  ),
])

const tests = (name: { readonly pattern: string; readonly patternErrorMessage: string }, description: string) =>
  Type.Optional(
    Type.Record(Type.String({ pattern: name.pattern }), test, {
      ...closed,
      minProperties: 1,
      maxProperties: 16,
      patternErrorMessage: name.patternErrorMessage,
      description,
    }),
  )

const cookieText = {
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$",
  patternErrorMessage: 'expected the name of a cookie',
} as const

const when = Type.Object(
  {
    headers: tests(
      headerText,
      'Request headers by name in lower case: a text, or { prefix: .. }, { version: .. } and so on.',
    ),
    query: tests(parameterText, 'Query parameters by name, likewise.'),
    cookies: tests(cookieText, 'Cookies by name, likewise.'),
    country: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[A-Z]{2}$',
          patternErrorMessage: 'expected a country of two capital letters (ISO 3166), such as DE',
        }),
        { minItems: 1, maxItems: 250, description: 'Country of the client, as the edge says it.' },
      ),
    ),
  },
  {
    ...closed,
    minProperties: 1,
    description: 'What a request must say besides, all of it, to match; absent = nothing.',
  },
)

export const routeSchema = Type.Object(
  {
    path: Type.String({
      description:
        'Path pattern: "/v1/orders/{id}" (one segment), "{id}:cancel" (literal suffix), "/files/**" (the path and all below it).',
    }),
    host: Type.Optional(Type.String({ description: 'Host as sites.yaml declares it; absent = any host.' })),
    methods: Type.Optional(
      Type.Array(Type.String(methodText), {
        minItems: 1,
        maxItems: 30,
        description: 'Methods that the route takes; absent = any. GET serves HEAD too.',
      }),
    ),
    when: Type.Optional(when),
    unit: Type.Optional(
      Type.String({
        ...nameText,
        description: 'Splits the route off as a unit that moves alone: "reports" of orders is the unit orders.reports.',
      }),
    ),
    effect: Type.Optional(
      Type.Enum(['read', 'write'], {
        description: 'Whether the request changes anything, where its method misleads (a search by POST).',
      }),
    ),
    trailingSlash: Type.Optional(
      Type.Literal('ignore', {
        description: 'Match the path with and without a slash at its end; absent = as written.',
      }),
    ),
    accepts: Type.Optional(
      Type.Array(Type.Enum(['encoded-slash', 'double-slash']), {
        minItems: 1,
        maxItems: 2,
        description: 'Targets that its host refuses as unsafe and this service is known to want.',
      }),
    ),
    auth,
    cache: Type.Optional(cache),
    timeout,
    retry: Type.Optional(retry),
    limits: Type.Optional(limits),
    addresses: Type.Optional(addresses),
    maxBody: Type.String({ ...sizeText, default: '100MiB', description: 'Largest request body; longer ones get 413.' }),
    bodyWithoutMeaning: Type.Optional(
      Type.Literal('refuse', { description: 'Refuse bodies of GET, HEAD, OPTIONS and DELETE; absent = hand them on.' }),
    ),
    stream: on('The answer has no end, as of an event stream: no total time, no second try, nothing is held back.'),
    upgrade: Type.Optional(
      Type.Array(Type.Literal('websocket'), {
        minItems: 1,
        maxItems: 1,
        description:
          'Protocols that a client may change to. Through them it may write: `effect` is then `write` if it is not said.',
      }),
    ),
    earlyHints: on('Hands 102 and 103 of the service on to direct clients.'),
    cors: Type.Optional(cors),
    compress: Type.Optional(compress),
    rewrite: Type.Optional(rewrite),
    answer: Type.Optional(answer),
    validate: Type.Optional(validate),
  },
  closed,
)

export type RouteDocument = Static<typeof routeSchema>
