import type { Placement } from '../api-client/schema.ts'
import { percent } from './print.ts'

/** Where a unit's requests go, and copies of them, in words. */
export function splitOf({ owner, moving, shadow, failover }: Placement): string {
  const split = moving && `, to ${moving.to}: reads ${percent(moving.reads)}, writes ${percent(moving.writes)}`
  const copies = shadow && `; copies to ${shadow.to}: ${percent(shadow.sample)}`
  const instead = failover && `; failover to ${failover.to}`
  return `${owner}${split ?? ' 100 %'}${copies ?? ''}${instead ?? ''}`
}
