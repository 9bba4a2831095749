import { type Placement, returnTo } from '#routes/placement.ts'
import type { Epoch } from '#routes/vocabulary.ts'
import type { PlacementChange } from '../tables/table-store.ts'

export interface RollbackOutcome {
  readonly placement: Placement
  /** What a further rollback brings back: moves are taken back one by one, the newest first, and never redone. */
  readonly returnsTo?: Epoch
}

/**
 * The placement after the newest move is taken back: the content from before it, under a new epoch. `before` is the
 * change that `current.returnsTo` names. Undefined = there is no move to take back; nothing else refuses a rollback, no
 * freeze, no missing deployment, no other epoch.
 */
export function rollback(current: PlacementChange, before: PlacementChange | undefined): RollbackOutcome | undefined {
  if (before !== undefined) {
    const placement = returnTo(current.placement, before.placement)
    return { placement, ...(before.returnsTo === undefined ? {} : { returnsTo: before.returnsTo }) }
  }
  // A move that was recovered from the fleet has no past here; its owner is where it came from.
  const { moving, ...steady } = current.placement
  return moving === undefined ? undefined : { placement: returnTo(current.placement, steady) }
}
