import type { Counter } from '#server-kit/metrics.ts'
import type { MarkCounts } from '../account/mark-counts.ts'
import { problems } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'

export const routeDifferences = ['mismatch', 'structure-skew'] as const

export interface RouteComparisonOptions {
  /** A request that edge and gateway read differently is refused. */
  readonly strict: boolean
  readonly counts: MarkCounts
  readonly differences: Counter<'difference'>
}

/**
 * The edge signed which route it found. By the same structure this gateway must find the same one: else something between
 * changed the request, or one of the two reads it as a service might not. Under another structure its own answer holds, or
 * each new structure would fail requests until the last edge has it.
 */
export function routeComparison({ strict, counts, differences }: RouteComparisonOptions): Phase {
  return {
    name: 'route-comparison',
    before(x: Exchange): undefined {
      const { mark, table, decision } = x
      if (x.markKind !== 'edge' || mark === undefined || table === undefined) return undefined
      counts.requests++
      if (mark.structure !== table.structure.number) {
        counts.skewed++
        differences.inc({ difference: 'structure-skew' })
        return undefined
      }
      const route = decision?.route?.id
      if (mark.route === route) return undefined
      counts.mismatched++
      differences.inc({ difference: 'mismatch' })
      if (strict) throw problems['route-mismatch']({ signed: mark.route ?? 'none', route: route ?? 'none' })
      return undefined
    },
  }
}
