import type { RouteRecord } from '#routes/gateway-answers.ts'

export interface PathAdvice {
  readonly requests: number
  /** What `unsafeTargets` of the host may be, once the routes below are written as told. */
  readonly policy: 'reject' | 'observe'
  readonly routes: readonly UnsafeUse[]
}

export interface UnsafeUse {
  readonly route: string
  /** The class of unsafe target that its traffic uses. */
  readonly unsafe: string
  readonly count: number
  /** A route may accept it by name; else only its clients can be mended. */
  readonly accepts: boolean
  readonly example: string
}

const acceptable: ReadonlySet<string> = new Set(['encoded-slash', 'double-slash'])
const never: ReadonlySet<string> = new Set([
  'dot-segment',
  'backslash',
  'control',
  'non-ascii',
  'malformed',
  'double-encoded',
])

/** The strictest policy that refuses nothing of what was recorded, and what routes must accept for it. */
export function pathAdvice(records: readonly RouteRecord[]): PathAdvice {
  const routes = records.flatMap(({ route, features }) =>
    features
      .filter(({ feature }) => acceptable.has(feature) || never.has(feature))
      .map(({ feature, count, examples }) => ({
        route,
        unsafe: feature,
        count,
        accepts: acceptable.has(feature),
        example: examples[0] ?? '',
      })),
  )
  return {
    requests: records.reduce((sum, { requests }) => sum + requests, 0),
    policy: routes.every(({ accepts }) => accepts) ? 'reject' : 'observe',
    routes: merged(routes).sort((a, b) => b.count - a.count),
  }
}

/** The same route at several sites is one line. */
function merged(uses: readonly UnsafeUse[]): UnsafeUse[] {
  const byUse = new Map<string, UnsafeUse>()
  for (const use of uses) {
    const key = `${use.unsafe} ${use.route}`
    const former = byUse.get(key)
    byUse.set(key, former === undefined ? use : { ...former, count: former.count + use.count })
  }
  return [...byUse.values()]
}
