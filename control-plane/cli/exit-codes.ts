/** What a command's end tells a script. */
import { Problem } from '#routes/problem.ts'
import { ApiProblem } from '../api-client/client.ts'

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  denied: 5,
  gate: 6,
  timedOut: 7,
  unreachable: 8,
  interrupted: 130,
} as const

/** By the code where it says more than the status, else by the status. */
export function exitCodeOf(failure: unknown): number {
  if (isLate(failure)) return exitCodes.timedOut
  if (!(failure instanceof Problem || failure instanceof ApiProblem)) return exitCodes.failed
  return byCode[failure.code] ?? byStatus[failure.status] ?? exitCodes.failed
}

/** Whether an answer did not come in time: what was asked for may still be under way. */
export function isLate(failure: unknown): boolean {
  return failure instanceof ApiProblem && failure.cause instanceof Error && failure.cause.name === 'TimeoutError'
}

const byCode: Readonly<Record<string, number>> = {
  unreachable: exitCodes.unreachable,
  'system-not-found': exitCodes.unreachable,
  'store-unavailable': exitCodes.unreachable,
  'redis-unreachable': exitCodes.unreachable,
  'invalidation-failed': exitCodes.unreachable,
  'cloudflare-unavailable': exitCodes.unreachable,
  'edge-script-too-large': exitCodes.gate,
  'guard-failed': exitCodes.gate,
}

const byStatus: Readonly<Record<number, number>> = {
  400: exitCodes.usage,
  401: exitCodes.denied,
  403: exitCodes.denied,
  404: exitCodes.notFound,
  409: exitCodes.conflict,
  410: exitCodes.notFound,
  412: exitCodes.conflict,
  413: exitCodes.usage,
  422: exitCodes.usage,
  423: exitCodes.denied,
  428: exitCodes.conflict,
}
