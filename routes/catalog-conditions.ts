import type { Condition, ConditionSource } from './condition.ts'
import { pointerTo } from './fault.ts'
import type { Findings } from './findings.ts'
import { ownPrefix } from './messages.ts'
import type { RouteDocument } from './route-schema.ts'
import { readRange } from './version-range.ts'

type WhenDocument = NonNullable<RouteDocument['when']>
type TestDocument = NonNullable<WhenDocument['headers']>[string]

/** The conditions of a route, sorted by where they look, so that equal ones are equal texts. */
export function readConditions(when: WhenDocument, pointer: string, findings: Findings): readonly Condition[] {
  const conditions = [
    ...among(when.headers, 'headers', 'header'),
    ...among(when.query, 'query', 'query'),
    ...among(when.cookies, 'cookies', 'cookie'),
  ]
  const country = when.country?.filter(() => true)
  if (country !== undefined) conditions.push({ from: 'country', test: 'oneOf', value: sorted(country) })
  return conditions.sort((a, b) => (a.from < b.from ? -1 : 1))

  function among(
    tests: Readonly<Record<string, TestDocument>> | undefined,
    group: keyof WhenDocument,
    source: 'header' | 'query' | 'cookie',
  ): Condition[] {
    return Object.entries(tests ?? {}).flatMap(([name, test]) => {
      const at = pointerTo(`${pointer}/${group}`, name)
      if (source === 'header') checkHeader(name, at)
      if (source === 'cookie' && name.startsWith(ownCookies))
        findings.faultOfKey(at, name, 'is between edge and client', otherFix)
      return conditionOf(`${source}:${name}`, test, at) ?? []
    })
  }

  /** What an edge takes off a request, or each hop writes anew, would hold at one of them and not at the other. */
  function checkHeader(name: string, at: string): void {
    if (name === 'host') findings.faultOfKey(at, name, 'is matched by the route itself', { fix: 'write "host:"' })
    else if (name.startsWith(ownPrefix))
      findings.faultOfKey(at, name, 'never comes from a client', { fix: 'choose another header' })
    else if (name === 'cookie')
      findings.faultOfKey(at, name, 'holds cookies of ours at an edge, and none at its gateway', {
        fix: 'write "cookies:"',
      })
  }

  function conditionOf(from: ConditionSource, test: TestDocument, at: string): Condition | undefined {
    if (typeof test === 'string') return { from, test: 'equals', value: test }
    if (test.equals !== undefined) return { from, test: 'equals', value: test.equals }
    if (test.prefix !== undefined) return { from, test: 'prefix', value: test.prefix }
    if (test.exists !== undefined) return { from, test: 'exists', value: test.exists }
    if (test.oneOf !== undefined) return { from, test: 'oneOf', value: sorted(test.oneOf) }
    if (test.version === undefined) return undefined
    if (readRange(test.version) === undefined)
      findings.fault(`${at}/version`, test.version, 'no range of versions', { fix: 'write it as ">=4.2 <5"' })
    return { from, test: 'version', value: test.version }
  }
}

/** A gateway takes them off before it looks for the route, so that its condition would not hold where the edge's does. */
const ownCookies = 'tidegate-'
const otherFix = { fix: 'choose another cookie' }

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.filter(() => true))].sort()
}
