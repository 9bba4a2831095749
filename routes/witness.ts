import type { Condition } from './condition.ts'
import type { RouteFacts } from './structure.ts'
import { type Said, saysNothing, waysToSay } from './witness-facts.ts'

/** A request that a route is there for. */
export interface Witness {
  readonly host: string
  /** Without its query, which `said` has. */
  readonly target: string
  readonly method: string
  readonly said: Said
}

export type WitnessedRoute = Pick<RouteFacts, 'host' | 'pattern' | 'methods' | 'when'>

/**
 * Requests for a route, the plainest first, such that better routes take all of them only if they take whatever the
 * route matches (or, for a route of any method, all but unheard-of ones). None when nothing meets its conditions. `also`
 * are places at which some of them say something, for tables that have routes which ask for silence there.
 */
export function witnessesOf(route: WitnessedRoute, also: readonly Condition['from'][] = []): Witness[] {
  const { pattern, methods = commonMethods, when } = route
  const host = route.host?.replace(/^\*/, word) ?? `${word}.invalid`
  const ways = when === undefined ? [saysNothing] : waysToSay(when)
  if (also.length > 0) ways.push(...waysToSay(when ?? [], also))
  return ways.flatMap((said) =>
    targetsOf(pattern).flatMap((target) => methods.map((method) => ({ host, target, method, said }))),
  )
}

const commonMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']

const word = 'x1'
/** For a catalog that has the first word as a literal. */
const rareWord = '~x1~'

function targetsOf(pattern: string): string[] {
  if (!pattern.endsWith('/**')) return each(pattern.includes('{'), (value) => filled(pattern, value))
  const base = pattern.slice(0, -'/**'.length)
  // Two below the base escape a `{parameter}` there, the base itself and its slash escape a `{parameter}/**`.
  return each(true, (value) => filled(base, value)).flatMap((path, at) => {
    const below = at === 0 ? word : rareWord
    return [`${path}/${below}`, `${path}/${below}${`/${below}`.repeat(deeper(pattern))}`, `${path}/`, path || '/']
  })
}

/** Below any pattern: those have at most 32 segments. */
function deeper(pattern: string): number {
  return 34 - pattern.split('/').length
}

function each(twice: boolean, make: (value: string) => string): string[] {
  return twice ? [make(word), make(rareWord)] : [make(word)]
}

function filled(path: string, value: string): string {
  return path.replace(/\{[^}]*\}/g, value)
}
