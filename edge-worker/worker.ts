import type { TableOffer } from '#routes/messages.ts'
import { problemAnswer } from './answers.ts'
import type { Env } from './bindings.ts'
import bundled from './bundled-structure.json'
import { newId, openEdge } from './edge-parts.ts'
import { readIncoming } from './facts.ts'
import type { EdgeParts } from './passing.ts'
import { serve } from './serve.ts'
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
        const answer = await serve({ request, incoming, edge, waitUntil: (work) => context.waitUntil(work) })
        return typeof answer === 'string' ? problemAnswer(answer, incoming.requestId) : answer
      } catch (cause) {
        if (env.PLATFORM === 'cloudflare') throw cause
        console.error('edge-failed', incoming.requestId, cause)
        return problemAnswer('edge-failed', incoming.requestId)
      }
    },
  }
}

function misbound(binding: string): Response {
  console.error('edge-misbound', binding)
  return problemAnswer('edge-misbound', newId())
}
