import { bucketOf } from '#routes/bucket.ts'
import { keyOf } from '#routes/decide.ts'
import type { Placement } from '#routes/placement.ts'
import type { Bp } from '#routes/vocabulary.ts'
import type { Choice } from './choice.ts'
import type { Incoming } from './facts.ts'
import { exchange } from './origin-exchange.ts'
import type { Passing } from './passing.ts'

/**
 * Sends a copy of a request to the site that its placement wants to be warm, beside the request and unseen by its client;
 * gives the choice, flagged if a copy was sent. What finds no place is dropped, never queued. `placement`: of `repeatable`.
 */
export function withCopy(passing: Passing, choice: Choice, placement: Placement | undefined): Choice {
  const { incoming, edge, waitUntil } = passing
  const { bindings, counts, now, places } = edge
  const shadow = placement?.shadow
  if (shadow?.at !== 'edge' || shadow.to === choice.site || !bindings.origin.sites.includes(shadow.to)) return choice
  // What goes round an outage is enough for a site, and a stream has no end to warm anything by.
  if (choice.flags.length > 0 || incoming.method === 'OPTIONS' || choice.decision?.route?.policy.stream) return choice
  if (!isSampled(incoming, choice, placement as Placement, shadow.sample)) return choice
  const giveBack = places.take(choice.decision?.route?.unit ?? '', shadow.maxInFlight, now())
  if (giveBack === undefined) {
    counts.shadowsDropped++
    return choice
  }
  counts.shadows++
  waitUntil(
    exchange(passing, { ...choice, site: shadow.to, flags: ['shadow'] }).then(async (answer) => {
      if (typeof answer !== 'string') await answer.body?.cancel()
      giveBack()
    }),
  )
  return { ...choice, flags: ['shadowed'] }
}

/** Whole clients, and not those that a move takes first: the salt is that of gateways. Who has no key is in the whole alone. */
function isSampled(incoming: Incoming, { table, decision }: Choice, placement: Placement, sample: Bp): boolean {
  if (sample === 10_000 || table === undefined || decision === undefined) return sample === 10_000
  const key = keyOf(table, incoming, placement, decision.position, decision.target)
  return key !== undefined && bucketOf(`${placement.cohort}:shadow`, key) < sample
}
