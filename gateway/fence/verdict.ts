import type { Decision } from '#routes/decide.ts'
import type { Mark } from '#routes/hop.ts'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'

/** What a gateway does with a request under the table that it holds. */
export type FenceVerdict =
  | { readonly kind: 'execute' }
  | { readonly kind: 'forward'; readonly to: Site }
  /** Whoever sent it knows a newer table than this one: it comes, and then decides. */
  | { readonly kind: 'wait' }
  /** A marked request that is not ours: never forwarded again, provably not executed. */
  | { readonly kind: 'refuse' }
  | { readonly kind: 'unknown' }

export interface FenceFacts {
  readonly site: Site
  readonly table: Table
  readonly decision: Decision
  readonly mark: Mark | undefined
  readonly markKind: 'edge' | 'hop' | undefined
  /** The waiting is over: what is held now must do. */
  readonly waited: boolean
}

/**
 * The fence: a gateway executes exactly what `decide` gives to its site under the epochs that it holds, so a stale edge or
 * peer costs one crossing of the interconnect and never a write at the wrong site.
 */
export function fenceVerdict({ site, table, decision, mark, markKind, waited }: FenceFacts): FenceVerdict {
  const ahead = mark !== undefined && isAhead(mark, decision, table)
  if (mark?.flags.includes('shadow')) return ofCopy(decision, ahead)
  if (ahead && !waited) return { kind: 'wait' }
  if (decision.route === undefined) return { kind: 'unknown' }
  // A newer placement exists and did not reach us in time. It may have taken the unit's writes elsewhere; a read under
  // the older one is no worse than it was a moment ago.
  if (ahead && decision.effect === 'write') return { kind: 'refuse' }
  if (decision.site === site || mayReadHere({ site, table, decision, mark })) return { kind: 'execute' }
  return markKind === 'hop' ? { kind: 'refuse' } : { kind: 'forward', to: decision.site }
}

/** The sender decided by a newer placement of this unit, or knows a route that we do not. */
export function isAhead(mark: Mark, decision: Decision, table: Table): boolean {
  if (decision.route === undefined) {
    return (
      mark.route !== undefined && (mark.structure > table.structure.number || mark.placements > table.placements.number)
    )
  }
  // A route that a newer structure gave to another unit has another placement too.
  if (mark.unit !== decision.route.unit) return mark.unit !== undefined && mark.structure > table.structure.number
  return (mark.epoch ?? 0) > decision.epoch
}

/** A copy warms this site or nothing: its client has an answer already. Passed on, what writes here would be done twice. */
function ofCopy({ route, effect }: Decision, ahead: boolean): FenceVerdict {
  if (route === undefined) return { kind: 'unknown' }
  return { kind: effect === 'write' || ahead ? 'refuse' : 'execute' }
}

/**
 * Signed exceptions, for reads alone: a tester's override, and a failover to the site that the placement held here names for
 * it. An edge that still has an older one costs a crossing.
 */
function mayReadHere({ site, table, decision, mark }: Omit<FenceFacts, 'markKind' | 'waited'>): boolean {
  if (mark === undefined || decision.effect !== 'read') return false
  // A tester's word is for a whole host, of which not every service runs here.
  if (mark.flags.includes('force')) return runsAt(site, table, decision)
  const unit = decision.route?.unit ?? ''
  return mark.flags.includes('failover') && table.placementOf.get(unit)?.failover?.to === site
}

function runsAt(site: Site, table: Table, { route }: Decision): boolean {
  const service = route && table.index.services.get(route.service)
  return service?.deployments.some((deployment) => deployment.site === site) === true
}
