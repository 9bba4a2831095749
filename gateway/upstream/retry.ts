import type { RetryCause, RoutePolicy } from '#routes/policy.ts'
import type { Exchange } from '../exchange.ts'

/** What a route says of second tries, read once a policy. */
export interface RetryPlan {
  readonly never: boolean
  readonly on: ReadonlySet<RetryCause>
  /** POST may be executed twice. */
  readonly idempotent: boolean
  readonly keyHeader: string | undefined
}

const plans = new WeakMap<RoutePolicy, RetryPlan>()

export function retryPlan(policy: RoutePolicy): RetryPlan {
  let plan = plans.get(policy)
  if (plan === undefined) {
    const { on = byDefault, idempotent = false, keyHeader, never = false } = policy.retry ?? {}
    plan = { never: never || policy.stream === true, on: new Set(on), idempotent, keyHeader }
    plans.set(policy, plan)
  }
  return plan
}

const byDefault: readonly RetryCause[] = ['unsent', 'reset', 'stale']

/** The service may execute it twice as once. RFC 9110 section 9.2.2, or the route's own word. */
export function isRepeatable(x: Exchange, plan: RetryPlan): boolean {
  if (idempotent.has(x.method) || plan.idempotent) return true
  return plan.keyHeader !== undefined && x.names.includes(plan.keyHeader)
}

const idempotent: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'QUERY',
  'PROPFIND',
  'REPORT',
  'SEARCH',
])

/** Somebody before us tried it, or it might be read as another route's: never a second time by us. */
export function mayEverRetry(x: Exchange, plan: RetryPlan): boolean {
  return !plan.never && x.attempt === 0 && x.markKind !== 'hop' && x.readings.length === 0
}

/** How a first try ended, as far as a second one is asked for. */
export interface FirstTry {
  /** Undefined: nothing that a second try would mend, such as a time-out. */
  readonly cause: RetryCause | undefined
  readonly repeatable: boolean
  /** The body is there once more. */
  readonly sendable: boolean
  readonly otherEndpoint: boolean
  /** Retry-After of the answer, ms; undefined: none, NaN: one that cannot be honoured. */
  readonly afterMs: number | undefined
  /** Until the request's own deadline, ms. */
  readonly leftMs: number
}

/** `again` after `waitMs`, or the condition that forbids it: the words of explain and of a metric. */
export type RetryVerdict =
  | { readonly kind: 'again'; readonly waitMs: number }
  | { readonly kind: 'no'; readonly because: RetryRefusal }
export const retryRefusals = ['cause', 'not-idempotent', 'body-gone', 'no-other-endpoint', 'no-time', 'budget'] as const
export type RetryRefusal = (typeof retryRefusals)[number]

const backoffMs = 25

/**
 * Whether a request is sent a second time. `spread`: 0 <= x < 1, for the backoff with full jitter. The budget is the
 * caller's to ask, last, since asking spends it.
 */
export function retryVerdict(plan: RetryPlan, first: FirstTry, spread: number): RetryVerdict {
  const { cause, repeatable, sendable, otherEndpoint, afterMs = 0, leftMs } = first
  if (cause === undefined || !plan.on.has(cause)) return no('cause')
  // Written and unanswered is not unsent: the service may have executed it.
  if (cause !== 'unsent' && !repeatable) return no('not-idempotent')
  if (!sendable) return no('body-gone')
  // A stale connection says nothing of its endpoint.
  if (!otherEndpoint && cause !== 'unsent' && cause !== 'stale') return no('no-other-endpoint')
  const waitMs = Math.max(spread * backoffMs, afterMs)
  if (!(waitMs < leftMs)) return no('no-time')
  return { kind: 'again', waitMs }
}

function no(because: RetryRefusal): RetryVerdict {
  return { kind: 'no', because }
}

/** Retry-After in ms: seconds, as services write it. A date is one that we cannot honour: whose clock is it? */
export function afterOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  return /^\d{1,6}$/.test(value.trim()) ? Number(value) * 1_000 : Number.NaN
}
