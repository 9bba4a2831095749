import type { CorsPolicy } from '#routes/policy.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import { type AllowedOrigins, allowedOrigins } from './origin-match.ts'
import { addVary } from './vary.ts'

/** A route's CORS policy as the fields that it writes. */
export interface Cors {
  readonly origins: AllowedOrigins
  readonly credentials: boolean
  readonly exposes: string | undefined
  readonly methods: string | undefined
  readonly headers: string | undefined
  readonly maxAge: string | undefined
}

/** Made once a policy; shared by every route that has it. */
export function corsOf(policy: CorsPolicy): Cors {
  const known = made.get(policy)
  if (known !== undefined) return known
  const { origins, credentials, exposes = [], methods, headers = [], maxAgeMs } = policy
  const cors: Cors = {
    origins: allowedOrigins(origins),
    // Any page of the web with its visitor's cookies is never meant, whatever a table says. Fetch section 3.2.5.
    credentials: credentials === true && !origins.includes('*'),
    exposes: listed(exposes),
    methods: listed(methods ?? []),
    headers: listed(headers),
    maxAge: maxAgeMs === undefined ? undefined : String(Math.floor(maxAgeMs / 1000)),
  }
  made.set(policy, cors)
  return cors
}

const made = new WeakMap<CorsPolicy, Cors>()

/**
 * Says to a browser whether the page of `origin` may read this answer. Also where it may not, or no page asked, the answer
 * varies by origin: a cache between must not give one page the permission of another.
 */
export function writeCors(
  { origins, credentials, exposes }: Cors,
  origin: string | undefined,
  into: HeaderPairs,
): boolean {
  addVary(into, 'origin')
  if (origin === undefined || !origins.allows(origin)) return false
  into.push('access-control-allow-origin', origins.any ? '*' : origin)
  if (credentials) into.push('access-control-allow-credentials', 'true')
  if (exposes !== undefined) into.push('access-control-expose-headers', exposes)
  return true
}

function listed(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : names.join(', ')
}
