import type { RouteFacts } from './structure.ts'

/** A request that a route is there for. */
export interface Witness {
  readonly host: string
  readonly target: string
  readonly method: string
}

export type WitnessedRoute = Pick<RouteFacts, 'host' | 'pattern' | 'methods'>

/** The plainest request for a route: to be shown as an example and probed. Better routes of its table may take it. */
export function witnessOf(route: WitnessedRoute): Witness {
  return witnessesOf(route)[0] as Witness
}

/**
 * Requests for a route, the plainest first, such that better routes take all of them only if they take whatever the
 * route matches (or, for a route of any method, all but unheard-of ones).
 */
export function witnessesOf(route: WitnessedRoute): Witness[] {
  const host = route.host?.replace(/^\*/, word) ?? `${word}.invalid`
  return targetsOf(route.pattern).flatMap((target) =>
    (route.methods ?? commonMethods).map((method) => ({ host, target, method })),
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
