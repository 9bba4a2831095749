import { firstValue, type HeaderPairs } from '../../header-pairs.ts'
import { parseEntityTag, parseEntityTags, weakMatch } from './entity-tag.ts'
import type { CacheRequest, Entry } from './entry.ts'
import { linesOf } from './fields.ts'
import { parseHttpDate } from './http-date.ts'

/**
 * What the client's own preconditions make of an entry that is fresh or was just validated: whether it holds the same already.
 * If-Match and If-Unmodified-Since are the service's business; such a request never comes here. RFC 9111 section 4.3.2.
 */
export function evaluate(entry: Entry, request: CacheRequest): 'not-modified' | 'whole' {
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'whole'
  // A part stands for its 200 (G3); all other statuses would be sent whatever the condition. RFC 9110 section 13.2.1.
  if (entry.status !== 200 && entry.part === undefined) return 'whole'
  const tags = linesOf(request, 'if-none-match')
  if (tags.length > 0) return namesTag(tags, entry) ? 'not-modified' : 'whole'
  const since = linesOf(request, 'if-modified-since')
  if (since.length !== 1) return 'whole'
  const sinceMs = parseHttpDate(since[0] as string, entry.responseMs)
  return sinceMs !== undefined && modifiedMs(entry) <= sinceMs ? 'not-modified' : 'whole'
}

function namesTag(lines: readonly string[], entry: Entry): boolean {
  const tags = parseEntityTags(lines)
  if (tags === '*') return true
  const stored = parseEntityTag(firstValue(entry.headers, 'etag') ?? '')
  return stored !== undefined && tags.some((tag) => weakMatch(tag, stored))
}

/** When it was last changed, as far as anybody knows: not later than it was sent. */
function modifiedMs({ headers, responseMs }: Entry): number {
  return (
    parseHttpDate(firstValue(headers, 'last-modified') ?? '', responseMs) ??
    parseHttpDate(firstValue(headers, 'date') ?? '', responseMs) ??
    responseMs
  )
}

/** What caches on the way need to bring theirs up to date; nothing that describes a body. RFC 9110 section 15.4.5. */
const ofNotModified: ReadonlySet<string> = new Set([
  'etag',
  'date',
  'cache-control',
  'expires',
  'vary',
  'content-location',
])

/** The fields of the 304 that stands for the entry; `extra` (Age, Cache-Status) goes behind them. */
export function notModified(entry: Entry, extra: readonly string[]): HeaderPairs {
  const fields: HeaderPairs = []
  const tagged = firstValue(entry.headers, 'etag') !== undefined
  for (let at = 0; at < entry.headers.length; at += 2) {
    const name = (entry.headers[at] as string).toLowerCase()
    if (ofNotModified.has(name) || (name === 'last-modified' && !tagged))
      fields.push(entry.headers[at] as string, entry.headers[at + 1] as string)
  }
  for (const text of extra) fields.push(text)
  return fields
}
