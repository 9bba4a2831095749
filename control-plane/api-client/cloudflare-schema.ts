import { type Static, Type } from 'typebox'

/** The shapes of what the REST API takes and tells of publishing to Cloudflare. It knows no other shapes: `schema.ts` uses it. */

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Moment = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })
const Health = {
  health: Type.Enum(['working', 'failing', 'halted'], {
    description: 'failing: tried again by itself. halted: the token was refused; mend it, then publish.',
  }),
  because: Type.String({ description: 'What is not well; empty when all is.' }),
}
/**
 * Where a publication of the edge script stands; what is to be done next follows from it alone. The last five are ends, and
 * three of them leave what is deployed as it is: `refused` (Cloudflare does not take it), `outdated` (a newer table came
 * before it was uploaded) and `superseded` (somebody else has deployed).
 */
export const publicationStates = [
  'built',
  'uploaded',
  'smoke',
  'at-5-percent',
  'at-100-percent',
  'rolling-back',
  'confirmed',
  'rolled-back',
  'refused',
  'outdated',
  'superseded',
] as const
export type PublicationState = (typeof publicationStates)[number]

const State = Type.Enum([...publicationStates], { description: 'The last five are ends.' })

export const CloudflareStatus = Type.Object({
  script: Type.Object({
    ...Health,
    newest: Type.Optional(Type.Object({ tag: Type.String(), state: State })),
  }),
  kv: Type.Optional(
    Type.Object({ ...Health, written: Count, wanted: Count }, { description: 'Numbers of placements; 0: none.' }),
  ),
})

export const PublishBody = Type.Object(
  { reason: Type.String({ minLength: 1, maxLength: 1_000, pattern: '\\S', description: 'Why; kept in the audit.' }) },
  closed,
)

export const EdgePublication = Type.Object({
  tag: Type.String({ description: 'Of the content; the annotation `workers/tag` of its version.' }),
  kind: Type.Enum(['structure', 'placements'], {
    description: 'placements: code and structure are deployed already, so that it goes to all at once.',
  }),
  state: State,
  structure: Count,
  placements: Count,
  versionId: Type.Optional(Type.String()),
  formerId: Type.String({ description: 'What a rollback deploys.' }),
  since: Moment,
  startedAt: Moment,
  actor: Type.String(),
  reason: Type.String(),
  because: Type.Optional(Type.String({ description: 'Why it did not go through.' })),
  gzipBytes: Count,
  startupMs: Count,
  platformStartupMs: Type.Optional(Type.Number({ description: 'As Cloudflare measured it.' })),
})

export const EdgeVersionsAnswer = Type.Object({
  script: Type.String(),
  status: CloudflareStatus,
  deployed: Type.Optional(
    Type.Array(Type.Object({ versionId: Type.String(), percentage: Type.Number() }), {
      description: 'As Cloudflare says now; absent: it does not say, see `because`.',
    }),
  ),
  because: Type.Optional(Type.String()),
  publications: Type.Array(EdgePublication, { description: 'Newest first, at most 50.' }),
})

export const PublishAnswer = Type.Object({
  changed: Type.Boolean({ description: 'False: the newest table is deployed already.' }),
  publication: Type.Optional(EdgePublication),
})

export type CloudflareStatus = Static<typeof CloudflareStatus>
export type PublishBody = Static<typeof PublishBody>
export type EdgePublication = Static<typeof EdgePublication>
export type EdgeVersionsAnswer = Static<typeof EdgeVersionsAnswer>
export type PublishAnswer = Static<typeof PublishAnswer>
