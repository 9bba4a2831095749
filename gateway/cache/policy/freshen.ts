import type { CacheRequest, CacheResponse, CacheRules, CallerFacts, Entry, FetchTimes, Refusal } from './entry.ts'
import { fieldsOf, firstLine } from './fields.ts'
import { freshnessOf } from './freshness.ts'
import { keptFields, namedByConnection } from './kept-fields.ts'
import { type Judged, toEntry } from './storable.ts'
import { governing } from './targeted.ts'

/**
 * What becomes of an entry that was found to hold still.
 * - `entry`: it is kept in the place of the old one. `headers` are for the request that asked: with fields that are nobody
 *   else's (`private="a"`).
 * - `serve-only`: it answers the request that asked, and is not kept. The old one `goes` if the service took its permission
 *   back, and `stays` as it was if only this request forbids (it said `no-store`, it is somebody's own).
 */
export type Freshened =
  | { readonly kind: 'entry'; readonly entry: Entry; readonly headers: readonly string[] }
  | {
      readonly kind: 'serve-only'
      readonly entry: Entry
      readonly because: Refusal
      readonly stored: 'goes' | 'stays'
    }

/**
 * Brings an entry up to date by a 304, or by the 200 to a HEAD that says the same (HD1): freshness, tags and whether it may be
 * kept are found out anew, and doing so twice is doing so once. RFC 9111 section 4.3.4.
 */
export function freshen(
  entry: Entry,
  request: CacheRequest,
  response: CacheResponse,
  rules: CacheRules,
  caller: CallerFacts,
  times: FetchTimes,
): Freshened {
  const fields = fieldsOf(response.headers)
  const named = namedByConnection(fields, rules.targeted)
  const headers = replaced(entry.headers, keptFields(fields, named ?? nothing, ofStoredBody, times.responseMs))
  const age = firstLine(fields, 'age')
  // It counts for the freshness, and is never stored.
  const aged = age === undefined ? headers : [...headers, 'Age', age]
  const judge = (all: readonly string[]): Judged =>
    toEntry({ ...request, method: 'GET' }, { ...entry, headers: all }, rules, caller, times)

  const judged = judge(aged)
  // Else its Connection took away what the judgement rests on.
  const isWhole = named !== undefined
  if (judged.kind === 'entry' && isWhole) return { kind: 'entry', entry: judged.entry, headers }
  const because = judged.kind === 'refused' ? judged.because : 'connection-names'
  const before = judge(entry.headers)
  const always = before.kind === 'refused' && before.because === because
  const governs = governing(headers, rules.targeted)
  const { freshness } = freshnessOf(entry.status, fieldsOf(aged), governs, rules, times)
  return {
    kind: 'serve-only',
    entry: { ...entry, headers, requestMs: times.requestMs, responseMs: times.responseMs, freshness },
    because,
    stored: always && isWhole ? 'stays' : 'goes',
  }
}

const nothing: ReadonlySet<string> = new Set()

/** What describes the stored bytes: a 304 has none, and servers write these of something else. RFC 9111 section 3.2. */
const ofStoredBody: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-range'])

/** Per name, all stored lines by all lines of the newer answer. */
function replaced(stored: readonly string[], newer: readonly string[]): string[] {
  const { names } = fieldsOf(newer)
  const renewed = new Set(names)
  const headers: string[] = []
  for (let at = 0; at < stored.length; at += 2) {
    const name = stored[at] as string
    if (!renewed.has(name.toLowerCase())) headers.push(name, stored[at + 1] as string)
  }
  for (const text of newer) headers.push(text)
  return headers
}
