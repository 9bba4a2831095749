import type { MissReason } from './cache-store.ts'
import type { NodeFacts, NodeLogin, Refusal } from './node-probe.ts'

/** Why an operation has no answer. */
export type FailureReason = Extract<MissReason, 'timeout' | 'refused' | 'closed' | 'protocol' | 'overload'>

export interface Failure {
  readonly code: 'FAILED'
  readonly because: FailureReason
}

export const failures: { readonly [reason in FailureReason]: Failure } = {
  timeout: { code: 'FAILED', because: 'timeout' },
  refused: { code: 'FAILED', because: 'refused' },
  closed: { code: 'FAILED', because: 'closed' },
  protocol: { code: 'FAILED', because: 'protocol' },
  overload: { code: 'FAILED', because: 'overload' },
}

/** One connection to a node, from its beginning to its end; whoever owns it makes the next one. */
export interface NodeConnection {
  /** How often something was written: while it stands still, what is submitted goes out together. */
  readonly flushes: number
  close(): void
}

export interface ConnectionOwner {
  /** The node speaks as expected; operations flow from now on. */
  ready(facts: NodeFacts): void
  /** An operation was answered: the node is alive. */
  answered(): void
  /** Called once, after every operation has failed. */
  ended(reason: FailureReason, ended: Ended): void
}

export interface Ended {
  /** How many operations this connection has answered. */
  readonly answers: number
  readonly pending: number
  /** Why the node cannot be used, where it said so. */
  readonly refusal?: Refusal
}

/** How a node is spoken to. */
export interface NodeAccess {
  readonly login?: NodeLogin
  /** Its certificate is checked by `ca` (PEM), or by those of the system. */
  readonly tls?: { readonly ca?: string }
}

/** Operations in flight, at most: beyond it the node is slower than its callers, and waiting would only hide that. */
export const operationLimit = 4096
export const inFlightLimitBytes = 8 * 1024 * 1024
