import { type Condition, type ConditionFacts, compileCondition } from './condition.ts'
import type { Pattern, Segment } from './pattern.ts'

/**
 * The slow oracle of the trie: tries every route and keeps the best by the precedence rules as they are written down.
 * It shares nothing with the trie but the shape of a pattern, so that both can hardly be wrong in the same way.
 */
export function linearMatch(
  routes: readonly LinearRoute[],
  host: string,
  key: string,
  method: string,
  facts: ConditionFacts = { target: '', header: () => undefined },
): number {
  if (!key.startsWith('/')) return -1
  const path = key.split('/').slice(1)
  let best = -1
  let bestRank: readonly number[] = []
  routes.forEach((route, index) => {
    const rank = rankOf(route, host, path, method, facts)
    if (rank !== undefined && (best < 0 || isBetter(rank, bestRank))) {
      best = index
      bestRank = rank
    }
  })
  return best
}

export interface LinearRoute {
  readonly host?: string
  readonly pattern: Pattern
  readonly methods?: readonly string[]
  readonly trailingSlash?: 'ignore'
  readonly when?: readonly Condition[]
}

/** How well the route fits, the most important number first and higher is better; `undefined` when it does not match. */
function rankOf(
  route: LinearRoute,
  host: string,
  path: readonly string[],
  method: string,
  facts: ConditionFacts,
): number[] | undefined {
  const byPath = rankOfPath(route.pattern.segments, path) ?? (route.trailingSlash && rankWithOtherSlash(route, path))
  if (byPath === undefined) return undefined
  const byHost = rankOfHost(route.host, host)
  const byMethod = rankOfMethod(route.methods, method)
  const byConditions = rankOfConditions(route.when ?? [], facts)
  if (byHost === undefined || byMethod === undefined || byConditions === undefined) return undefined
  return [byHost, ...byPath, byMethod, byConditions]
}

/** 1. Host: exact, then the longest wildcard, then any. */
function rankOfHost(wanted: string | undefined, host: string): number | undefined {
  if (wanted === undefined) return 0
  if (wanted.startsWith('*'))
    return host.length >= wanted.length && host.endsWith(wanted.slice(1)) ? wanted.length : undefined
  return wanted === host ? Number.MAX_SAFE_INTEGER : undefined
}

const byEnd = 1_000_000
const byLiteral = 1_000_000
const bySuffix = 1_000
const byParameter = 2
const byTail = 1

/** 2. Path, segment by segment from the left: literal, parameter with suffix (longer first), parameter, tail. */
function rankOfPath(segments: readonly Segment[], path: readonly string[]): number[] | undefined {
  const last = segments.at(-1)
  if (last === undefined) return undefined
  const fixed = last.kind === 'tail' ? segments.length - 1 : segments.length
  if (last.kind === 'tail' ? path.length < fixed : path.length !== fixed) return undefined
  for (let at = 0; at < fixed; at++) {
    if (!fits(segments[at] as Segment, path[at] as string)) return undefined
  }
  const ranks = segments.map(rankOfSegment)
  return last.kind === 'tail' ? ranks : [...ranks, byEnd]
}

function fits(segment: Segment, text: string): boolean {
  switch (segment.kind) {
    case 'literal':
      return segment.text === text
    case 'parameter':
      return text.length > segment.suffix.length && text.endsWith(segment.suffix)
    case 'tail':
      return true
  }
}

function rankOfSegment(segment: Segment): number {
  switch (segment.kind) {
    case 'literal':
      return byLiteral
    case 'parameter':
      return segment.suffix === '' ? byParameter : bySuffix + segment.suffix.length
    case 'tail':
      return byTail
  }
}

/** `trailingSlash: ignore`: a pattern with a last slash is read as if it had none, and one without as if it had one. */
function rankWithOtherSlash({ pattern }: LinearRoute, path: readonly string[]): number[] | undefined {
  const last = pattern.segments.at(-1)
  if (last === undefined || last.kind === 'tail' || pattern.text === '/') return undefined
  if (last.kind === 'literal' && last.text === '') {
    return rankOfPath(pattern.segments.slice(0, -1), path)
  }
  return rankOfPath([...pattern.segments, { kind: 'literal', text: '' }], path)
}

/** 3. Method: exact, then HEAD by GET, then any. */
function rankOfMethod(methods: readonly string[] | undefined, method: string): number | undefined {
  if (methods === undefined) return 1
  if (methods.includes(method)) return 3
  return method === 'HEAD' && methods.includes('GET') ? 2 : undefined
}

/** 4. Conditions: all hold; more go before fewer. */
function rankOfConditions(when: readonly Condition[], facts: ConditionFacts): number | undefined {
  return when.every((condition) => compileCondition(condition)(facts)) ? when.length : undefined
}

function isBetter(rank: readonly number[], than: readonly number[]): boolean {
  for (let at = 0; at < Math.min(rank.length, than.length); at++) {
    const difference = (rank[at] as number) - (than[at] as number)
    if (difference !== 0) return difference > 0
  }
  return false
}
