import * as names from '#routes/header-names.ts'
import { maintenanceAnswer } from '#routes/maintenance.ts'
import { cookies } from '#routes/messages.ts'
import { problemMediaType, publicBody } from '#routes/problem.ts'
import type { Choice } from './choice.ts'
import type { Incoming } from './facts.ts'

/**
 * Codes of what the edge answers by itself. Their meaning and fix stand in errors.ts and routes/errors.ts, which stay
 * out of the script: no client sees those words, and each isolate would start with them. A test compares the statuses.
 */
export const statuses = {
  'target-unsafe': 400,
  'host-invalid': 400,
  'edge-failed': 500,
  'edge-misbound': 500,
  'origin-unreachable': 502,
  'origin-timeout': 504,
  loop: 508,
} as const

export type OwnCode = keyof typeof statuses

/** RFC 9457: a stable code and the request's id, nothing internal. */
export function problemAnswer(code: OwnCode, requestId: string): Response {
  const status = statuses[code]
  const headers = { 'content-type': problemMediaType, 'cache-control': 'no-store', 'x-request-id': requestId }
  return new Response(JSON.stringify(publicBody(code, status, requestId)), { status, headers })
}

export function jsonAnswer(value: unknown): Response {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return new Response(JSON.stringify(value), { headers })
}

/**
 * The answer of a route in maintenance, which stands also when no gateway does. A script of another origin is the gateway's
 * to answer, as it knows who may read that; so is doctor.
 */
export function maintenance({ header, requestId }: Incoming, { decision }: Choice): Response | undefined {
  const policy = decision?.route?.policy.answer
  if (policy?.kind !== 'maintenance' || (header('origin') ?? header(names.echo)) !== undefined) return undefined
  const { status, headers, body } = maintenanceAnswer(policy, header('accept'), requestId)
  return new Response(body, { status, headers: { ...headers, [names.requestId]: requestId } })
}

const toEdges = [names.table, names.failover, names.sticky]

/**
 * A gateway's answer without its words to this edge; the very same where there are none, and to an upgrade. The signed key
 * becomes a cookie where the host has its clients keep one.
 */
export function forClient(answer: Response, { decision }: Choice): Response {
  if (answer.status === 101 || !toEdges.some((name) => answer.headers.has(name))) return answer
  const rebuilt = new Response(answer.body, answer)
  const { headers } = rebuilt
  const sticky = headers.get(names.sticky)
  if (sticky !== null && decision?.host?.stickyCookie) {
    const attributes = 'Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax'
    headers.append('set-cookie', `${cookies.sticky}=${sticky}; ${attributes}`)
  }
  for (const name of toEdges) headers.delete(name)
  return rebuilt
}
