import { problemMediaType } from '#routes/problem.ts'
import { problemReply } from '#server-kit/problem-reply.ts'
import { type Hit, isStale, noExpiry } from '../store/cache-store.ts'
import { stampMs } from '../store/stamp.ts'
import type { ChangeAnswer, Refused } from './command-runner.ts'
import { unique } from './item-commands.ts'
import type { LeaseTurn } from './leases.ts'

/** An answer of HTTP as it can be sent now, or kept and sent again. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** When to look again for what another one makes, ms. */
export const leaseRetryMs = 50

/** All but a value, which goes out as the bytes that it is (`hitHeaders`). */
export function httpAnswer(answer: ChangeAnswer, requestId: string): HttpAnswer {
  switch (answer.kind) {
    case 'stored':
      return { status: answer.isNew ? 201 : 204, headers: { etag: `"${answer.unique}"` }, body: '' }
    case 'done':
      return { status: 204, headers: answer.unique === undefined ? {} : { etag: `"${answer.unique}"` }, body: '' }
    case 'counted':
      return json({ value: String(answer.value) }, { etag: `"${answer.unique}"` })
    case 'lease':
      return json(leaseWords(answer.turn))
    case 'refused':
      return problemAnswer(answer, requestId)
  }
}

/** Answered, not thrown: a miss is an everyday outcome, and no line in the log. */
function problemAnswer({ problem, reason }: Refused, requestId: string): HttpAnswer {
  return {
    status: problem.status,
    headers: {
      'content-type': problemMediaType,
      ...(reason === undefined ? {} : { 'x-tidegate-cache-reason': reason }),
    },
    body: JSON.stringify(problemReply(problem, requestId, 'operator')),
  }
}

function json(value: object, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}

export function leaseWords(turn: Exclude<LeaseTurn, { readonly kind: 'failed' }>): Readonly<Record<string, unknown>> {
  if (turn.kind === 'win') return { state: 'win', token: String(turn.token) }
  return turn.kind === 'wait' ? { state: 'wait', retryAfterMs: leaseRetryMs } : { state: 'hit' }
}

/** What is told of a value beside its bytes. */
export function hitHeaders(hit: Hit, nowMs: number): Readonly<Record<string, string>> {
  const { contentType = 'application/octet-stream', contentEncoding } = hit
  const control = cacheControl(hit, nowMs)
  return {
    'content-type': contentType,
    ...(contentEncoding === undefined ? {} : { 'content-encoding': contentEncoding }),
    etag: `"${unique(hit)}"`,
    age: String(Math.max(0, Math.floor((nowMs - stampMs(hit.stamp)) / 1000))),
    ...(control === undefined ? {} : { 'cache-control': control }),
    'x-tidegate-cache-zone': hit.zone,
    'x-tidegate-cache-state': isStale(hit, nowMs) ? 'stale' : 'hit',
    'x-tidegate-cache-flags': String(hit.flags),
  }
}

/** What is left, in the words that put it there; undefined: no end. */
function cacheControl({ soft, ttlMs }: Hit, nowMs: number): string | undefined {
  const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000))
  if (soft === undefined) return ttlMs === noExpiry ? undefined : `max-age=${seconds(ttlMs)}`
  const freshMs = Math.max(0, soft.sinceMs - nowMs)
  const endMs = Math.min(soft.sinceMs + soft.forMs - nowMs, ttlMs === noExpiry ? Number.POSITIVE_INFINITY : ttlMs)
  return `max-age=${seconds(freshMs)}, stale-while-revalidate=${seconds(endMs - freshMs)}`
}
