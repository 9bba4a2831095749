import { lowerNames } from '../../header-pairs.ts'
import { contentTags } from './content-tags.ts'
import { type Directives, permits } from './directive-set.ts'
import { cacheControl } from './directives.ts'
import type {
  CacheRequest,
  CacheResponse,
  CacheRules,
  CallerFacts,
  Entry,
  FetchTimes,
  Freshness,
  PartOf,
  Refusal,
} from './entry.ts'
import { type Fields, firstLine, trimmed } from './fields.ts'
import { freshnessOf } from './freshness.ts'
import { keptFields, namedByConnection } from './kept-fields.ts'
import { isExplicit, type LifetimeSource } from './lifetime.ts'
import { lastModifiedMs } from './moments.ts'
import { negativeAnswerS } from './negative.ts'
import { partOf } from './part.ts'
import { ownersOnly } from './sharing.ts'
import { isHeuristicallyCacheable, isNeverStored, isUnderstood } from './statuses.ts'
import { governing } from './targeted.ts'
import { varyNames } from './vary.ts'

/** What comes of an answer. */
export type Judged =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'refused'; readonly because: Refusal }

const refused = (because: Refusal): Judged => ({ kind: 'refused', because })

/**
 * Judges the head of a final answer, and makes the entry that it would be. What only the body shows (its length, that it is
 * whole, trailers) is the caller's to judge. Total: no fields make it throw.
 */
export function toEntry(
  request: CacheRequest,
  response: CacheResponse,
  rules: CacheRules,
  caller: CallerFacts,
  times: FetchTimes,
): Judged {
  const { status, headers } = response
  const fields: Fields = { headers, names: lowerNames(headers) }
  const governs = governing(headers, rules.targeted, fields.names)
  const { directives } = governs
  const found = freshnessOf(status, fields, governs, rules, times)

  const asked = refusalOfRequest(request)
  if (asked !== undefined) return refused(asked)
  const part = status === 206 && isExplicit(found.source) ? partOf(fields) : undefined
  const forbidden = forbiddenBy(status, directives, part)
  if (forbidden !== undefined) return refused(forbidden)
  const vary = varyNames(headers, fields.names)
  if (vary === 'any') return refused('vary-any')
  if (vary === 'too-many') return refused('vary-too-many')
  const named = namedByConnection(fields, rules.targeted)
  if (named === undefined) return refused('connection-names')
  if (!rules.strict && !rules.dropSetCookie && fields.names.includes('set-cookie')) return refused('set-cookie')
  const owners = ownersOnly(request, directives, rules, caller)
  if (owners !== undefined) return refused(owners)
  const tags = contentTags(headers, fields.names)
  if (tags === 'too-many') return refused('too-many-tags')

  const negativeS = negativeAnswerS(status, fields, governs, rules, times.responseMs)
  if (negativeS === 0) {
    if (!mayBeStored(status, directives, found.source, part)) return refused('not-cacheable')
    if (!isOfUse(found, rules, fields, times)) return refused('no-lifetime')
  }
  const left = new Set(directives.fields('private'))
  if (!rules.strict && rules.dropSetCookie) left.add('set-cookie')
  const entry: Entry = {
    status,
    reason: response.reason,
    headers: keptFields(fields, named, left, times.responseMs),
    requestMs: times.requestMs,
    responseMs: times.responseMs,
    freshness: negativeS === 0 ? found.freshness : ofNegative(found.freshness, negativeS),
    vary,
    guarded: directives.fields('no-cache') ?? [],
    tags,
    ...(part && { part }),
    ...(negativeS > 0 && { negative: true }),
  }
  return { kind: 'entry', entry }
}

/** Fields of a request whose answer is about that request alone. */
const conditions: readonly string[] = ['if-match', 'if-unmodified-since', 'expect', 'upgrade']

function refusalOfRequest(request: CacheRequest): Refusal | undefined {
  // Also to a POST that says to be the resource: its own invalidation of it is newer than what its fetch brought (S4).
  if (request.method !== 'GET') return 'method'
  for (const name of conditions) if (request.names.includes(name)) return 'precondition'
  // From everybody, in both profiles: whoever says so knows of a secret in his own answer.
  return cacheControl(request.headers, request.names).has('no-store') ? 'request-no-store' : undefined
}

function forbiddenBy(status: number, directives: Directives, part: PartOf | undefined): Refusal | undefined {
  if (isNeverStored(status) || (status === 206 && part === undefined)) return 'status'
  if ((status === 401 || status === 407) && !permits(directives, 'public')) return 'status'
  if (directives.has('must-understand') && !isUnderstood(status)) return 'must-understand'
  // Who wrote both meant `no-store` for caches that do not know the status. RFC 9111 section 5.2.2.3.
  if (directives.has('no-store') && !permits(directives, 'must-understand')) return 'no-store'
  return directives.has('private') && directives.fields('private') === undefined ? 'private' : undefined
}

/** S5. */
function mayBeStored(
  status: number,
  directives: Directives,
  source: LifetimeSource,
  part: PartOf | undefined,
): boolean {
  if (isExplicit(source) || part !== undefined) return true
  return source === 'ttl' || permits(directives, 'public') || isHeuristicallyCacheable(status)
}

/** It can answer some later request: at once, after its service was asked, or in a window past its lifetime. */
function isOfUse(
  { freshness, source }: { readonly freshness: Freshness; readonly source: LifetimeSource },
  rules: CacheRules,
  fields: Fields,
  times: FetchTimes,
): boolean {
  // Without a word on its lifetime, `api` keeps only what says itself that it is to be asked for each time.
  if (!rules.strict && source === 'none' && !freshness.validateAlways) return false
  if (freshness.lifetimeS > 0 && !freshness.validateAlways) return true
  if (freshness.staleWhileRevalidateS > 0 || freshness.staleIfErrorS > 0) return true
  return trimmed(firstLine(fields, 'etag') ?? '') !== '' || lastModifiedMs(fields, times) !== undefined
}

/** A failure has its seconds and no more: no window lengthens it. */
function ofNegative(freshness: Freshness, lifetimeS: number): Freshness {
  return { ...freshness, lifetimeS, staleWhileRevalidateS: 0, staleIfErrorS: 0, windowForbidden: false }
}
