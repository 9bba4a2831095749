import { type Static, Type } from 'typebox'
import { Reason } from './schema.ts'

/** The shapes of what the REST API takes and tells of caches. */

const Words = (description: string, maxLength: number) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength }), { maxItems: 1_000, description }))
export const InvalidateBody = Type.Object(
  {
    service: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Whose answers.' })),
    namespace: Type.Optional(
      Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'Instead of a service: a namespace of the cache API.' }),
    ),
    urls: Words('Absolute, as clients write them; all variants, identities and methods of each.', 16_384),
    prefixes: Words('Host and whole path segments: api.example.com/v1/orders.', 2_048),
    tags: Words('Of the route, Surrogate-Key or Cache-Tag.', 1_024),
    groups: Words('Of Cache-Groups.', 1_024),
    routes: Words('Ids of routes, as GET /api/v1/routes tells them.', 2_048),
    all: Type.Optional(Type.Literal(true, { description: 'Everything of the service.' })),
    soft: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        description: 'Seconds for which what was hit stays of use as stale; absent: it is gone at once.',
      }),
    ),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
)
export const SiteInvalidation = Type.Object({
  site: Type.String(),
  outcome: Type.Enum(['applied', 'no-cache', 'refused', 'failed'], {
    description: 'no-cache: the site keeps nothing. refused: the words cannot be followed. failed: nobody took it.',
  }),
  instance: Type.Optional(Type.String({ description: 'The gateway process that took it.' })),
  stamp: Type.Optional(Type.String()),
  told: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'What that process knows of each site by then.' }),
  ),
  because: Type.Optional(Type.String()),
})
export const InvalidateAnswer = Type.Object({
  namespace: Type.String(),
  mode: Type.String({ description: '`hard`, or `soft 60s`.' }),
  complete: Type.Boolean({ description: 'False: a site has not taken it. Repeating it does no harm.' }),
  sites: Type.Array(SiteInvalidation),
})

export type InvalidateBody = Static<typeof InvalidateBody>
export type SiteInvalidation = Static<typeof SiteInvalidation>
export type InvalidateAnswer = Static<typeof InvalidateAnswer>
