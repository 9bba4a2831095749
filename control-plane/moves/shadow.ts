import { type Placement, sameContent, withShadow } from '#routes/placement.ts'
import type { Shadow } from '#routes/policy.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Epoch, Site } from '#routes/vocabulary.ts'
import type { PlacementChange } from '../tables/table-store.ts'
import { refreshedKey } from './flip.ts'

/** What an operator asks: copies of the safe requests of this share of the clients, at `to`. */
export interface ShadowRequest {
  readonly to: Site
  readonly sample: Shadow['sample']
  /** Default 100. */
  readonly maxInFlight?: number
}

export type ShadowFault = 'no-deployment' | 'to-owner' | 'no-key'

export type ShadowChange =
  | { readonly kind: 'changed'; readonly placement: Placement; readonly returnsTo?: Epoch }
  | { readonly kind: 'unchanged' }

export type ShadowOutcome = ShadowChange | { readonly kind: 'refused'; readonly because: ShadowFault }

/** A process at its usual hundreds of requests a second is not troubled by so many that hang. */
const defaultInFlight = 100

/** The placement with these copies. Asking for those that are made already changes nothing. */
export function shadow(current: PlacementChange, request: ShadowRequest, service: ServiceFacts): ShadowOutcome {
  const { to, sample, maxInFlight = defaultInFlight } = request
  if (!service.deployments.some(({ site }) => site === to)) return { kind: 'refused', because: 'no-deployment' }
  const from = refreshedKey(current.placement, service)
  if (to === from.owner) return { kind: 'refused', because: 'to-owner' }
  if (sample < 10_000 && from.key.length === 0) return { kind: 'refused', because: 'no-key' }
  return changeTo(current, withShadow(from, { to, sample, again: 0, maxInFlight }))
}

/** The placement without copies: never refused, as whatever they trouble has to be freed of them. */
export function endShadow(current: PlacementChange): ShadowChange {
  return changeTo(current, withShadow(current.placement, undefined))
}

/**
 * A rollback takes the copies back. Within a move it takes back the move, as after any of its steps, and the copies with
 * it: who presses it then wants everybody home.
 */
function changeTo({ placement: before, returnsTo }: PlacementChange, placement: Placement): ShadowChange {
  if (sameContent(placement, before)) return { kind: 'unchanged' }
  if (before.moving === undefined) return { kind: 'changed', placement, returnsTo: before.epoch }
  return { kind: 'changed', placement, ...(returnsTo === undefined ? {} : { returnsTo }) }
}
