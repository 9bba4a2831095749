import * as headers from '#routes/header-names.ts'
import { checkMark } from '#routes/hop.ts'
import { readTableHint } from '#routes/messages.ts'
import { forClient, maintenance, type OwnCode } from './answers.ts'
import { choose, repeatable } from './choice.ts'
import { answerOwnEndpoint } from './endpoints.ts'
import { aroundOutage, ask } from './failover.ts'
import type { Passing } from './passing.ts'
import { withCopy } from './shadow.ts'
import { believe } from './signed-words.ts'

/** Facts, then the table, then the choice, then the origin, and another one if it gives no answer. */
export async function serve(passing: Passing): Promise<Response | OwnCode> {
  const { request, incoming, edge, waitUntil } = passing
  const { bindings, counts, table } = edge
  if (await cameFromAnEdge(passing)) return 'loop'

  const held = await table.current(waitUntil)
  const own = await answerOwnEndpoint(passing)
  if (own !== undefined) return own

  counts.requests++
  await believe(incoming, bindings, edge.now())
  const choice = choose(held, incoming, bindings.origin.sites)
  if (typeof choice === 'string') return choice
  if (choice.flags.includes('force')) counts.forced++
  const closed = maintenance(incoming, choice)
  if (closed !== undefined) return closed

  const placement = repeatable(request, incoming, choice)
  const routed = withCopy(passing, aroundOutage(edge, choice, placement), placement)
  const answer = await ask(passing, routed, placement)
  if (typeof answer === 'string') return answer
  const hint = readTableHint(answer.headers.get(headers.table) ?? '')
  if (hint !== undefined) table.noticed(hint, waitUntil)
  return forClient(answer, choice)
}

/** Only an edge can have made a mark that verifies: an origin points back at us. */
async function cameFromAnEdge({ incoming, edge }: Passing): Promise<boolean> {
  const { claimed, method, host, target } = incoming
  if (claimed.edge === undefined) return false
  const checked = checkMark('edge', claimed.edge, { method, host, target }, edge.bindings.gatewayRing, edge.now())
  return typeof (await checked) !== 'string'
}
