import Type, { type Static, type TSchema } from 'typebox'
import { deploymentSchema } from './deployment-schema.ts'
import { hopsSchema } from './hops-schema.ts'
import { routeSchema } from './route-schema.ts'
import { closed, nameText, plainText, urlText } from './schema-texts.ts'

/** The shape of the catalog's YAML. Types, faults, completion in editors and the reference page come from here. */

export const limits = {
  documentBytes: 256 * 1024,
  openApiBytes: 1024 * 1024,
  services: 5000,
  sites: 64,
  routesPerService: 500,
} as const

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
    hops: hopsSchema,
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
    stickyCookie: Type.Optional(
      Type.Literal(true, {
        description:
          'Clients get a signed key in the cookie "tidegate-sticky", for services whose key names "sticky": for tokens that change too often to be a key.',
      }),
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

const keySource = Type.String({
  pattern:
    '^(authorization|address|sticky|header:[a-z0-9][a-z0-9-]{0,63}|(cookie|claim):[A-Za-z0-9_.-]{1,64}|param:[A-Za-z_][A-Za-z0-9_]*)$',
  patternErrorMessage:
    'expected authorization, address, sticky, header:name (lower case), cookie:name, claim:name or param:name',
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
    pathReadings: Type.Optional(
      Type.Array(
        Type.Enum(['servlet', 'ignore-case', 'merge-slashes', 'decode-slash', 'dot-segments', 'trailing-slash']),
        {
          maxItems: 5,
          description:
            'Ways in which it may read a path otherwise than the gateway, whose guards then hold too; absent = all, for who knows; [] = none.',
        },
      ),
    ),
    deployments: Type.Record(Type.String({ pattern: nameText.pattern }), deploymentSchema, {
      ...closed,
      minProperties: 1,
      patternErrorMessage: 'expected the name of a site',
      description: 'Where it runs, by site.',
    }),
    routes: Type.Array(routeSchema, {
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
