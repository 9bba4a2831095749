import { type Directives, permits } from './directive-set.ts'
import type { CacheRequest, CacheRules, CallerFacts, Refusal } from './entry.ts'
import { linesOf, trimmed } from './fields.ts'

/**
 * Whether the answer to who asked may be another's, too; undefined = yes. RFC 9111 section 3.5. No option turns this off
 * (AU3): proxies that store such answers when they are told a time do hand them to strangers.
 */
export function ownersOnly(
  request: CacheRequest,
  directives: Directives,
  rules: CacheRules,
  caller: CallerFacts,
): Refusal | undefined {
  if (mayBeShared(directives)) return undefined
  const authenticated = caller.authenticated || request.names.includes('authorization')
  // The identity is in the key, and the operator's time is the permission (AU2): the gateway acts as that caller's own cache.
  const own = !rules.strict && caller.ownKey && rules.ttlS !== undefined
  if (authenticated && !own) return 'authorization'
  // A cookie is a credential to whoever set it, and no identity that we know accounts for it.
  const accounted = rules.strict || rules.ignoreCookies || areKeyed(request, rules.keyedCookies)
  return accounted ? undefined : 'cookie'
}

/** No cookie is there but those of the key: one for a currency does not account for a session beside it. */
function areKeyed(request: CacheRequest, keyed: readonly string[]): boolean {
  for (const line of linesOf(request, 'cookie')) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=')
      if (trimmed(pair) !== '' && (equals < 0 || !keyed.includes(trimmed(pair.slice(0, equals))))) return false
    }
  }
  return true
}

/** AU1: `proxy-revalidate`, `max-age` and what cannot be read are no permission. */
function mayBeShared(directives: Directives): boolean {
  return permits(directives, 'public') || permits(directives, 's-maxage') || permits(directives, 'must-revalidate')
}
