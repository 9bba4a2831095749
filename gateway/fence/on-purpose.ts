import { headers } from '#routes/messages.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { firstValue, withoutField } from '../header-pairs.ts'
import type { Phase } from '../phase.ts'

/** Refusals that another site is not to make good for: it would get the load that this one sheds, or do what is held here. */
const meant: ReadonlySet<string> = new Set(['held', 'maintenance', 'only-if-cached', 'overloaded'])

/**
 * Tells an edge which 5xx were given on purpose, so that it asks no other site. All other failures are its to judge: also that
 * this site has no deployment, no table or no token store, since another one may have them.
 */
export const onPurpose: Phase = {
  name: 'on-purpose',
  after(x: Exchange, answer: Answer): Answer {
    // A peer has said it for an edge's sake; this client is none.
    if (x.markKind === undefined) return x.forwardedTo === undefined ? answer : withoutWord(answer)
    if (answer.status >= 500 && isMeant(x, answer)) answer.headers.push(headers.failover, 'no')
    return answer
  },
}

function isMeant(x: Exchange, { problem }: Answer): boolean {
  if (problem !== undefined) return meant.has(problem.code)
  // A fixed answer of the route, which is the same at each site.
  return x.forwardedTo === undefined && x.decision?.route?.policy.answer !== undefined
}

function withoutWord(answer: Answer): Answer {
  if (firstValue(answer.headers, headers.failover) === undefined) return answer
  return { ...answer, headers: withoutField(answer.headers, headers.failover) }
}
