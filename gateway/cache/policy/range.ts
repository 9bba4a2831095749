import { firstValue, joinedValue } from '../../header-pairs.ts'
import { parseEntityTag, strongMatch } from './entity-tag.ts'
import type { CacheRequest, Entry } from './entry.ts'
import { linesOf } from './fields.ts'
import { parseHttpDate } from './http-date.ts'

/**
 * What of a stored answer a request gets. `part`: bytes `first` to `last` of the whole, both included. `outside`: the entry
 * holds a part only, and not the one that is asked for, so somebody else must be (G3).
 */
export type Slice =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'outside' }

const whole: Slice = { kind: 'whole' }
const unsatisfiable: Slice = { kind: 'unsatisfiable' }
const outside: Slice = { kind: 'outside' }

/**
 * Which bytes of the entry answer the request, whose preconditions were evaluated already (G2); `length` is that of the stored
 * body. RFC 9110 section 14.
 */
export function slice(entry: Entry, length: number, request: CacheRequest): Slice {
  const { part } = entry
  if (part === undefined) {
    if (entry.status !== 200) return whole
    return rangeOf(entry, request, length) ?? whole
  }
  const asked = rangeOf(entry, request, part.total)
  if (asked === undefined) return outside
  return asked.kind === 'part' && (asked.first < part.first || asked.last > part.last) ? outside : asked
}

/** The one range that is asked for, of `total` bytes; undefined = none that counts. */
function rangeOf(entry: Entry, request: CacheRequest, total: number): Slice | undefined {
  if (request.method !== 'GET' || !request.names.includes('range')) return undefined
  const asked = parseRange(joinedValue(request.headers, request.names, 'range') ?? '', total)
  return asked === undefined || !conditionHolds(entry, request) ? undefined : asked
}

/** One range of bytes, among empty members of the list; two, or two lines of it, do not fit. RFC 9110 section 14.1.1. */
const oneRange = /^bytes=[\t ,]*(\d*)-(\d*)[\t ,]*$/i

function parseRange(text: string, total: number): Slice | undefined {
  const [, from, to] = oneRange.exec(text) ?? []
  if (from === undefined || to === undefined) return undefined
  if (from === '') return to === '' ? undefined : lastBytes(Number(to), total)
  const first = Number(from)
  const last = to === '' ? total - 1 : Number(to)
  if (to !== '' && last < first) return undefined
  return first >= total ? unsatisfiable : { kind: 'part', first, last: Math.min(last, total - 1) }
}

function lastBytes(count: number, total: number): Slice | undefined {
  if (count === 0) return unsatisfiable
  // All of nothing is satisfiable, and no Content-Range can say it: the whole is the answer. RFC 9110 section 14.1.2.
  return total === 0 ? undefined : { kind: 'part', first: Math.max(0, total - count), last: total - 1 }
}

/** Without If-Range it holds. Else only a validator that cannot stand for other bytes makes it true. RFC 9110 section 13.1.5. */
function conditionHolds({ headers, responseMs }: Entry, request: CacheRequest): boolean {
  const lines = linesOf(request, 'if-range')
  if (lines.length === 0) return true
  const [text = '', ...others] = lines
  if (others.length > 0) return false
  const date = parseHttpDate(text, responseMs)
  if (date === undefined) {
    const asked = parseEntityTag(text)
    const stored = parseEntityTag(firstValue(headers, 'etag') ?? '')
    return asked !== undefined && stored !== undefined && strongMatch(asked, stored)
  }
  const modified = parseHttpDate(firstValue(headers, 'last-modified') ?? '', responseMs)
  const sent = parseHttpDate(firstValue(headers, 'date') ?? '', responseMs)
  // Within the second of its Date it may have changed again. RFC 9110 section 8.8.2.2.
  return modified === date && sent !== undefined && sent - modified >= 1000
}
