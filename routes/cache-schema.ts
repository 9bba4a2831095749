import Type from 'typebox'
import { durationText, sizeText, waitText } from './quantity.ts'
import { closed, headerText, on, parameterText } from './schema-texts.ts'

/** Whether a gateway keeps answers of a route, for whom, and how long. */

const parameters = (description: string) =>
  Type.Array(Type.String(parameterText), { maxItems: 50, uniqueItems: true, description })

const query = Type.Union(
  [
    Type.Enum(['all', 'none']),
    parameters('Only these parameters make entries that differ.'),
    Type.Object({ except: parameters('All parameters but these make entries that differ.') }, closed),
  ],
  {
    default: 'all',
    description:
      'Which query parameters make entries that differ: "all" compares the query byte for byte, "none" passes it over, a list names them. The service gets the whole query in any case.',
  },
)

const key = Type.Object(
  {
    query,
    sort: on('Parameters are put in order first: in which order clients write them makes no difference.'),
    headers: Type.Array(Type.String(headerText), {
      maxItems: 10,
      default: [],
      description:
        'Request headers that make entries that differ, in lower case. What an answer names in Vary need not be here.',
    }),
    cookies: Type.Array(
      Type.String({
        // RFC 6265 section 4.1.1: a token.
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
        patternErrorMessage: 'expected the name of a cookie',
      }),
      {
        maxItems: 10,
        default: [],
        description:
          'Cookies that make entries that differ. A request with further cookies counts as one with a credential still, unless "ignoreCookies" is said, too.',
      },
    ),
  },
  { ...closed, default: {}, description: 'What makes entries that differ, beside host, path and identity.' },
)

const kept = (what: string) => Type.Optional(Type.String({ ...waitText, description: what }))

const negative = Type.Object(
  {
    404: kept('Of "not found".'),
    405: kept('Of "method not allowed".'),
    410: kept('Of "gone".'),
    414: kept('Of "URI too long".'),
    '5xx': kept('Of 500, 502, 503 and 504.'),
    connect: kept('Of a service that could not be reached.'),
  },
  {
    ...closed,
    description: 'How long failures are kept where they state nothing themselves; at most 60s. Absent = not at all.',
  },
)

export const cache = Type.Object(
  {
    profile: Type.Enum(['api', 'strict'], {
      default: 'api',
      description:
        '"api": safer defaults, and the times written here count. "strict": what the RFCs allow, by what the service states alone.',
    }),
    ttl: Type.Optional(
      Type.String({ ...durationText, description: 'How long an answer is fresh that states nothing itself.' }),
    ),
    override: on(
      'The times written here, ttl and both stale windows, also replace what the service states; a prohibition stands.',
    ),
    staleWhileRevalidate: Type.Optional(
      Type.String({
        ...durationText,
        description:
          'How long after that it is still served while a new one is fetched; absent = what the service states.',
      }),
    ),
    staleIfError: Type.Optional(
      Type.String({
        ...durationText,
        description: 'How long after that it is served when the service fails; absent = what the service states.',
      }),
    ),
    per: Type.Optional(
      Type.Enum(['everyone', 'consumer', 'token'], {
        description: 'Whose an entry is; absent = "consumer" where the route asks who calls, else "everyone".',
      }),
    ),
    sharedWhenPublic: on(
      'With "per: everyone" on a route with auth: answers that the service itself marks public (or s-maxage, must-revalidate) go to every caller.',
    ),
    key,
    tags: Type.Array(
      Type.String({
        pattern: '^[^\\s,]{1,200}$',
        patternErrorMessage: 'expected a tag without spaces and commas, such as "order:{id}"',
      }),
      {
        maxItems: 20,
        default: [],
        description:
          'Names for purging. {id} takes the path parameter of that name, {query.page} a query parameter, {consumer} who calls.',
      },
    ),
    negative: Type.Optional(negative),
    maxBody: Type.Optional(
      Type.String({ ...sizeText, description: 'Longer answers are not kept; at most and by default 1MiB.' }),
    ),
    targeted: Type.Optional(
      Type.Array(Type.String(headerText), {
        maxItems: 5,
        description:
          'Headers that speak to this cache alone and go before Cache-Control, in order (RFC 9213); absent = those of the site.',
      }),
    ),
    dropSetCookie: on('Answers with Set-Cookie are kept without it; absent = they are not kept.'),
    ignoreCookies: on(
      'No answer depends on cookies that are not in the key; absent = a request with any counts as one with a credential.',
    ),
    forwardTags: on('Surrogate-Key and Cache-Tag go on to clients; absent = they are taken out.'),
    coalesce: Type.Enum(['process', 'site'], {
      default: 'process',
      description: 'Among whom requests for one missing entry wait for one another.',
    }),
    prefixDepth: Type.Integer({
      minimum: 0,
      maximum: 8,
      default: 4,
      description: 'Down to which segment of the path entries can be purged by prefix.',
    }),
    memory: Type.Enum(['on', 'off'], {
      default: 'on',
      description: 'Whether a gateway may keep entries in its own memory, where that is on at the site.',
    }),
    warm: Type.Enum(['no', 'pull'], {
      default: 'no',
      description:
        'Before a move: whether a site asks the cache of the other one for an entry that it lacks (pull), within a small budget, before the service.',
    }),
  },
  { ...closed, description: 'Whether and how long the gateway keeps answers; absent = not at all.' },
)
