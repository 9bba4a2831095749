import { type Static, Type } from 'typebox'
import { Reason } from './schema.ts'

/** The shapes of what the REST API takes and tells of edges. */

const closed = { additionalProperties: false } as const
const Moment = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })
const Field = Type.Object({ name: Type.String(), value: Type.String() })

// Words that the control plane signs

export const ForceBody = Type.Object(
  {
    site: Type.String({ minLength: 1, maxLength: 64, description: 'Where the reads of who shows the word go.' }),
    for: Type.String({ pattern: '^[1-9]\\d{0,3}[mh]$', description: 'Minutes or hours: 30m, 1h; at most 24h.' }),
    reason: Reason,
  },
  closed,
)
export const ForceAnswer = Type.Object(
  { site: Type.String(), header: Field, cookie: Field, expiresAt: Moment },
  { description: 'Either the header or the cookie is enough.' },
)

export const EchoWordsBody = Type.Object(
  {
    behaviours: Type.Array(Type.String({ pattern: '^(plain|gzip|cache|sse|early|slow\\d{1,3})$' }), {
      minItems: 1,
      maxItems: 16,
      description: 'How gateways are to answer: plain, gzip, sse, early, cache, slow<seconds>.',
    }),
  },
  closed,
)
export const EchoWordsAnswer = Type.Object({
  header: Type.String({ description: 'The field in which a word is shown.' }),
  words: Type.Record(Type.String(), Type.String(), { description: 'By behaviour.' }),
  now: Moment,
  expiresAt: Moment,
})

export const StatusCallAnswer = Type.Object({
  target: Type.String({ description: 'What to GET at an edge, with the header.' }),
  header: Field,
  now: Moment,
  expiresAt: Moment,
})

export type ForceBody = Static<typeof ForceBody>
export type ForceAnswer = Static<typeof ForceAnswer>
export type EchoWordsBody = Static<typeof EchoWordsBody>
export type EchoWordsAnswer = Static<typeof EchoWordsAnswer>
export type StatusCallAnswer = Static<typeof StatusCallAnswer>
