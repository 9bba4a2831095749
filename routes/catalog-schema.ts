import Type, { type Static, type TSchema } from 'typebox'
import { durationText, rateText, sizeText, waitText } from './quantity.ts'

/** The shape of the catalog's YAML. Types, faults, completion in editors and the reference page come from here. */

export const limits = {
  documentBytes: 256 * 1024,
  services: 5000,
  sites: 64,
  routesPerService: 500,
} as const

const closed = { additionalProperties: false } as const

/** A DNS-1123 label: names become parts of host names, file names and metric labels. */
const nameText = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  patternErrorMessage: 'expected a name of at most 63 lower-case letters, digits and "-"',
} as const

const headerText = {
  pattern: '^[a-z0-9][a-z0-9-]{0,63}$',
  patternErrorMessage: 'expected the name of a header in lower case',
} as const

const urlText = {
  pattern: '^https?://[^/?#\\s]+/?$',
  patternErrorMessage: 'expected an http or https URL of host and port, without path or query',
} as const

const plainText = (description: string) => Type.String({ maxLength: 500, description })

const site = Type.Object(
  {
    name: Type.String({ ...nameText, description: 'Name of the site, as deployments and placements say it.' }),
    provider: Type.String({ maxLength: 100, default: 'unknown', description: 'Who runs the machines there.' }),
    country: Type.String({
      pattern: '^([A-Z]{2}|unknown)$',
      patternErrorMessage: 'expected a country of two capital letters (ISO 3166), such as DE',
      default: 'unknown',
      description: 'Country of the site, two letters (ISO 3166).',
    }),
    region: Type.String({ maxLength: 100, default: 'unknown', description: "The provider's name of the region." }),
    origin: Type.String({
      ...urlText,
      description: "URL of the site's public gateway listener, as an edge and the other sites reach it.",
    }),
  },
  closed,
)

const host = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: 253,
      description: 'Host of clients\' requests: exact, or "*.example.com" for all names below it.',
    }),
    aliases: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      maxItems: 100,
      default: [],
      description: 'Other exact names that are routed as this one.',
    }),
    unsafeTargets: Type.Enum(['reject', 'observe'], {
      default: 'reject',
      description:
        'What is done with targets that can be read in two ways: refuse them (400), or count and pass them to the current owner.',
    }),
    defaultSite: Type.Optional(
      Type.String({ ...nameText, description: "Where this host's requests go that no route matches." }),
    ),
  },
  closed,
)

export const sitesSchema = Type.Object(
  {
    sites: Type.Array(site, {
      minItems: 1,
      maxItems: limits.sites,
      description:
        'The sites between which units move; the first is the default site unless defaultSite says otherwise.',
    }),
    defaultSite: Type.Optional(
      Type.String({ ...nameText, description: 'Where a request goes that no route matches; default: the first site.' }),
    ),
    hosts: Type.Array(host, { maxItems: 1000, default: [], description: 'The hosts that routes may name.' }),
  },
  { ...closed, title: 'Tidegate sites' },
)

export const teamsSchema = Type.Object(
  {
    teams: Type.Array(
      Type.Object(
        {
          name: Type.String({ ...nameText, description: 'Name of the team, as `owner` of services says it.' }),
          contact: Type.Optional(plainText('Where its people are reached: an address, a channel or a rota.')),
        },
        closed,
      ),
      { maxItems: 5000, description: 'The teams that own services.' },
    ),
  },
  { ...closed, title: 'Tidegate teams' },
)

const deployment = Type.Object(
  {
    url: Type.String({ ...urlText, description: 'Where the service listens at this site.' }),
    capacity: Type.Optional(
      Type.String({ ...rateText, description: 'Requests a second that it is known to serve there; absent = unknown.' }),
    ),
  },
  closed,
)

const cache = Type.Object(
  {
    ttl: Type.String({ ...durationText, description: 'How long an answer is fresh.' }),
    staleWhileRevalidate: Type.String({
      ...durationText,
      default: '0s',
      description: 'How long after that it is still served while a new one is fetched.',
    }),
    tags: Type.Array(
      Type.String({
        pattern: '^[^\\s,]{1,200}$',
        patternErrorMessage: 'expected a tag without spaces and commas, such as "order:{id}"',
      }),
      { maxItems: 20, default: [], description: 'Names for purging; {id} takes the path parameter of that name.' },
    ),
    vary: Type.Array(Type.String(headerText), {
      maxItems: 10,
      default: [],
      description: 'Request headers that select a variant, in lower case.',
    }),
    per: Type.Optional(
      Type.Literal('consumer', {
        description:
          'Keep one entry for each identity; without it only answers marked public are kept for known callers.',
      }),
    ),
  },
  { ...closed, description: 'Whether and how long the gateway keeps answers; absent = not at all.' },
)

