import { withFailover } from '#routes/placement.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { PlacementChange } from '../tables/table-store.ts'
import { type BesideChange, changeBeside } from './beside.ts'

export type FailoverFault = 'no-deployment' | 'to-owner'

export type FailoverOutcome = BesideChange | { readonly kind: 'refused'; readonly because: FailoverFault }

/** The placement whose safe requests may go to `to` when its own site gives no answer. Asking for what is changes nothing. */
export function failover(current: PlacementChange, to: Site, service: ServiceFacts): FailoverOutcome {
  if (!service.deployments.some(({ site }) => site === to)) return { kind: 'refused', because: 'no-deployment' }
  if (to === current.placement.owner) return { kind: 'refused', because: 'to-owner' }
  return changeBeside(current, withFailover(current.placement, to))
}

/** Without failover: never refused. */
export function endFailover(current: PlacementChange): BesideChange {
  return changeBeside(current, withFailover(current.placement, undefined))
}
