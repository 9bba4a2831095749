import { bucketOf } from '#routes/bucket.ts'
import type { Placement } from '#routes/placement.ts'
import type { Shadow } from '#routes/policy.ts'
import { stickyKey } from '#routes/sticky-key.ts'
import type { Exchange } from '../exchange.ts'
import { rawCaptures } from './raw-captures.ts'
import { pathOf } from './safe-path.ts'

/**
 * Where a copy of this request goes, or undefined. Only what its site owns and executes, what reads and has no body, and
 * what every server reads in one way; nothing that edges copy, and no copy of a copy.
 */
export function shadowOf(x: Exchange, site: string): Shadow | undefined {
  const { table, decision, mark } = x
  const route = decision?.route
  if (table === undefined || route === undefined) return undefined
  const placement = table.placementOf.get(route.unit)
  const shadow = placement?.shadow
  if (shadow === undefined || placement?.owner !== site || shadow.to === site || shadow.at === 'edge') return undefined
  if (x.method !== 'GET' && x.method !== 'HEAD') return undefined
  // A GET whose route says that it writes is no copy's business: it would write at two sites.
  if (decision?.effect !== 'read' || decision.target.unsafe !== 0 || x.readings.length > 0) return undefined
  if (x.body.present || x.upgrade !== undefined || route.policy.stream === true || x.markKind === 'hop')
    return undefined
  if (mark?.flags.includes('shadowed') || x.isCopy) return undefined
  return isSampled(x, placement, shadow, route.pattern) ? shadow : undefined
}

/**
 * Whole clients, so that what one does in a row is seen at both sites. Salted anew: the buckets that a canary moves first
 * must not be the same few that are compared. Who has no key is in no sample but the whole.
 */
function isSampled(x: Exchange, placement: Placement, { sample }: Shadow, pattern: string): boolean {
  if (sample === 0 || sample === 10_000) return sample !== 0
  for (const source of placement.key) {
    const key = stickyKey(source, x, () => rawCaptures(pattern, pathOf(x.target)))
    if (key !== undefined) return bucketOf(`${placement.cohort}:shadow`, key) < sample
  }
  return false
}
