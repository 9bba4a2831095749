import { firstValue } from '../../header-pairs.ts'
import { type EntityTag, parseEntityTag, weakMatch } from './entity-tag.ts'
import type { CacheResponse, Entry } from './entry.ts'

/**
 * Which of the entries a 304 is about, given the conditions that were `sent`: its number; undefined = none of them, so
 * they are dropped and the service is asked again without conditions (C5). RFC 9111 section 4.3.4.
 */
export function whichFreshened(
  entries: readonly Entry[],
  response: CacheResponse,
  sent: readonly string[],
): number | undefined {
  const tag = tagOf(response.headers)
  if (tag !== undefined) return newest(entries, (entry) => isNamedBy(tag, tagOf(entry.headers)))
  const modified = firstValue(response.headers, 'last-modified')
  if (modified !== undefined) return newest(entries, (entry) => firstValue(entry.headers, 'last-modified') === modified)
  return theOneAskedAbout(entries, sent)
}

const tagOf = (headers: readonly string[]): EntityTag | undefined => parseEntityTag(firstValue(headers, 'etag') ?? '')

/** A strong tag is about those very bytes; a weak one about any state that is as good. */
function isNamedBy(tag: EntityTag, stored: EntityTag | undefined): boolean {
  if (stored === undefined) return false
  return tag.kind === 'weak' ? weakMatch(tag, stored) : tag.text === stored.text
}

function newest(entries: readonly Entry[], fits: (entry: Entry) => boolean): number | undefined {
  let best: number | undefined
  for (const [at, entry] of entries.entries()) {
    if (fits(entry) && (best === undefined || entry.responseMs > (entries[best] as Entry).responseMs)) best = at
  }
  return best
}

/** The answer names none: that is plain where there was one validator, and only one entry had it. */
function theOneAskedAbout(entries: readonly Entry[], sent: readonly string[]): number | undefined {
  const tags = firstValue(sent, 'if-none-match')
  // Beside a tag, services ignore the date. RFC 9110 section 13.1.3.
  const [name, asked] = tags === undefined ? ['last-modified', firstValue(sent, 'if-modified-since')] : ['etag', tags]
  if (asked === undefined) return undefined
  // Several tags in the field are nobody's.
  const having = entries.flatMap((entry, at) => (firstValue(entry.headers, name) === asked ? [at] : []))
  return having.length === 1 ? having[0] : undefined
}