const timeout = Type.Object(
  {
    connect: Type.String({ ...waitText, default: '1s', description: 'Time to connect to the service.' }),
    firstByte: Type.String({
      ...waitText,
      default: '15s',
      description: "Time from the request's end to the first byte of the answer.",
    }),
    total: Type.String({ ...waitText, default: '30s', description: 'Time for the whole exchange.' }),
  },
  { ...closed, default: {}, description: 'How long the gateway waits for the service.' },
)

const scope = Type.String({
  // RFC 6749 section 3.3: printable ASCII without space, quote and backslash.
  pattern: '^[!#-\\[\\]-~]{1,100}$',
  patternErrorMessage: 'expected a scope of printable characters without spaces, quotes and backslashes',
})

const auth = Type.Union(
  [
    Type.Literal('public'),
    Type.Object(
      {
        scopes: Type.Array(scope, {
          maxItems: 50,
          default: [],
          description: 'Scopes that the token must have, all of them.',
        }),
      },
      closed,
    ),
  ],
  {
    default: { scopes: [] },
    description: '"public" needs no token; otherwise a valid token with all these scopes; absent = any valid token.',
  },
)

const route = Type.Object(
  {
    path: Type.String({
      description:
        'Path pattern: "/v1/orders/{id}" (one segment), "{id}:cancel" (literal suffix), "/files/**" (the path and all below it).',
    }),
    host: Type.Optional(Type.String({ description: 'Host as sites.yaml declares it; absent = any host.' })),
    methods: Type.Optional(
      Type.Array(
        Type.String({
          // TRACE echoes credentials and CONNECT makes tunnels: no gateway routes them.
          pattern: '^(?!TRACE$|CONNECT$)[A-Z][A-Z-]{0,30}$',
          patternErrorMessage: 'expected a method in capital letters, such as GET (never TRACE or CONNECT)',
        }),
        { minItems: 1, maxItems: 30, description: 'Methods that the route takes; absent = any. GET serves HEAD too.' },
      ),
    ),
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
    auth,
    cache: Type.Optional(cache),
    timeout,
    maxBody: Type.String({ ...sizeText, default: '100MiB', description: 'Largest request body; longer ones get 413.' }),
  },
  closed,
)

const keySource = Type.String({
  pattern:
    '^(authorization|address|header:[a-z0-9][a-z0-9-]{0,63}|(cookie|claim):[A-Za-z0-9_.-]{1,64}|param:[A-Za-z_][A-Za-z0-9_]*)$',
  patternErrorMessage:
    'expected authorization, address, header:name (lower case), cookie:name, claim:name or param:name',
})

export const serviceSchema = Type.Object(
  {
    service: Type.String({ ...nameText, description: 'Name of the service, unique in the catalog.' }),
    owner: Type.String({ ...nameText, description: 'Team that owns the service, as teams.yaml names it.' }),
    repository: Type.Optional(plainText('Where its source is.')),
    tier: Type.Enum([1, 2, 3], { default: 3, description: 'How much depends on it: 1 most, 3 least.' }),
    state: Type.Enum(['none', 'per-key', 'shared', 'external'], {
      default: 'shared',
      description: 'What two sites would share of its state: decides whether writes may be split during a move.',
    }),
    key: Type.Array(keySource, {
      minItems: 1,
      maxItems: 8,
      default: ['authorization'],
      description: 'Where the sticky key of a request is taken from; the first that is present.',
    }),
    dependsOn: Type.Array(Type.String(nameText), {
      maxItems: 200,
      default: [],
      description: 'Services that it calls.',
    }),
    deployments: Type.Record(Type.String({ pattern: nameText.pattern }), deployment, {
      ...closed,
      minProperties: 1,
      patternErrorMessage: 'expected the name of a site',
      description: 'Where it runs, by site.',
    }),
    routes: Type.Array(route, {
      minItems: 1,
      maxItems: limits.routesPerService,
      description: 'Requests that it serves.',
    }),
  },
  { ...closed, title: 'Tidegate service' },
)

export type SitesDocument = Static<typeof sitesSchema>
export type TeamsDocument = Static<typeof teamsSchema>
export type ServiceDocument = Static<typeof serviceSchema>

/** JSON Schemas for editors, by the kind of document. What has a default need not be written. */
export const catalogSchemas: Readonly<Record<'sites' | 'teams' | 'service', object>> = {
  sites: forEditors(sitesSchema),
  teams: forEditors(teamsSchema),
  service: forEditors(serviceSchema),
}

function forEditors(schema: TSchema): object {
  return JSON.parse(JSON.stringify(schema), (_, part: unknown) => {
    if (typeof part !== 'object' || part === null || !('required' in part && 'properties' in part)) return part
    const properties = part.properties as Readonly<Record<string, object>>
    const required = (part.required as readonly string[]).filter((name) => !('default' in (properties[name] ?? {})))
    return { ...part, required }
  })
}
