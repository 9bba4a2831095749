import { firstValue, type HeaderPairs } from '../../header-pairs.ts'
import type { Entry, Validators } from './entry.ts'
import { parseHttpDate } from './http-date.ts'

/** Tags that are asked about at once: a service compares each, and a longer field meets limits on the way (V7). */
export const tagsAskedLimit = 8

/** Those of a stored answer; a failure that is kept has nothing to be validated. */
export function validatorsOf({ headers, negative, responseMs }: Entry): Validators {
  const storedMs = responseMs
  if (negative === true) return { storedMs }
  const etag = firstValue(headers, 'etag')
  const lastModified = firstValue(headers, 'last-modified')
  return { ...(etag && { etag }), ...(lastModified && { lastModified }), storedMs }
}

/**
 * The conditions by which the service is asked whether one of the stored answers still holds (R1, V7): the tag and the date of
 * one, the tags of the newest of several. Byte for byte as the service sent them (C3); none = nothing to ask by.
 */
export function conditionsOf(stored: readonly Validators[]): HeaderPairs {
  const conditions: HeaderPairs = []
  const tags = tagsOf(stored)
  if (tags.length > 0) conditions.push('if-none-match', tags.join(', '))
  const [only, ...others] = stored
  // A date says nothing of which of several variants it belongs to.
  const modified = only === undefined || others.length > 0 ? undefined : modifiedOf(only)
  if (modified !== undefined) conditions.push('if-modified-since', modified)
  return conditions
}

function tagsOf(stored: readonly Validators[]): readonly string[] {
  const tags = new Set<string>()
  for (const { etag } of stored.toSorted((one, other) => other.storedMs - one.storedMs)) {
    if (etag !== undefined && tags.size < tagsAskedLimit) tags.add(etag)
  }
  return [...tags]
}

function modifiedOf({ lastModified, storedMs }: Validators): string | undefined {
  return lastModified !== undefined && parseHttpDate(lastModified, storedMs) !== undefined ? lastModified : undefined
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
