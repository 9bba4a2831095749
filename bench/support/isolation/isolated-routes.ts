import type { CachePolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import { policy, route } from '../../../test/support/tables.ts'
import { callers, type Identity, visitors } from './identities.ts'

/** A cached route, and who may ask it. */
export interface IsolatedRoute {
  readonly route: RouteFacts
  /** By which its answers are judged. */
  readonly cache: CachePolicy
  readonly askers: readonly Identity[]
}

const times = [{}, { ttlMs: 60_000 }, { ttlMs: 60_000, override: true, staleWhileRevalidateMs: 60_000 }] as const
/** A cookie that is part of the key accounts for itself alone: not for a session beside it. */
const cookies = [{}, { dropSetCookie: true }, { ignoreCookies: true }, { key: { cookies: ['theme'] } }] as const

/** All ways in which a route may say whose its answers are. `keyed`: what the gateway is told instead, for a control. */
export function isolatedRoutes(keyed = (cache: CachePolicy): CachePolicy => cache): IsolatedRoute[] {
  const made = (cache: CachePolicy, askers: readonly Identity[], at: number): IsolatedRoute => {
    const auth = askers === callers ? { scopes: [] } : 'public'
    return { route: route(`/r${at}/**`, { policy: { ...policy, auth, cache: keyed(cache) } }), cache, askers }
  }
  return policies()
    .flatMap((cache) => [{ cache, askers: callers }, ...(cache.per === 'token' ? [] : [{ cache, askers: visitors }])])
    .map(({ cache, askers }, at) => made(cache, askers, at))
}

function policies(): CachePolicy[] {
  const found: CachePolicy[] = []
  for (const profile of ['api', 'strict'] as const)
    for (const per of ['everyone', 'consumer', 'token'] as const)
      for (const time of times)
        for (const cookie of cookies) found.push({ profile, per, key: {}, tags: [], ...time, ...cookie })
  return found
}
