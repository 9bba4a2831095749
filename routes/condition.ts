import type { RequestFacts } from './request-facts.ts'
import { cookieValue } from './sticky-key.ts'
import { isVersionIn, readRange, readVersion } from './version-range.ts'

/** Where a condition looks. Names of headers in lower case. */
export type ConditionSource = `header:${string}` | `query:${string}` | `cookie:${string}` | 'country'

/**
 * What a request must say, beside host, path and method, for a route to match. `equals`, `prefix` and `oneOf` compare texts
 * as they are; `version` is a range such as `>=4.2 <5` over dotted numbers, in which a missing part is 0.
 */
export type Condition =
  | { readonly from: ConditionSource; readonly test: 'equals' | 'prefix' | 'version'; readonly value: string }
  | { readonly from: ConditionSource; readonly test: 'exists'; readonly value: boolean }
  | { readonly from: ConditionSource; readonly test: 'oneOf'; readonly value: readonly string[] }

/** What of a request conditions look at. */
export type ConditionFacts = Pick<RequestFacts, 'target' | 'country' | 'header'>

/** Whether a request says it. */
export type Holds = (facts: ConditionFacts) => boolean

/** All of the conditions as one question, taken apart once a table. */
export function compileConditions(when: readonly Condition[]): Holds {
  const tests = when.map(compileCondition)
  return (facts) => tests.every((holds) => holds(facts))
}

/**
 * One condition as a question. What is absent holds nothing but `exists: false`, and so do a version range for what is no
 * version, and a comparison for another case of letters.
 */
export function compileCondition({ from, test, value }: Condition): Holds {
  const read = readerOf(from)
  switch (test) {
    case 'exists':
      return (facts) => (read(facts) !== undefined) === value
    case 'equals':
      return (facts) => read(facts) === value
    case 'prefix':
      return (facts) => read(facts)?.startsWith(value) === true
    case 'oneOf':
      return (facts) => value.includes(read(facts) as string)
    case 'version': {
      const range = readRange(value) ?? []
      return (facts) => isVersionIn(range, readVersion(read(facts)))
    }
  }
}

function readerOf(from: ConditionSource): (facts: ConditionFacts) => string | undefined {
  if (from === 'country') return ({ country }) => country
  const name = from.slice(from.indexOf(':') + 1)
  if (from.startsWith('header:')) return (facts) => facts.header(name)
  if (from.startsWith('cookie:')) return (facts) => cookieValue(facts.header('cookie'), name)
  return ({ target }) => queryValue(target, name)
}

/** The first of its name, percent-decoded; `+` stays a plus, since not every service reads it as a space. */
function queryValue(target: string, name: string): string | undefined {
  const mark = target.indexOf('?')
  if (mark < 0) return undefined
  for (const pair of target.slice(mark + 1).split('&')) {
    const [key = ''] = pair.split('=', 1)
    if (decoded(key) === name) return decoded(pair.slice(key.length + 1))
  }
  return undefined
}

function decoded(text: string): string {
  try {
    return text.includes('%') ? decodeURIComponent(text) : text
  } catch {
    // Escapes of no UTF-8 text: compared as they are written.
    return text
  }
}
