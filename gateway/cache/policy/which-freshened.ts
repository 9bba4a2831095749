import { firstValue } from '../../header-pairs.ts'
import { type EntityTag, parseEntityTag, weakMatch } from './entity-tag.ts'
import type { CacheResponse, Validators } from './entry.ts'

/**
 * Which of the stored answers a 304 is about, given the conditions that were `sent`: its number; undefined = none of them, so
 * they are dropped and the service is asked again without conditions (C5). RFC 9111 section 4.3.4.
 */
export function whichFreshened(
  stored: readonly Validators[],
  response: CacheResponse,
  sent: readonly string[],
): number | undefined {
  const tag = parseEntityTag(firstValue(response.headers, 'etag') ?? '')
  if (tag !== undefined) return newest(stored, ({ etag }) => isNamedBy(tag, parseEntityTag(etag ?? '')))
  const modified = firstValue(response.headers, 'last-modified')
  if (modified !== undefined) return newest(stored, ({ lastModified }) => lastModified === modified)
  return theOneAskedAbout(stored, sent)
}

/** A strong tag is about those very bytes; a weak one about any state that is as good. */
function isNamedBy(tag: EntityTag, stored: EntityTag | undefined): boolean {
  if (stored === undefined) return false
  return tag.kind === 'weak' ? weakMatch(tag, stored) : tag.text === stored.text
}

function newest(stored: readonly Validators[], fits: (one: Validators) => boolean): number | undefined {
  let best: number | undefined
  for (const [at, one] of stored.entries()) {
    if (fits(one) && (best === undefined || one.storedMs > (stored[best] as Validators).storedMs)) best = at
  }
  return best
}

/** The answer names none: that is plain where there was one validator, and only one had it. */
function theOneAskedAbout(stored: readonly Validators[], sent: readonly string[]): number | undefined {
  const tags = firstValue(sent, 'if-none-match')
  // Beside a tag, services ignore the date. RFC 9110 section 13.1.3.
  const asked = tags ?? firstValue(sent, 'if-modified-since')
  if (asked === undefined) return undefined
  // Several tags in the field are nobody's.
  const having = stored.flatMap(({ etag, lastModified }, at) =>
    (tags === undefined ? lastModified : etag) === asked ? [at] : [],
  )
  return having.length === 1 ? having[0] : undefined
}
