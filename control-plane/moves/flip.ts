import {
  type Placement,
  type Split,
  type SplitFault,
  sameContent,
  sameShadow,
  splitFault,
  withSplit,
} from '#routes/placement.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { Bp, Epoch, Site, StateScope } from '#routes/vocabulary.ts'
import type { PlacementChange } from '../tables/table-store.ts'

/** What an operator asks: this share at `to`; default everything. */
export interface FlipRequest {
  readonly to: Site
  readonly reads?: Bp
  readonly writes?: Bp
}

export type FlipFault = SplitFault | 'no-deployment' | 'no-key' | 'one-key-needed'

export type FlipOutcome =
  | { readonly kind: 'changed'; readonly placement: Placement; readonly returnsTo?: Epoch }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly because: FlipFault }

/**
 * The placement that a flip leads to. Asking for what already holds changes nothing; naming the owner while a move is
 * under way brings the unit back to it. `before` is the change that `current.returnsTo` names.
 */
export function flip(
  current: PlacementChange,
  request: FlipRequest,
  service: ServiceFacts,
  before?: PlacementChange,
): FlipOutcome {
  if (!service.deployments.some(({ site }) => site === request.to)) return { kind: 'refused', because: 'no-deployment' }
  const split = completeSplit(request, service.state)
  const from = refreshedKey(current.placement, service)
  const fault = splitFault(split, service.state) ?? keyFault(split, from, service.state)
  if (fault !== undefined) return { kind: 'refused', because: fault }
  const placement = withSplit(from, split)
  if (sameContent(placement, current.placement)) return { kind: 'unchanged' }
  const returnsTo = returnEpoch(current, placement, before)
  return { kind: 'changed', placement, ...(returnsTo === undefined ? {} : { returnsTo }) }
}

/** Writes follow the reads where the unit's state may be split; else they stay with the owner until the reads are whole. */
export function completeSplit({ to, reads = 10_000, writes }: FlipRequest, state: StateScope): Split {
  const divisible = state === 'none' || state === 'per-key'
  return { to, reads, writes: writes ?? (reads === 10_000 || divisible ? reads : 0) }
}

/**
 * A unit takes its service's present key sources with the first step of a move. While it moves it keeps those that it
 * began with: another key would throw users from one side to the other.
 */
export function refreshedKey(placement: Placement, service: ServiceFacts): Placement {
  return placement.moving === undefined ? { ...placement, key: service.key } : placement
}

function keyFault(split: Split, placement: Placement, state: StateScope): FlipFault | undefined {
  const partial = (share: Bp) => share > 0 && share < 10_000
  if (!partial(split.reads) && !partial(split.writes)) return undefined
  if (placement.key.length === 0) return 'no-key'
  // With two sources one record could be written under either, at either site.
  return state === 'per-key' && partial(split.writes) && placement.key.length > 1 ? 'one-key-needed' : undefined
}

/**
 * What a rollback of the new placement brings back: the steady content from before the move. Each further step of a
 * move, and its end, keep pointing there; a return to the owner takes the move back, so it points where `before` did,
 * unless copies that began or ended meanwhile are left to be taken back.
 */
function returnEpoch(
  current: PlacementChange,
  next: Placement,
  before: PlacementChange | undefined,
): Epoch | undefined {
  const { placement, returnsTo } = current
  if (placement.moving === undefined) return placement.epoch
  const cameBack = next.moving === undefined && next.owner === placement.owner
  const asBefore = cameBack && sameShadow(next.shadow, before?.placement.shadow)
  return asBefore ? before?.returnsTo : returnsTo
}
