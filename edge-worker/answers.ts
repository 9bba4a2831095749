import { problemMediaType, publicBody } from '#routes/problem.ts'

/**
 * Codes of what the edge answers by itself. Their meaning and fix stand in errors.ts and routes/errors.ts, which stay
 * out of the script: no client sees those words, and each isolate would start with them. A test compares the statuses.
 */
export const statuses = {
  'target-unsafe': 400,
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
