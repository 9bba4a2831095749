import type { Directives } from './directive-set.ts'
import type { CacheRules, Entry, FetchTimes, Freshness } from './entry.ts'
import type { Fields } from './fields.ts'
import { initialAgeS } from './initial-age.ts'
import { type LifetimeSource, lifetimeOf } from './lifetime.ts'
import type { Governing } from './targeted.ts'

/** Found out once, when an answer is stored or freshened. */
export function freshnessOf(
  status: number,
  fields: Fields,
  governs: Governing,
  rules: CacheRules,
  times: FetchTimes,
): { readonly freshness: Freshness; readonly source: LifetimeSource } {
  const { directives } = governs
  const { source, lifetimeS } = lifetimeOf(status, fields, governs, rules, times)
  const validateAlways =
    directives.unclosed || (directives.has('no-cache') && directives.fields('no-cache') === undefined)
  const neverStale =
    validateAlways ||
    directives.has('must-revalidate') ||
    directives.has('proxy-revalidate') ||
    directives.has('s-maxage')
  const windowS = (name: string, ofRoute: number | undefined): number => {
    const said = directives.seconds(name)
    const route = rules.strict ? undefined : ofRoute
    if (said === undefined || (rules.override && route !== undefined)) return route ?? 0
    return said === 'invalid' ? 0 : said
  }
  const whileRevalidateS = windowS('stale-while-revalidate', rules.staleWhileRevalidateS)
  const ifErrorS = windowS('stale-if-error', rules.staleIfErrorS)
  return {
    source,
    freshness: {
      lifetimeS,
      initialAgeS: initialAgeS(fields, times),
      staleWhileRevalidateS: neverStale ? 0 : whileRevalidateS,
      staleIfErrorS: neverStale ? 0 : ifErrorS,
      validateAlways,
      neverStale,
      windowForbidden: directives.has('s-maxage') && statesWindow(directives),
    },
  }
}

/** How old it is, seconds. RFC 9111 section 4.2.3. */
export function ageS(entry: Entry, nowMs: number): number {
  const residentMs = nowMs - entry.responseMs
  // A clock that was set back makes nothing younger than it came.
  return entry.freshness.initialAgeS + (residentMs > 0 ? residentMs / 1000 : 0)
}

/** How long it is still fresh, seconds; zero and below = stale for so long (F4). */
export function ttlS(entry: Entry, nowMs: number): number {
  return entry.freshness.lifetimeS - ageS(entry, nowMs)
}

function statesWindow(directives: Directives): boolean {
  const states = (name: string): boolean => {
    const seconds = directives.seconds(name)
    return typeof seconds === 'number' && seconds > 0
  }
  return states('stale-while-revalidate') || states('stale-if-error')
}
