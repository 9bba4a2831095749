import type { RouteFacts } from '#routes/structure.ts'
import type { Exchange } from '../exchange.ts'

/** Why a GET or HEAD of a cached route is not the cache's business: closed, for metrics and Cache-Status. */
export const bypasses = [
  'unsafe-target',
  'body',
  'upgrade',
  'stream',
  'precondition',
  'expect',
  'too-many-tags',
] as const
export type Bypass = (typeof bypasses)[number]

/** Undefined: it may be answered from the store. One look through the names. */
export function bypassOf(x: Exchange, { policy }: RouteFacts): Bypass | undefined {
  // What may be read as another path is never answered by what one of them gave (P6).
  if (x.decision?.target.unsafe !== 0 || x.readings.length > 0) return 'unsafe-target'
  if (x.body.present) return 'body'
  if (x.upgrade !== undefined) return 'upgrade'
  if (policy.stream === true) return 'stream'
  for (const name of x.names) {
    // About the state that a service has, not about what a cache has (C1).
    if (name === 'if-match' || name === 'if-unmodified-since') return 'precondition'
    if (name === 'expect') return 'expect'
  }
  return undefined
}
