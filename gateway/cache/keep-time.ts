import { lowerNames } from '../header-pairs.ts'
import type { Entry } from './policy/entry.ts'
import { ttlS } from './policy/freshness.ts'

/** How long a stale answer with a validator is kept for being asked about: as long again as it was fresh, within these. */
const leastRoomS = 60
const mostRoomS = 24 * 3_600
/** Nothing is kept longer: beyond it a memcached node reads a time to live as a date. */
const mostS = 30 * 24 * 3_600

/**
 * How long the store keeps an entry, ms: while it is fresh, and then as long as it may serve stale or be validated. 0: it is
 * of no use to anyone.
 */
export function keepMs(entry: Entry, nowMs: number): number {
  const { lifetimeS, staleWhileRevalidateS, staleIfErrorS } = entry.freshness
  const staleS = Math.max(staleWhileRevalidateS, staleIfErrorS)
  const roomS = hasValidator(entry) ? Math.min(mostRoomS, Math.max(leastRoomS, lifetimeS)) : 0
  const leftS = ttlS(entry, nowMs) + (entry.negative === true ? 0 : Math.max(staleS, roomS))
  return Math.max(0, Math.min(mostS, leftS) * 1_000)
}

function hasValidator({ headers }: Entry): boolean {
  const names = lowerNames(headers)
  return names.includes('etag') || names.includes('last-modified')
}
