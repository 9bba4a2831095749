/** How an action came in. */
export type Via = 'api' | 'console' | 'program' | 'start'

/** What is told of an action before it has its place in the chain. */
export interface AuditFacts {
  readonly at: number
  readonly actor: string
  readonly via: Via
  /** `unit.flip`, `catalog.apply`, ... */
  readonly action: string
  /** What it was done to: a unit, a token's id, ... */
  readonly object: string
  /** JSON values; what is secret stands here as a digest only. */
  readonly before: unknown
  readonly after: unknown
  readonly reason: string
  readonly requestId: string
  /** Number of the placements document that this action published. */
  readonly tableNumber?: number
  readonly epoch?: number
}

export interface AuditEntry extends AuditFacts {
  /** 1, 2, 3, ... without gaps, in the order of commits. */
  readonly seq: number
  /** Hash of the entry before; 64 zeros for the first. */
  readonly prev: string
  readonly hash: string
}
