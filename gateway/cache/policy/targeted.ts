import { DirectiveSet, type Directives, knownDirectives, timedDirectives } from './directive-set.ts'
import { cacheControl } from './directives.ts'
import { fieldsOf, linesOf } from './fields.ts'
import { type Member, readDictionary } from './structured-field.ts'

/** Whose word holds for this cache. RFC 9213. */
export interface Governing {
  readonly directives: Directives
  /** Only beside Cache-Control: a targeted field governs alone, and Expires is ignored with Cache-Control. */
  readonly expiresCounts: boolean
  /** The targeted field that governs; absent: Cache-Control. */
  readonly field?: string
}

/** The first of the `targeted` fields that is there, readable and not empty; else Cache-Control. */
export function governing(
  headers: readonly string[],
  targeted: readonly string[],
  names?: readonly string[],
): Governing {
  const fields = names === undefined ? fieldsOf(headers) : { headers, names }
  for (const field of targeted) {
    const lines = linesOf(fields, field)
    const members = lines.length === 0 ? undefined : readDictionary(lines)
    if (members !== undefined && members.size > 0)
      return { directives: directivesOf(members), expiresCounts: false, field }
  }
  return { directives: cacheControl(headers, fields.names), expiresCounts: true }
}

function directivesOf(members: ReadonlyMap<string, Member>): Directives {
  const directives = new DirectiveSet()
  for (const [name, member] of members) {
    if (!knownDirectives.has(name) || (member.kind === 'boolean' && !member.value)) continue
    if (timedDirectives.has(name)) {
      // Types are not coerced: neither "10" nor 10.0 is a number of seconds, and none is there without one.
      directives.add(name, member.kind === 'integer' ? String(member.value) : true, false)
    } else directives.add(name, member.kind === 'string' ? member.value : true, false)
  }
  return directives
}
