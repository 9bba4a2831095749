/**
 * What gateways and edges send: requests are checked by these. Their types are those of `routes/messages.ts`, which the
 * programs share. A newer program may send more: further fields are not refused.
 */
import { type Static, Type } from 'typebox'

const Count = Type.Integer({ minimum: 0 })
const Moment = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })

const HeldNumber = Type.Object({ number: Count, digest: Type.String({ maxLength: 64 }) })
const HeldNumbers = Type.Object({
  structure: HeldNumber,
  placements: HeldNumber,
  epochs: Type.Record(Type.String(), Count),
})
export const RegistrationBody = Type.Object({
  internalUrl: Type.String({ maxLength: 500, pattern: '^https?://' }),
  startedAt: Moment,
  version: Type.String({ maxLength: 64 }),
  held: Type.Optional(HeldNumbers),
})
export const RegistrationAnswer = Type.Object({ writerId: Count })
const Refusal = Type.Object({
  kind: Type.Union([Type.Literal('structure'), Type.Literal('placements')]),
  because: Type.String({ maxLength: 64 }),
  offered: Type.Optional(Count),
  held: Type.Optional(Count),
})
export const AcknowledgementBody = Type.Object({ held: HeldNumbers, refusals: Type.Array(Refusal, { maxItems: 100 }) })
const CacheDebt = Type.Object({ deletes: Type.Number(), sets: Type.Number(), oldestAgeMs: Type.Number() })
export const CountersBody = Type.Object({
  at: Moment,
  adoption: Type.Array(
    Type.Object({
      placements: Count,
      colo: Type.String({ maxLength: 128 }),
      firstSeen: Type.Number(),
      lastSeen: Type.Number(),
      requests: Count,
    }),
    { maxItems: 10_000 },
  ),
  traffic: Type.Array(
    Type.Object({
      unit: Type.String({ maxLength: 200 }),
      epoch: Count,
      reads: Count,
      writes: Count,
      forwarded: Count,
      failed: Count,
    }),
    { maxItems: 20_000 },
  ),
  marks: Type.Optional(Type.Object({ requests: Count, skewed: Count, mismatched: Count })),
  debt: CacheDebt,
})
export const EdgeTableQuery = Type.Object(
  {
    structure: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
    placements: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
  },
  { additionalProperties: false },
)
export type EdgeTableQuery = Static<typeof EdgeTableQuery>
