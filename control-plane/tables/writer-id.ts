import type { GatewayEntry } from './gateway-store.ts'

/** The writer part of a stamp has one byte; 240..255 are kept for other writers than gateways. */
export const writerLimit = 240

/**
 * The writer number of a process: the same for the same instance, else one that no other present process has. One that
 * was never used comes before one that was given back, and of those the one given back longest ago: late writes of
 * its former holder are then long settled. Undefined = all are held.
 */
export function writerIdFor(site: string, instance: string, entries: readonly GatewayEntry[]): number | undefined {
  const own = entries.find((entry) => entry.site === site && entry.instance === instance)
  const held = new Set(entries.filter((entry) => entry.removed === undefined).map(({ writerId }) => writerId))
  if (own !== undefined && (own.removed === undefined || !held.has(own.writerId))) return own.writerId
  const givenBackAt = new Map<number, number>()
  for (const { writerId, removed } of entries) {
    givenBackAt.set(writerId, Math.max(givenBackAt.get(writerId) ?? 0, removed?.at ?? 0))
  }
  let best: number | undefined
  for (let id = 0; id < writerLimit; id++) {
    if (held.has(id)) continue
    if (best === undefined || (givenBackAt.get(id) ?? 0) < (givenBackAt.get(best) ?? 0)) best = id
  }
  return best
}
