import { deltaSeconds } from './delta-seconds.ts'
import type { CacheResponse, CacheRules } from './entry.ts'
import { type Fields, fieldsOf, firstLine, trimmed } from './fields.ts'
import { parseHttpDate } from './http-date.ts'
import { type Governing, governing } from './targeted.ts'

/** No failure is kept longer, whatever a route says. */
const longestNegativeS = 60

/** Never 401, 403 or 429: they are about who asked. */
const keptStatuses: ReadonlySet<number> = new Set([404, 405, 410, 414, 500, 502, 503, 504])

/** What on keeping it a service can say of a failure. */
const said: readonly string[] = ['s-maxage', 'max-age', 'no-store', 'no-cache', 'private', 'must-understand']

/**
 * For how many seconds a failure is kept; 0 = not at all. Only where the service said nothing on keeping it, and no longer
 * than until it wants to be asked again. `connect`: it could not be reached, and there is no response.
 */
export function negativeS(
  status: number | 'connect',
  response: CacheResponse | undefined,
  rules: CacheRules,
  nowMs: number,
): number {
  if (status === 'connect' || response === undefined) return status === 'connect' ? routeS(status, rules) : 0
  const fields = fieldsOf(response.headers)
  return negativeAnswerS(status, fields, governing(response.headers, rules.targeted, fields.names), rules, nowMs)
}

/** The same of an answer that was read already. */
export function negativeAnswerS(
  status: number,
  fields: Fields,
  { directives, expiresCounts }: Governing,
  rules: CacheRules,
  nowMs: number,
): number {
  if (!keptStatuses.has(status) || directives.unclosed) return 0
  for (const name of said) if (directives.has(name)) return 0
  if (expiresCounts && fields.names.includes('expires')) return 0
  return Math.min(routeS(status, rules), untilRetryS(fields, nowMs))
}

function routeS(status: number | 'connect', rules: CacheRules): number {
  return rules.strict ? 0 : Math.min(rules.negative.get(status) ?? 0, longestNegativeS)
}

/** RFC 9110 section 10.2.3. */
function untilRetryS(fields: Fields, nowMs: number): number {
  const line = firstLine(fields, 'retry-after')
  if (line === undefined) return longestNegativeS
  const text = trimmed(line)
  const seconds = deltaSeconds(text)
  if (seconds !== undefined) return seconds
  const atMs = parseHttpDate(text, nowMs)
  return atMs === undefined ? longestNegativeS : Math.max(0, (atMs - nowMs) / 1000)
}
