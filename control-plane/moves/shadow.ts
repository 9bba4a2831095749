import { withShadow } from '#routes/placement.ts'
import type { Shadow } from '#routes/policy.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { PlacementChange } from '../tables/table-store.ts'
import { type BesideChange, changeBeside } from './beside.ts'
import { refreshedKey } from './flip.ts'

/** What an operator asks: copies of the safe requests of this share of the clients, at `to`. */
export interface ShadowRequest {
  readonly to: Site
  readonly sample: Shadow['sample']
  /** Default 100. */
  readonly maxInFlight?: number
  /** Absent: the owner's gateway copies, and compares. */
  readonly at?: Shadow['at']
}

export type ShadowFault = 'no-deployment' | 'to-owner' | 'no-key'

export type ShadowOutcome = BesideChange | { readonly kind: 'refused'; readonly because: ShadowFault }

/** A process at its usual hundreds of requests a second is not troubled by so many that hang. */
const defaultInFlight = 100

/** The placement with these copies. Asking for those that are made already changes nothing. */
export function shadow(current: PlacementChange, request: ShadowRequest, service: ServiceFacts): ShadowOutcome {
  const { to, sample, maxInFlight = defaultInFlight, at } = request
  if (!service.deployments.some(({ site }) => site === to)) return { kind: 'refused', because: 'no-deployment' }
  const from = refreshedKey(current.placement, service)
  if (to === from.owner) return { kind: 'refused', because: 'to-owner' }
  if (sample < 10_000 && from.key.length === 0) return { kind: 'refused', because: 'no-key' }
  return changeBeside(current, withShadow(from, { to, sample, again: 0, maxInFlight, ...(at && { at }) }))
}

/** The placement without copies: never refused, as whatever they trouble has to be freed of them. */
export function endShadow(current: PlacementChange): BesideChange {
  return changeBeside(current, withShadow(current.placement, undefined))
}
