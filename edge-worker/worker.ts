import { checkMark } from '#routes/hop.ts'
import type { TableOffer } from '#routes/messages.ts'
import { type OwnCode, problemAnswer } from './answers.ts'
import type { Env } from './bindings.ts'
import bundled from './bundled-structure.json'
import { choose } from './choice.ts'
import { type EdgeParts, newId, openEdge } from './edge-parts.ts'
import { answerOwnEndpoint } from './endpoints.ts'
import { type Incoming, readIncoming } from './facts.ts'
import type { WaitUntil } from './held-table.ts'
import { exchange } from './origin-exchange.ts'
import { offerOf } from './table-offer.ts'

export default edgeWorker(offerOf(bundled) ?? {})

/** A worker with the memory of one isolate, which starts from the tables of `bundle`. */
export function edgeWorker(bundle: TableOffer): ExportedHandler<Env> {
  // Kept as a value: two first requests may both open it, and neither awaits what the other began.
  let edge: EdgeParts | undefined
  return {
    async fetch(request, env, context) {
      // Where the platform has it, a fault of ours falls open to the zone's own origin while the body is unread.
      if (env.PLATFORM === 'cloudflare') context.passThroughOnException()
      if (edge === undefined) {
        const opened = await openEdge(env, bundle)
        if (typeof opened === 'string') return misbound(opened)
        edge ??= opened
      }
      const incoming = readIncoming(request, edge.bindings.facts, newId)
      try {
        const answer = await serve(request, incoming, edge, (work) => context.waitUntil(work))
        return typeof answer === 'string' ? problemAnswer(answer, incoming.requestId) : answer
      } catch (cause) {
        if (env.PLATFORM === 'cloudflare') throw cause
        console.error('edge-failed', incoming.requestId, cause)
        return problemAnswer('edge-failed', incoming.requestId)
      }
    },
  }
}

/** Facts, then the table, then the choice, then the origin. */
async function serve(
  request: Request,
  incoming: Incoming,
  edge: EdgeParts,
  waitUntil: WaitUntil,
): Promise<Response | OwnCode> {
  const { bindings, table } = edge
  if (await cameFromAnEdge(incoming, edge)) return 'loop'

  const held = await table.current(waitUntil)
  const own = await answerOwnEndpoint(request, incoming, edge)
  if (own !== undefined) return own

  const choice = choose(held, incoming, bindings.origin.sites)
  if (typeof choice === 'string') return choice
  const exchanged = await exchange(request, incoming, choice, bindings, edge.now())
  if (typeof exchanged === 'string') return exchanged
  if (exchanged.hint !== undefined) table.noticed(exchanged.hint, waitUntil)
  return exchanged.response
}

function misbound(binding: string): Response {
  console.error('edge-misbound', binding)
  return problemAnswer('edge-misbound', newId())
}

/** Only an edge can have made a mark that verifies: an origin points back at us. */
async function cameFromAnEdge({ claimed, method, host, target }: Incoming, edge: EdgeParts): Promise<boolean> {
  if (claimed.edge === undefined) return false
  const checked = checkMark('edge', claimed.edge, { method, host, target }, edge.bindings.gatewayRing, edge.now())
  return typeof (await checked) !== 'string'
}
