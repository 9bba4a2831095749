import type { TableOffer } from '#routes/messages.ts'
import { documentsOf } from './table-offer.ts'
import { awayAfter, readOffer, type TableSource, tableTarget } from './table-sources.ts'

/** As much of the platform's cache as is used here: what the isolates of one colo have in common. */
export interface ColoCache {
  match(key: string): Promise<Response | undefined>
  put(key: string, answer: Response): Promise<unknown>
}

const keptSeconds = 86_400
/** A cache that hangs must leave the control plane its time. */
const sharedLimitMs = 100

/**
 * The control plane as a colo asks it, and the table that the colo learnt last. Isolates are many: each asks once a
 * second, and the answer to one is the answer to all that hold the same numbers, for a second, but for who is behind.
 * The keys are under a name that nobody can own, so that no client's request can ever meet them.
 */
export function coloSources(controlPlane: TableSource, cache: ColoCache, environment: string): TableSource[] {
  const place = `https://tidegate.invalid/table/${environment}`
  const put = (key: string, offer: TableOffer, seconds: number) => {
    const headers = { 'cache-control': `max-age=${seconds}` }
    // A cache that keeps nothing costs one more question: no reason to lose the answer.
    return cache.put(key, new Response(JSON.stringify(offer), { headers })).catch(() => undefined)
  }
  return [
    {
      ...controlPlane,
      read: async (held, deadline, share) => {
        if (share === undefined) return controlPlane.read(held, deadline)
        const key = place + tableTarget(held)
        const late = awayAfter(AbortSignal.timeout(sharedLimitMs))
        const shared = await Promise.race([readOffer(cache.match(key)), late])
        if (!('away' in shared)) return shared
        const offer = await controlPlane.read(held, deadline)
        if (!('away' in offer)) share(put(key, offer, 1))
        return offer
      },
    },
    {
      name: 'colo-cache',
      read: () => readOffer(cache.match(place)),
      keep: (table) => put(place, documentsOf(table), keptSeconds),
    },
  ]
}
