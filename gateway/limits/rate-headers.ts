import type { HeaderPairs } from '../header-pairs.ts'
import type { RateVerdict } from './gcra.ts'

/** What a limit is called in headers; closed, and a metric label. */
export type LimitName = 'address' | 'consumer' | 'route' | 'quota'

/** One limit that a request met. */
export interface MetLimit {
  readonly name: LimitName
  readonly count: number
  readonly windowS: number
  readonly verdict: RateVerdict
}

/**
 * `RateLimit-Policy: "consumer";q=100;w=60` and `RateLimit: "consumer";r=42;t=30`, one item a limit, seconds rounded up.
 * draft-ietf-httpapi-ratelimit-headers.
 */
export function rateHeaders(met: readonly MetLimit[], into: HeaderPairs): void {
  const policies = met.map(({ name, count, windowS }) => `"${name}";q=${count};w=${windowS}`)
  const states = met.map(
    ({ name, verdict }) => `"${name}";r=${verdict.remaining};t=${Math.ceil(verdict.resetMs / 1000)}`,
  )
  into.push('ratelimit-policy', policies.join(', '), 'ratelimit', states.join(', '))
}
