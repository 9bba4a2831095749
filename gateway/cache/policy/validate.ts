import { firstValue, type HeaderPairs } from '../../header-pairs.ts'
import type { Entry } from './entry.ts'
import { parseHttpDate } from './http-date.ts'

/** Tags that are asked about at once: a service compares each, and a longer field meets limits on the way (V7). */
export const tagsAskedLimit = 8

/**
 * The conditions by which the service is asked whether one of the entries still holds (R1, V7): its tag and its date of one
 * entry, the tags of the newest of several. Byte for byte as the service sent them (C3); none = nothing to ask by.
 */
export function conditionsOf(entries: readonly Entry[]): HeaderPairs {
  // A failure that is kept has nothing to be validated.
  const asked = entries.filter((entry) => entry.negative === undefined)
  const conditions: HeaderPairs = []
  const tags = tagsOf(asked)
  if (tags.length > 0) conditions.push('if-none-match', tags.join(', '))
  const [only, ...others] = asked
  // A date says nothing of which of several variants it belongs to.
  const modified = only === undefined || others.length > 0 ? undefined : modifiedOf(only)
  if (modified !== undefined) conditions.push('if-modified-since', modified)
  return conditions
}

function tagsOf(entries: readonly Entry[]): readonly string[] {
  const tags = new Set<string>()
  for (const entry of entries.toSorted((one, other) => other.responseMs - one.responseMs)) {
    const tag = firstValue(entry.headers, 'etag')
    if (tag !== undefined && tag !== '' && tags.size < tagsAskedLimit) tags.add(tag)
  }
  return [...tags]
}

function modifiedOf({ headers, responseMs }: Entry): string | undefined {
  const modified = firstValue(headers, 'last-modified')
  return modified !== undefined && parseHttpDate(modified, responseMs) !== undefined ? modified : undefined
}

const ofConditions: ReadonlySet<string> = new Set([
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
])

/**
 * The request fields without the client's conditions and Range, for a fetch of the whole: its own are evaluated on what comes
 * of it (C3, G2, W7).
 */
export function withoutConditions(headers: readonly string[]): HeaderPairs {
  const kept: HeaderPairs = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (!ofConditions.has(name.toLowerCase())) kept.push(name, headers[at + 1] as string)
  }
  return kept
}
