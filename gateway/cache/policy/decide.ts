import type { Entry } from './entry.ts'
import { ageS } from './freshness.ts'
import type { RequestDirectives } from './request-directives.ts'

/**
 * How a request that an entry was found for is answered.
 * - `fresh`: by the entry, and that is all.
 * - `stale-swr`: by the entry at once, and it is refreshed in the background (R4).
 * - `revalidate`: the service is asked first; `forwarded` is what Cache-Status tells.
 * - `only-if-cached`: not at all: 504 (Q1).
 */
export type Decision =
  | { readonly kind: 'fresh'; readonly because: 'fresh' | 'swr' | 'soft' | 'max-stale' }
  | { readonly kind: 'stale-swr'; readonly because: 'swr' | 'soft' }
  | { readonly kind: 'revalidate'; readonly because: Revalidation; readonly forwarded: 'stale' | 'request' }
  | { readonly kind: 'only-if-cached'; readonly because: 'only-if-cached' }

export type Revalidation =
  | 'no-cache'
  | 'stale'
  | 'never-stale'
  | 'swr-off-s-maxage'
  | 'request-no-cache'
  | 'request-no-store'
  | 'request-max-age'
  | 'request-min-fresh'

/** A soft invalidation: stale since `sinceMs` (Unix ms), and of use to nobody `forMs` later (U1). */
export interface Soft {
  readonly sinceMs: number
  readonly forMs: number
}

// One value each: the hit path allocates nothing.
const fresh: Decision = { kind: 'fresh', because: 'fresh' }
const byMaxStale: Decision = { kind: 'fresh', because: 'max-stale' }
/** As it stands: who said only-if-cached wants no request to be made for it. */
const swrWithoutRefresh: Decision = { kind: 'fresh', because: 'swr' }
const softWithoutRefresh: Decision = { kind: 'fresh', because: 'soft' }
const swr: Decision = { kind: 'stale-swr', because: 'swr' }
const softSwr: Decision = { kind: 'stale-swr', because: 'soft' }
const onlyIfCached: Decision = { kind: 'only-if-cached', because: 'only-if-cached' }
const ask = (because: Revalidation, forwarded: 'stale' | 'request'): Decision => ({
  kind: 'revalidate',
  because,
  forwarded,
})
const revalidations = {
  'no-cache': ask('no-cache', 'stale'),
  stale: ask('stale', 'stale'),
  'never-stale': ask('never-stale', 'stale'),
  'swr-off-s-maxage': ask('swr-off-s-maxage', 'stale'),
  'request-no-cache': ask('request-no-cache', 'request'),
  'request-no-store': ask('request-no-store', 'request'),
  'request-max-age': ask('request-max-age', 'request'),
  'request-min-fresh': ask('request-min-fresh', 'request'),
} satisfies Record<Revalidation, Decision>

/** Whether the entry answers at `nowMs` (Unix ms). The same arguments give the same decision; no R2 entry is ever given stale. */
export function decide(entry: Entry, directives: RequestDirectives, nowMs: number, soft?: Soft): Decision {
  const { freshness } = entry
  const age = ageS(entry, nowMs)
  const left = freshness.lifetimeS - age
  if (freshness.validateAlways) return validated('no-cache', directives)
  if (directives.validate) return validated('request-no-cache', directives)
  if (age > directives.maxAgeS) return validated('request-max-age', directives)
  // Nobody can promise for how long an entry stays that was invalidated.
  if (directives.minFreshS > 0 && (soft !== undefined || left < directives.minFreshS))
    return validated('request-min-fresh', directives)
  if (left > 0 && soft === undefined) return fresh
  return stale(entry, directives, -left, nowMs, soft)
}

function stale(entry: Entry, directives: RequestDirectives, pastS: number, nowMs: number, soft?: Soft): Decision {
  const { freshness } = entry
  if (freshness.neverStale) return validated(freshness.windowForbidden ? 'swr-off-s-maxage' : 'never-stale', directives)
  // A failure was kept for so long and no longer.
  if (entry.negative === true || isOver(soft, nowMs)) return validated('stale', directives)
  // Only a fresh entry may answer it, and a refresh on its behalf could not be stored.
  if (directives.noStore) return validated('request-no-store', directives)
  if (!directives.refusesStale && isWithin(pastS, freshness.staleWhileRevalidateS)) {
    if (directives.onlyIfCached) return soft === undefined ? swrWithoutRefresh : softWithoutRefresh
    return soft === undefined ? swr : softSwr
  }
  // Another clock may have made the stamp: not stale for less than no time.
  const staleS = soft === undefined ? pastS : Math.max(0, pastS, (nowMs - soft.sinceMs) / 1000)
  return staleS <= directives.maxStaleS ? byMaxStale : validated('stale', directives)
}

function validated(because: Revalidation, directives: RequestDirectives): Decision {
  return directives.onlyIfCached ? onlyIfCached : revalidations[because]
}

/**
 * What a client gets whose entry could not be validated: no connection, no answer in time, or 500, 502, 503, 504 (R5).
 * `stale-forbidden`: where the service was not reached, 504 with that code; its own answer passes. To be asked before a failure
 * is kept (E1): an entry that may still serve is worth more than what would replace it.
 */
export function onError(
  entry: Entry,
  directives: RequestDirectives,
  nowMs: number,
  soft?: Soft,
): 'serve-stale' | 'stale-forbidden' | 'pass' {
  const { freshness } = entry
  const pastS = ageS(entry, nowMs) - freshness.lifetimeS
  if (freshness.validateAlways || (freshness.neverStale && (pastS >= 0 || soft !== undefined))) return 'stale-forbidden'
  if (entry.negative === true || isOver(soft, nowMs)) return 'pass'
  // Who asked for the service's own word, and did not add what may stand in for it, gets the error.
  if (directives.validate && directives.staleIfErrorS === 0) return 'pass'
  const windowS = Math.max(freshness.staleIfErrorS, directives.staleIfErrorS)
  // Fresh, and yet the request wanted a fresher one: only a window says that what is there will do.
  if (soft === undefined && windowS === 0) return 'pass'
  return isWithin(pastS, windowS) ? 'serve-stale' : 'pass'
}

const isOver = (soft: Soft | undefined, nowMs: number): boolean =>
  soft !== undefined && nowMs >= soft.sinceMs + soft.forMs

/**
 * Within a window past its lifetime. What is stale by a soft invalidation alone needs none of its own, that of the invalidation
 * was looked at (`isOver`); so one never makes an entry live longer than it would have without.
 */
const isWithin = (pastS: number, windowS: number): boolean => pastS < 0 || (windowS > 0 && pastS <= windowS)
