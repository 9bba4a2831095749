import type { CachePolicy } from '#routes/policy.ts'
import { cacheField } from '../upstream/hop-by-hop.ts'
import type { CacheRules } from './policy/entry.ts'

/** A route's cache policy as the cache reads it: flat, in seconds, without defaults to look up. */
export interface RouteRules extends CacheRules {
  readonly policy: CachePolicy
  /** A longer body is not stored. */
  readonly maxBodyBytes: number
  /** Fields that services write for caches alone: stored, and no client's to see (T4, N4). Lower case. */
  readonly hidden: readonly string[]
  /** Request fields that are credentials to services. Lower case. */
  readonly credentials: ReadonlySet<string>
  /** May be kept in the memory of this process. */
  readonly memory: boolean
}

const tagFields = ['surrogate-key', 'cache-tag'] as const
const maxBodyBytes = 1024 * 1024
/** E1: what failed a minute ago says nothing of now. */
const negativeAtMostS = 60
const gatewayFailures = [500, 502, 503, 504] as const

/**
 * Rules of policies, made at the first request of each and kept as long as the table that holds it. `targeted`: the site's list
 * of targeted fields, lower case, for routes that have none of their own; `keyHeaders`: the fields with API keys that go to
 * services, where a public route looks at none of them and a service may.
 */
export function cacheRules(
  targeted: readonly string[],
  keyHeaders: readonly string[],
): (policy: CachePolicy) => RouteRules {
  const credentials = new Set(['authorization', ...keyHeaders])
  const made = new WeakMap<CachePolicy, RouteRules>()
  return (policy) => {
    let rules = made.get(policy)
    if (rules === undefined) {
      rules = rulesOf(policy, targeted, credentials)
      made.set(policy, rules)
    }
    return rules
  }
}

function rulesOf(policy: CachePolicy, targeted: readonly string[], credentials: ReadonlySet<string>): RouteRules {
  const strict = policy.profile === 'strict'
  // What the operator adds to the RFCs counts under `api` alone.
  const own = (ms: number | undefined) => (strict || ms === undefined ? undefined : ms / 1000)
  return {
    policy,
    strict,
    ttlS: own(policy.ttlMs),
    override: !strict && policy.override === true,
    staleWhileRevalidateS: own(policy.staleWhileRevalidateMs),
    staleIfErrorS: own(policy.staleIfErrorMs),
    negative: strict ? new Map() : negativeOf(policy),
    targeted: policy.targeted ?? targeted,
    dropSetCookie: policy.dropSetCookie === true,
    ignoreCookies: policy.ignoreCookies === true,
    keyedCookies: policy.key.cookies ?? [],
    maxBodyBytes: policy.maxBodyBytes ?? maxBodyBytes,
    hidden: policy.forwardTags === true ? [cacheField] : [cacheField, ...tagFields],
    credentials,
    memory: policy.memory !== 'off',
  }
}

function negativeOf({ negative }: CachePolicy): ReadonlyMap<number | 'connect', number> {
  const seconds = new Map<number | 'connect', number>()
  const keep = (what: number | 'connect', ms: number) => seconds.set(what, Math.min(ms / 1000, negativeAtMostS))
  for (const [status, ms] of Object.entries(negative?.statuses ?? {})) {
    if (status === '5xx') for (const failure of gatewayFailures) keep(failure, ms)
    else keep(Number(status), ms)
  }
  if (negative?.connectMs !== undefined) keep('connect', negative.connectMs)
  return seconds
}
