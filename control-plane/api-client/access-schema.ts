/** The shapes of who may do something, and of who did: tokens, links, audit. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const
const Count = Type.Integer({ minimum: 0 })
const Moment = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970.' })
const Name = Type.String({ minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' })

export const Scope = Type.Enum(['read', 'apply', 'flip', 'purge', 'token', 'metrics', 'admin'])

// Audit

export const AuditQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
    limit: Type.Optional(Type.String({ pattern: '^\\d{1,3}$', description: 'At most 500; default 100.' })),
  },
  closed,
)
export const AuditEntry = Type.Object({
  seq: Count,
  at: Moment,
  actor: Type.String(),
  via: Type.String(),
  action: Type.String(),
  object: Type.String(),
  before: Type.Unknown(),
  after: Type.Unknown(),
  reason: Type.String(),
  requestId: Type.String(),
  tableNumber: Type.Optional(Count),
  epoch: Type.Optional(Count),
  prev: Type.String(),
  hash: Type.String(),
})
export const AuditVerdict = Type.Object({
  valid: Type.Boolean(),
  entries: Count,
  head: Type.Object({ seq: Count, hash: Type.String() }),
  fault: Type.Optional(Type.Object({ seq: Count, because: Type.String() })),
})

// Access

export const TokenBody = Type.Object(
  {
    name: Name,
    scopes: Type.Array(Scope, { minItems: 1, maxItems: 7 }),
    expiresIn: Type.Optional(
      Type.String({ pattern: '^\\d{1,4}[hd]$', description: 'Hours or days; default 90d, at most 365d.' }),
    ),
  },
  closed,
)
export const TokenParams = Type.Object({ id: Type.String({ pattern: '^[0-9A-Z]{26}$' }) }, closed)
export const TokenSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Scope),
  createdBy: Type.String(),
  createdAt: Moment,
  expiresAt: Moment,
  revokedAt: Type.Optional(Moment),
})
export const TokenCreated = Type.Intersect([TokenSummary, Type.Object({ token: Type.String() })])
export const LinkAnswer = Type.Object({ url: Type.String(), expiresInSeconds: Count })
export const LoginQuery = Type.Object({ link: Type.String({ minLength: 1, maxLength: 128 }) }, closed)

export type AuditQuery = Static<typeof AuditQuery>
export type AuditEntry = Static<typeof AuditEntry>
export type AuditVerdict = Static<typeof AuditVerdict>
export type Scope = Static<typeof Scope>
export type TokenBody = Static<typeof TokenBody>
export type TokenParams = Static<typeof TokenParams>
export type TokenSummary = Static<typeof TokenSummary>
export type TokenCreated = Static<typeof TokenCreated>
export type LinkAnswer = Static<typeof LinkAnswer>
export type LoginQuery = Static<typeof LoginQuery>
