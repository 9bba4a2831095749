import type { IRequest } from 'itty-router'
import { IttyRouter } from 'itty-router/IttyRouter'
import { checkCall } from '#routes/call.ts'
import type { EdgeStatus } from '#routes/messages.ts'
import * as paths from '#routes/paths.ts'
import { heldNumbers } from '#routes/table.ts'
import { jsonAnswer } from './answers.ts'
import { exchange } from './origin-exchange.ts'
import type { Passing } from './passing.ts'
import { documentsOf } from './table-offer.ts'

const audience = 'edge'
const askLimitMs = 500

/**
 * The answer to a signed call of the control plane under `/.well-known/tidegate/`; undefined for everything else,
 * which is ordinary traffic: without a valid signature nobody learns that an edge is here.
 */
export async function answerOwnEndpoint(passing: Passing): Promise<Response | undefined> {
  const { request, incoming, edge } = passing
  const { method, target, claimed } = incoming
  if (claimed.call === undefined || method !== 'GET' || !target.startsWith(`${paths.edge}/`)) return undefined
  const call = { method, target, body: new Uint8Array(), audience }
  const verdict = await checkCall(claimed.call, call, edge.bindings.controlRing, edge.now())
  return verdict === 'valid' ? endpoints.fetch(request, passing) : undefined
}

const endpoints = IttyRouter<IRequest, [Passing]>({ base: paths.edge })
  .get('/status', async (_request, passing) => jsonAnswer(await statusOf(passing)))
  .get('/table', (_request, { edge }) => jsonAnswer(documentsOf(edge.table.table)))
  .get('/probe', async (_request, passing) => jsonAnswer({ sites: await probe(passing) }))

async function statusOf({ incoming: { colo }, edge }: Passing): Promise<EdgeStatus> {
  const { bindings, table, sources, isolate, counts } = edge
  // A source that does not answer must not keep the status from being told: then only our own knowledge is in it.
  const told = await sources[0]?.told?.(AbortSignal.timeout(askLimitMs)).catch(() => undefined)
  return {
    name: bindings.name,
    version: bindings.version,
    held: table.table && heldNumbers(table.table),
    source: table.from,
    ageMs: (told ?? table).ageMs,
    isolate,
    refusals: [...table.refusals, ...(told?.refusals ?? [])],
    colo,
    scriptVersion: bindings.scriptVersion,
    counts,
  }
}

/** A marked round trip to each site: whether it answers, with what, and how fast. */
async function probe(passing: Passing) {
  const { bindings, table, now } = passing.edge
  const one = async (site: string) => {
    const before = now()
    const answer = await exchange(passing, { site, table: table.table, decision: undefined, flags: [] })
    if (typeof answer === 'string') return { site, failed: answer, ms: now() - before }
    await answer.body?.cancel()
    return { site, status: answer.status, ms: now() - before }
  }
  return Promise.all(bindings.origin.sites.map(one))
}
