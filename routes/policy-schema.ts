import Type from 'typebox'
import { burstText, quotaText, waitText } from './quantity.ts'
import { atMost, closed, headerText, on } from './schema-texts.ts'

/** Who may call a route, how often, and how long and how often its service is asked. */

const scope = Type.String({
  // RFC 6749 section 3.3: printable ASCII without space, quote and backslash.
  pattern: '^[!#-\\[\\]-~]{1,100}$',
  patternErrorMessage: 'expected a scope of printable characters without spaces, quotes and backslashes',
})

export const auth = Type.Union(
  [
    Type.Literal('public'),
    Type.Object(
      {
        scopes: Type.Array(scope, {
          maxItems: 50,
          default: [],
          description: 'Scopes that the caller must have, all of them.',
        }),
        any: Type.Optional(
          Type.Array(Type.Enum(['token', 'api-key', 'jwt']), {
            minItems: 1,
            maxItems: 3,
            description: 'Kinds of credential that are taken; absent = opaque tokens alone.',
          }),
        ),
      },
      closed,
    ),
  ],
  {
    default: { scopes: [] },
    description: '"public" needs no token; otherwise a valid token with all these scopes; absent = any valid token.',
  },
)

export const timeout = Type.Object(
  {
    connect: Type.Optional(
      Type.String({ ...waitText, description: 'Time to connect to the service; absent = 1s, or firstByte if less.' }),
    ),
    firstByte: Type.Optional(
      Type.String({
        ...waitText,
        description: "Time from the request's end to the first byte of the answer; absent = 15s, or total if less.",
      }),
    ),
    total: Type.String({ ...waitText, default: '30s', description: 'Time for the whole exchange.' }),
    idle: Type.Optional(
      Type.String({
        ...waitText,
        description: 'Time between two pieces of a body, and without a byte in a tunnel; absent = 15s, in a tunnel 1h.',
      }),
    ),
  },
  { ...closed, default: {}, description: 'How long the gateway waits for the service.' },
)

export const retry = Type.Object(
  {
    on: Type.Optional(
      Type.Array(Type.Enum(['unsent', 'reset', 'stale', 502, 503, 504]), {
        minItems: 1,
        maxItems: 6,
        description:
          'What makes a second try of an idempotent request; absent = unsent, reset, stale (a kept connection that was closed).',
      }),
    ),
    idempotent: on('The service executes the same request twice as once, whatever its method.'),
    keyHeader: Type.Optional(
      Type.String({ ...headerText, description: 'Header by which the service knows a request again, in lower case.' }),
    ),
    never: on('No second try at all, even of what was never sent.'),
  },
  { ...closed, description: 'When a request is tried a second time, at another instance; absent = where it is safe.' },
)

const rate = (description: string) => Type.Optional(Type.String({ ...burstText, description }))

export const limits = Type.Object(
  {
    perAddress: rate('Of one client address, before anybody asks who calls: "100/1m burst 20".'),
    perConsumer: rate('Of one caller: "100/1m burst 20".'),
    perRoute: rate('Of all callers of the route together: "2000/1s".'),
    quota: Type.Optional(
      Type.String({ ...quotaText, description: 'Of one caller in a calendar day or month (UTC): "10000/day".' }),
    ),
    maxInFlight: atMost(100_000, 'Requests of the route at one time in each gateway process; more get 503.'),
    scope: Type.Optional(
      Type.Enum(['site', 'process'], {
        description: 'Counted for the whole site in Redis, or by each process; absent = site where there is a Redis.',
      }),
    ),
    whenAway: Type.Optional(
      Type.Enum(['open', 'closed'], {
        description:
          'Without an answer of Redis: count in each process (open), or refuse with 503 (closed); absent = open.',
      }),
    ),
  },
  { ...closed, description: 'How often the route may be called; more get 429 with Retry-After.' },
)

const cidr = Type.String({ minLength: 2, maxLength: 64 })

export const addresses = Type.Object(
  {
    allow: Type.Optional(
      Type.Array(cidr, { minItems: 1, maxItems: 200, description: 'Only clients of these networks, as "10.0.0.0/8".' }),
    ),
    deny: Type.Optional(
      Type.Array(cidr, { minItems: 1, maxItems: 200, description: 'Never clients of these networks; goes first.' }),
    ),
  },
  { ...closed, minProperties: 1, description: 'From where the route may be called; absent = from anywhere.' },
)
