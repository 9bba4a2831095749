import type { HeaderPairs } from '../header-pairs.ts'

/** The tag as it names a body whose bytes are not the service's own any more. RFC 9110 section 8.8.1. */
export function weakened(tag: string): string {
  return tag.startsWith('"') ? `W/${tag}` : tag
}

/**
 * The tag of a 304 in the form in which the client asked: one that we had weakened comes back as `W/"a"`, the service
 * matches it (If-None-Match compares weakly) and answers with its strong `"a"`, by which a client could not find its copy
 * (RFC 9111 section 4.3.4). The same list when nothing was to be changed.
 */
export function asAsked(headers: HeaderPairs, ifNoneMatch: string): HeaderPairs {
  for (let at = 0; at < headers.length; at += 2) {
    const tag = headers[at + 1] as string
    if ((headers[at] as string).toLowerCase() !== 'etag' || !tag.startsWith('"')) continue
    const asked: readonly string[] = ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []
    const isWeakOnly = asked.includes(weakened(tag)) && !asked.includes(tag)
    if (!isWeakOnly) return headers
    const changed = [...headers]
    changed[at + 1] = weakened(tag)
    return changed
  }
  return headers
}
