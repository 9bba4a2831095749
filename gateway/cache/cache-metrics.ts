import type { Counter, ForgettingCounter, Metrics } from '#server-kit/metrics.ts'
import { bypasses } from './bypass.ts'
import { aloneReasons } from './flights.ts'
import { keptOutcomes } from './found.ts'
import { refusals } from './policy/entry.ts'
import { refreshOutcomes } from './refreshes.ts'

/**
 * What a request of a cached route got. `hit`: a fresh entry; `stale`: one that is not, by permission; `validated`: an entry,
 * after the service was asked; `collapsed`: what another request's fetch brought; `failed`: no answer of the service.
 */
export const results = ['hit', 'stale', 'validated', 'fetched', 'collapsed', 'bypass', 'failed'] as const
export type Result = (typeof results)[number]

/** Why. */
export const reasons = [
  'fresh',
  'max-stale',
  'swr',
  'soft',
  'stale-if-error',
  'negative',
  'uri-miss',
  'vary-miss',
  'miss',
  'stale',
  'request',
  'partial',
  'method',
  'only-if-cached',
  'problem',
  'fault',
  ...bypasses,
] as const
export type Reason = (typeof reasons)[number]

/** What the cache counts, beside what it holds. */
export interface CacheMetrics {
  readonly requests: ForgettingCounter<'route' | 'result' | 'reason'>
  readonly hits: Counter<'site'>
  readonly stored: Counter<'outcome'>
  readonly notStored: Counter<'because'>
  readonly released: Counter<'because'>
  readonly refreshes: Counter<'outcome'>
}

export function cacheMetrics(metrics: Metrics): CacheMetrics {
  return {
    requests: metrics.counter('tidegate_cache_requests_total', 'Requests of cached routes, by what they got and why.', {
      route: { atMost: 1_500 },
      result: results,
      reason: reasons,
    }),
    hits: metrics.counter('tidegate_cache_hits_total', 'Answers from the store, by the site whose service gave them.', {
      site: { atMost: 100 },
    }),
    stored: metrics.counter('tidegate_cache_stored_total', 'Answers that were given to the store, by outcome.', {
      outcome: keptOutcomes,
    }),
    notStored: metrics.counter('tidegate_cache_not_stored_total', 'Answers that were not stored, by reason.', {
      because: refusals,
    }),
    released: metrics.counter(
      'tidegate_cache_waiters_released_total',
      'Requests that did not wait, or no longer, for the fetch of another one.',
      { because: aloneReasons },
    ),
    refreshes: metrics.counter('tidegate_cache_background_refresh_total', 'Refreshes of stale answers, by outcome.', {
      outcome: refreshOutcomes,
    }),
  }
}
