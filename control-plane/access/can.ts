/** What a credential may be used for; `admin` = all. */
export const scopes = ['read', 'apply', 'flip', 'purge', 'token', 'metrics', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** What an endpoint does; each endpoint names exactly one. */
export type Action =
  | 'status.read'
  | 'catalog.read'
  | 'catalog.diff'
  | 'catalog.apply'
  | 'unit.read'
  | 'unit.flip'
  | 'unit.rollback'
  | 'unit.shadow'
  | 'unit.failover'
  | 'table.read'
  | 'gateway.read'
  | 'gateway.operate'
  | 'gateway.remove'
  | 'request.explain'
  | 'cache.invalidate'
  | 'edge.force'
  | 'edge.echo'
  | 'edge.read'
  | 'edge.publish'
  | 'edge.rollback'
  | 'audit.read'
  | 'token.read'
  | 'token.create'
  | 'token.revoke'
  | 'link.create'
  | 'console.open'
  | 'metrics.read'

/** Who acts, as its credential says. */
export interface Actor {
  readonly name: string
  readonly scopes: readonly Scope[]
}

export interface Permission {
  readonly allowed: boolean
  readonly scope: Scope
  readonly because: string
}

const needed: Readonly<Record<Action, Scope>> = {
  'status.read': 'read',
  'catalog.read': 'read',
  'catalog.diff': 'read',
  'catalog.apply': 'apply',
  'unit.read': 'read',
  'unit.flip': 'flip',
  'unit.rollback': 'flip',
  'unit.shadow': 'flip',
  'unit.failover': 'flip',
  'table.read': 'read',
  'gateway.read': 'read',
  'gateway.operate': 'admin',
  'gateway.remove': 'admin',
  'request.explain': 'read',
  'cache.invalidate': 'purge',
  'edge.force': 'flip',
  // Its words hold gateways' sockets without any other credential, and show what fronts add on the way: their secrets, too.
  'edge.echo': 'admin',
  'edge.read': 'read',
  'edge.publish': 'apply',
  'edge.rollback': 'flip',
  'audit.read': 'read',
  'token.read': 'token',
  'token.create': 'token',
  'token.revoke': 'token',
  'link.create': 'admin',
  'console.open': 'read',
  'metrics.read': 'metrics',
}

/** Whether `actor` may do `action` to `object` ('' = to nothing in particular), and why. Pure; denies by default. */
export function can(actor: Actor, action: Action, object: string): Permission {
  const scope = needed[action]
  const what = object === '' ? action : `${action} on ${object}`
  if (actor.scopes.includes('admin')) return { allowed: true, scope, because: `${actor.name} is admin` }
  const allowed = actor.scopes.includes(scope)
  const because = allowed
    ? `${actor.name} has the scope ${scope}`
    : `${what} needs the scope ${scope}, and ${actor.name} has ${actor.scopes.join(', ') || 'none'}`
  return { allowed, scope, because }
}

/** The scopes in `wanted` that `actor` does not have: nobody can give what he has not. */
export function widerThan(actor: Actor, wanted: readonly Scope[]): readonly Scope[] {
  return actor.scopes.includes('admin') ? [] : wanted.filter((scope) => !actor.scopes.includes(scope))
}
