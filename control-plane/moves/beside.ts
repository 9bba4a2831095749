import { type Placement, sameContent } from '#routes/placement.ts'
import type { Epoch } from '#routes/vocabulary.ts'
import type { PlacementChange } from '../tables/table-store.ts'

export type BesideChange =
  | { readonly kind: 'changed'; readonly placement: Placement; readonly returnsTo?: Epoch }
  | { readonly kind: 'unchanged' }

/**
 * A change of what goes on beside the split: copies, failover. A rollback takes it back. Within a move it takes back the
 * move, as after any of its steps, and this with it: who presses it then wants everybody home.
 */
export function changeBeside({ placement: before, returnsTo }: PlacementChange, placement: Placement): BesideChange {
  if (sameContent(placement, before)) return { kind: 'unchanged' }
  if (before.moving === undefined) return { kind: 'changed', placement, returnsTo: before.epoch }
  return { kind: 'changed', placement, ...(returnsTo === undefined ? {} : { returnsTo }) }
}
