import * as headers from '#routes/header-names.ts'
import type { Placement } from '#routes/placement.ts'
import type { Choice } from './choice.ts'
import { type Exchanged, exchange } from './origin-exchange.ts'
import type { EdgeParts, Passing } from './passing.ts'

/** The choice, or its unit's other site while the chosen one is out. `placement`: of `repeatable`. */
export function aroundOutage(edge: EdgeParts, choice: Choice, placement: Placement | undefined): Choice {
  const other = elsewhere(edge, choice, placement)
  const { outliers, counts, now } = edge
  if (other === undefined || !(outliers.avoids(choice.site, now()) || outliers.avoids(unitAt(choice), now())))
    return choice
  counts.failovers++
  return other
}

/**
 * Asks the chosen site, and the unit's other one once more where no answer came or none that a service gave, inside the
 * budget. When both fail, the first outcome counts. `placement`: of `repeatable`; undefined = one try.
 */
export async function ask(passing: Passing, choice: Choice, placement: Placement | undefined): Promise<Exchanged> {
  const { request, edge, waitUntil } = passing
  const { budget, counts, now, outliers } = edge
  const tryOnce = async (tried: Choice, attempt?: number) => {
    const answer = await exchange(passing, tried, attempt)
    // That a client left says nothing about a site.
    const failed = isFailure(answer) && !request.signal.aborted
    // Nor does an upload that the runtime could not send: its chunks may be what is malformed.
    if (!failed || request.body === null) {
      // What a gateway says of one service is no reason to go around all others of its site.
      if (!failed || isOfSite(answer)) outliers.add(tried.site, failed, now())
      if (!failed || !isOfSite(answer)) outliers.add(unitAt(tried), failed, now())
    }
    return { answer, failed }
  }

  budget.request(now())
  const first = await tryOnce(choice)
  const other = first.failed ? elsewhere(edge, choice, placement) : undefined
  if (other === undefined) return first.answer
  if (!budget.spend(now())) {
    counts.failoversSpared++
    return first.answer
  }
  counts.failovers++
  const second = await tryOnce(other, 1)
  const [taken, left] = second.failed ? [first.answer, second.answer] : [second.answer, first.answer]
  // An unread body would hold its connection.
  if (typeof left !== 'string' && left.body !== null) waitUntil(left.body.cancel())
  return taken
}

/** No answer, or one that says that nobody served; but not where a gateway refused on purpose. */
export function isFailure(answer: Exchanged): boolean {
  if (typeof answer === 'string') return true
  return /^5(?:0[234]|2[0-7])$/.test(`${answer.status}`) && answer.headers.get(headers.failover) !== 'no'
}

/** Nobody answered: 520 to 527 are Cloudflare's own words for it. */
function isOfSite(answer: Exchanged): boolean {
  return typeof answer === 'string' || answer.status >= 520
}

function unitAt({ site, decision }: Choice): string {
  return `${site} ${decision?.route?.unit}`
}

/** Undefined also for what goes there already, by its split or around an outage. */
function elsewhere({ bindings }: EdgeParts, choice: Choice, placement: Placement | undefined): Choice | undefined {
  const to = placement?.failover?.to
  if (to === undefined || to === choice.site || !bindings.origin.sites.includes(to)) return undefined
  return { ...choice, site: to, flags: [...choice.flags, 'failover'] }
}
