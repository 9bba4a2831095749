import { joinedValue } from '../header-pairs.ts'
import type { Asked } from './asked.ts'
import type { Admits } from './flights.ts'
import type { Found } from './found.ts'
import { cacheControl } from './policy/directives.ts'
import type { Entry } from './policy/entry.ts'
import { ownersOnly } from './policy/sharing.ts'
import { selectingText } from './policy/vary.ts'

/**
 * What a flight is known by beside its key. Whose answers are nobody else's without the service's permission (those with a
 * credential that the key does not account for) fly apart: else one of them could send all others to the service.
 */
export function flightClass({ x, rules, caller, lookup, route }: Asked): {
  readonly marked: string
  readonly route: string
} {
  const apart = ownersOnly(x, silent, rules, caller) !== undefined
  return { marked: apart ? `${lookup.key.text}|own` : lookup.key.text, route: apart ? `${route.id}|own` : route.id }
}

/** An answer that says nothing of caching. */
const silent = cacheControl([])

/**
 * Requests with one flight key are answered by one fetch (W1): the same primary key, the same values of the Vary that is known,
 * and the same conditions of their own where those go to the service (`conditional`).
 */
export function flightKey(asked: Asked, found: Found, conditional: boolean): string {
  const { x, lookup } = asked
  let key = flightClass(asked).marked
  const vary = found.kind === 'entry' ? found.entry.vary : (found.vary ?? [])
  if (vary.length > 0) key += regrouped(vary, lookup.linesOf)
  if (conditional) {
    for (const name of ownConditions)
      if (x.names.includes(name)) key += `|${name} ${joinedValue(x.headers, x.names, name)}`
  }
  return key
}

/** What is added for those who are told apart by a Vary that only the answer told. */
export function regrouped(vary: readonly string[], linesOf: Asked['lookup']['linesOf']): string {
  return `|${vary.join()}|${selectingText(vary, linesOf)}`
}

/** For a waiter whose request selects as the leader's does, by the answer's own Vary. */
export function admits(leader: Asked, entry?: Entry): Admits<Asked> {
  const vary = entry?.vary ?? []
  if (vary.length === 0) return { vary, admits: () => true }
  const text = selectingText(vary, leader.lookup.linesOf)
  return { vary, admits: ({ lookup }) => selectingText(vary, lookup.linesOf) === text }
}

const ownConditions = ['if-none-match', 'if-modified-since'] as const
