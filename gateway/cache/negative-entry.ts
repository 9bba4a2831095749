import { Problem } from '#routes/problem.ts'
import { problems } from '../errors.ts'
import { firstValue } from '../header-pairs.ts'
import type { RouteRules } from './cache-rules.ts'
import type { Entry, FetchTimes } from './policy/entry.ts'
import { negativeS } from './policy/negative.ts'

/** What stands for the answer that nobody gave. No service can write it: fields that begin so are ours alone. */
const codeField = 'x-tidegate-problem'
const unconnected: ReadonlySet<string> = new Set([
  'upstream-refused',
  'upstream-tls',
  'upstream-dns',
  'connect-timeout',
  'no-endpoint',
])

/** Keeps that the service could not be reached, where the route says for how long (E1); undefined: it does not, or it was. */
export function negativeOfConnect(problem: Problem, rules: RouteRules, times: FetchTimes): Entry | undefined {
  if (!unconnected.has(problem.code)) return undefined
  const lifetimeS = negativeS('connect', undefined, rules, times.responseMs)
  if (lifetimeS <= 0) return undefined
  return {
    status: problem.status,
    reason: '',
    headers: [codeField, problem.code],
    ...times,
    freshness: {
      lifetimeS,
      initialAgeS: 0,
      staleWhileRevalidateS: 0,
      staleIfErrorS: 0,
      validateAlways: false,
      neverStale: false,
      windowForbidden: false,
    },
    vary: [],
    guarded: [],
    tags: [],
    negative: true,
  }
}

/** The problem that an entry keeps, for the request that asks now; undefined: it keeps an answer of the service. */
export function keptProblem(entry: Entry): Problem | undefined {
  if (entry.negative !== true) return undefined
  const code = firstValue(entry.headers, codeField)
  const known = code !== undefined && Object.hasOwn(problems.entries, code)
  return known ? new Problem(code, problems.entries[code as keyof typeof problems.entries]) : undefined
}
