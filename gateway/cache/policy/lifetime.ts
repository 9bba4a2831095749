import { longestS } from './delta-seconds.ts'
import { type Directives, permits } from './directive-set.ts'
import type { CacheRules, FetchTimes } from './entry.ts'
import { type Fields, linesOf, trimmed } from './fields.ts'
import { parseHttpDate } from './http-date.ts'
import { dateMs, lastModifiedMs } from './moments.ts'
import { isHeuristicallyCacheable, takesRouteTtl } from './statuses.ts'
import type { Governing } from './targeted.ts'

/** Which word decided on the lifetime (F1). Three are the service's own. */
export type LifetimeSource = Stated | 'ttl' | 'heuristic' | 'none'
type Stated = 's-maxage' | 'max-age' | 'expires'

/** The service said it itself, readably or not. */
export function isExplicit(source: LifetimeSource): boolean {
  return source === 's-maxage' || source === 'max-age' || source === 'expires'
}

/** A day: what is guessed holds no longer. RFC 9111 section 4.2.2. */
const longestGuessS = 86_400

interface Lifetime {
  readonly source: LifetimeSource
  readonly lifetimeS: number
}

/** For how long an answer is fresh, and who says so. */
export function lifetimeOf(
  status: number,
  fields: Fields,
  { directives, expiresCounts }: Governing,
  rules: CacheRules,
  times: FetchTimes,
): Lifetime {
  const routeS = !rules.strict && takesRouteTtl(status) ? rules.ttlS : undefined
  const stated = explicitSource(fields, directives, expiresCounts)
  if (routeS !== undefined && (stated === undefined || rules.override)) return { source: 'ttl', lifetimeS: routeS }
  if (stated !== undefined) return { source: stated, lifetimeS: statedS(stated, fields, directives, times) }
  const mayGuess = rules.strict && (isHeuristicallyCacheable(status) || permits(directives, 'public'))
  return mayGuess ? { source: 'heuristic', lifetimeS: guessedS(fields, times) } : { source: 'none', lifetimeS: 0 }
}

/** The first that is there, readable or not (P3): who wrote something unreadable did not mean the next one. */
function explicitSource(fields: Fields, directives: Directives, expiresCounts: boolean): Stated | undefined {
  if (directives.has('s-maxage')) return 's-maxage'
  if (directives.has('max-age')) return 'max-age'
  return expiresCounts && fields.names.includes('expires') ? 'expires' : undefined
}

function statedS(source: Stated, fields: Fields, directives: Directives, times: FetchTimes): number {
  if (source === 'expires') return untilExpiresS(fields, times)
  const seconds = directives.seconds(source)
  return typeof seconds === 'number' ? seconds : 0
}

function untilExpiresS(fields: Fields, times: FetchTimes): number {
  const lines = linesOf(fields, 'expires')
  // Two lines contradict each other, or whoever wrote them cannot be relied on (F2).
  const expiresMs = lines.length === 1 ? parseHttpDate(trimmed(lines[0] as string), times.responseMs) : undefined
  if (expiresMs === undefined) return 0
  return Math.min(Math.max(0, (expiresMs - dateMs(fields, times)) / 1000), longestS)
}

function guessedS(fields: Fields, times: FetchTimes): number {
  const modifiedMs = lastModifiedMs(fields, times)
  const unchangedMs = modifiedMs === undefined ? 0 : dateMs(fields, times) - modifiedMs
  return unchangedMs <= 0 ? 0 : Math.min(unchangedMs / 10_000, longestGuessS)
}
