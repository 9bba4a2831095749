import { parseList } from 'structured-headers'
import { firstValue, type HeaderPairs, joinedValue, lowerNames } from '../../header-pairs.ts'

/** Why a request went on to the service. RFC 9211 section 2.2. */
export type Forwarded = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial'

/** What the cache of a site did with one request (CS1): it answered, or it forwarded, never both. */
export type CacheOutcome = {
  readonly site: string
  /** Lifetime less age, seconds; negative = stale. */
  readonly ttlS?: number
  /** A reason token, beside what the other parameters say. */
  readonly detail?: string
  /** The clear key: only to callers who may ask for explanations. */
  readonly key?: string
} & (
  | { readonly kind: 'hit' }
  | {
      readonly kind: 'forwarded'
      readonly because: Forwarded
      /** Status of the service, where the client gets another one. */
      readonly status?: number
      /** It was accepted for storage. */
      readonly stored?: boolean
      /** The answer is that of another request's fetch. */
      readonly collapsed?: boolean
    }
)

/** One member of Cache-Status, valid by RFC 9651 whatever is in `outcome`. */
export function memberText(outcome: CacheOutcome): string {
  let text = token(`tidegate-${outcome.site}`)
  if (outcome.kind === 'hit') text += '; hit'
  else {
    text += `; fwd=${outcome.because}`
    if (outcome.status !== undefined) text += `; fwd-status=${integer(outcome.status)}`
    if (outcome.stored === true) text += '; stored'
    if (outcome.collapsed === true) text += '; collapsed'
  }
  if (outcome.ttlS !== undefined) text += `; ttl=${integer(outcome.ttlS)}`
  if (outcome.detail !== undefined) text += `; detail=${token(outcome.detail)}`
  if (outcome.key !== undefined) text += `; key=${quoted(outcome.key)}`
  return text
}

/**
 * Appends the member behind those of caches nearer to the service. Their lines stay byte for byte, but if they are no list:
 * then no reader takes anything from the field (RFC 9651 section 4.2), ours included, so what nobody can read gives way.
 */
export function appendMember(headers: HeaderPairs, member: string): void {
  if (firstValue(headers, 'cache-status') !== undefined) {
    const names = lowerNames(headers)
    if (!isList(joinedValue(headers, names, 'cache-status') ?? '')) {
      for (let field = names.length - 1; field >= 0; field--) {
        if (names[field] === 'cache-status') headers.splice(2 * field, 2)
      }
    }
  }
  headers.push('cache-status', member)
}

function isList(text: string): boolean {
  try {
    parseList(text)
    return true
  } catch {
    // How this parser says no.
    return false
  }
}

const tokenForm = /^[A-Za-z*][-!#$%&'*+.^_`|~0-9A-Za-z:/]*$/

const token = (text: string): string => (tokenForm.test(text) ? text : quoted(text))

/** What a string of RFC 9651 cannot hold is written as in a URL. */
function quoted(text: string): string {
  const visible = text.replace(/[^ -~]/gu, (character) => encodeURIComponent(character.toWellFormed()))
  return `"${visible.replace(/["\\]/g, '\\$&')}"`
}

/** The largest integer of RFC 9651. */
const integerLimit = 999_999_999_999_999

function integer(value: number): string {
  // Up, since Age is cut down to whole seconds: the two add up to the lifetime.
  return String(Math.ceil(Math.max(-integerLimit, Math.min(integerLimit, value))))
}
