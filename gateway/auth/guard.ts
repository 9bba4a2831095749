import type { AuthPolicy, CredentialKind, RoutePolicy } from '#routes/policy.ts'
import type { Exchange } from '../exchange.ts'

/** What a request must show: one bit a kind of credential that is taken, and all scopes that are needed. */
export interface Guard {
  readonly kinds: number
  readonly scopes: readonly string[]
}

export const kindBit: Readonly<Record<CredentialKind, number>> = { token: 1, 'api-key': 2, jwt: 4 }
const allKinds: readonly CredentialKind[] = ['token', 'api-key', 'jwt']

export const kindsOf = (bits: number): CredentialKind[] => allKinds.filter((kind) => (bits & kindBit[kind]) !== 0)

/** Compiled once a policy. */
const guards = new WeakMap<AuthPolicy, Guard>()
/** What has no route has nobody who opened it. */
const closedGuard: Guard = { kinds: kindBit.token, scopes: [] }

/**
 * The guard of a request; undefined = it may come as it is. Where a service may read the path as another route, the guards of
 * all of them hold (P6): a credential that each takes, and the scopes of all.
 */
export function guardOf(x: Exchange): Guard | undefined {
  const route = x.decision?.route
  const own = route === undefined ? closedGuard : guardOfPolicy(route.policy)
  return x.readings.length === 0 ? own : strictest(x, own)
}

function guardOfPolicy({ auth }: RoutePolicy): Guard | undefined {
  if (auth === 'public') return undefined
  let guard = guards.get(auth)
  if (guard === undefined) {
    let kinds = 0
    for (const kind of auth.any ?? ['token']) kinds |= kindBit[kind]
    guard = { kinds, scopes: auth.scopes }
    guards.set(auth, guard)
  }
  return guard
}

function strictest(x: Exchange, own: Guard | undefined): Guard | undefined {
  let guard = own
  for (const { policy } of x.readings) {
    const other = guardOfPolicy(policy)
    if (other === undefined || other === guard) continue
    guard =
      guard === undefined
        ? other
        : { kinds: guard.kinds & other.kinds, scopes: [...new Set([...guard.scopes, ...other.scopes])] }
  }
  return guard
}
