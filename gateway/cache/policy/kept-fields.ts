import { type Fields, linesOf, listMembers } from './fields.ts'
import { formatHttpDate } from './http-date.ts'

/** Of one connection, and so not of the answer (S7). RFC 9111 section 3.1, RFC 9110 section 7.6.1. */
const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** An answer that lost one of these would be stored as another one. */
const decisive: ReadonlySet<string> = new Set([
  'age',
  'cache-control',
  'cache-groups',
  'cache-tag',
  'content-encoding',
  'content-range',
  'date',
  'etag',
  'expires',
  'last-modified',
  'set-cookie',
  'surrogate-key',
  'vary',
])

/** Names that Connection gives, lower case; undefined if it takes away what the decision to store rests on. */
export function namedByConnection(fields: Fields, targeted: readonly string[]): ReadonlySet<string> | undefined {
  const named = new Set<string>()
  const members = listMembers(linesOf(fields, 'connection'))
  if (members === undefined) return undefined
  for (const member of members) {
    const name = member.toLowerCase()
    if (decisive.has(name) || targeted.includes(name)) return undefined
    named.add(name)
  }
  return named
}

/**
 * What is stored of an answer's fields: all end-to-end ones byte for byte and in order, but those `left` out; with the time
 * of receipt for a Date that is not there (RFC 9110 section 6.6.1), and without Age, which each reuse has anew.
 */
export function keptFields(
  { headers, names }: Fields,
  named: ReadonlySet<string>,
  left: ReadonlySet<string>,
  responseMs: number,
): string[] {
  const kept: string[] = []
  for (let field = 0; field < names.length; field++) {
    const name = names[field] as string
    if (name === 'age' || ofConnection.has(name) || named.has(name) || left.has(name)) continue
    kept.push(headers[2 * field] as string, headers[2 * field + 1] as string)
  }
  if (!names.includes('date')) kept.push('Date', formatHttpDate(responseMs))
  return kept
}
