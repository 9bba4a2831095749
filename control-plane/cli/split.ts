import type { Placement } from '../api-client/schema.ts'
import { percent } from './print.ts'

/** Where a unit's requests go, in words. */
export function splitOf({ owner, moving }: Placement): string {
  if (moving === undefined) return `${owner} 100 %`
  return `${owner}, to ${moving.to}: reads ${percent(moving.reads)}, writes ${percent(moving.writes)}`
}
