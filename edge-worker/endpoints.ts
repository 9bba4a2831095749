import type { IRequest } from 'itty-router'
import { IttyRouter } from 'itty-router/IttyRouter'
import { checkCall } from '#routes/call.ts'
import type { EdgeStatus } from '#routes/messages.ts'
import * as paths from '#routes/paths.ts'
import { heldNumbers } from '#routes/table.ts'
import { jsonAnswer } from './answers.ts'
import type { EdgeParts } from './edge-parts.ts'
import type { Incoming } from './facts.ts'
import type { HeldTable } from './held-table.ts'
import { exchange } from './origin-exchange.ts'
import type { SourceStatus, TableSource } from './table-sources.ts'

const audience = 'edge'
const askLimitMs = 500

/**
 * The answer to a signed call of the control plane under `/.well-known/tidegate/`; undefined for everything else,
 * which is ordinary traffic: without a valid signature nobody learns that an edge is here.
 */
export async function answerOwnEndpoint(
  request: Request,
  incoming: Incoming,
  parts: EdgeParts,
): Promise<Response | undefined> {
  const { method, target, claimed } = incoming
  if (claimed.call === undefined || method !== 'GET' || !target.startsWith(`${paths.edge}/`)) return undefined
  const call = { method, target, body: new Uint8Array(), audience }
  const verdict = await checkCall(claimed.call, call, parts.bindings.controlRing, parts.now())
  return verdict === 'valid' ? endpoints.fetch(request, incoming, parts) : undefined
}

const endpoints = IttyRouter<IRequest, [Incoming, EdgeParts]>({ base: paths.edge })
  .get('/status', async (_request, _incoming, parts) => jsonAnswer(await statusOf(parts)))
  .get('/table', (_request, _incoming, { table }) => jsonAnswer(documentsOf(table)))
  .get('/probe', async (request, incoming, parts) => jsonAnswer({ sites: await probe(request, incoming, parts) }))

async function statusOf({ bindings, table, source, isolate, counts }: EdgeParts): Promise<EdgeStatus> {
  const told = await askSource(source)
  return {
    name: bindings.name,
    version: bindings.version,
    held: table.table && heldNumbers(table.table),
    source: table.from,
    ageMs: told === undefined ? table.ageMs : told.ageMs,
    isolate,
    refusals: [...table.refusals, ...(told?.refusals ?? [])],
    counts,
  }
}

/** A source that does not answer must not keep the status from being told: then only our own knowledge is in it. */
async function askSource(source: TableSource | undefined): Promise<SourceStatus | undefined> {
  try {
    return await source?.told?.(AbortSignal.timeout(askLimitMs))
  } catch {
    return undefined
  }
}

function documentsOf({ table }: HeldTable) {
  return table && { structure: table.structure.sealed, placements: table.placements.sealed }
}

/** A marked round trip to each site: whether it answers, with what, and how fast. */
async function probe(request: Request, incoming: Incoming, { bindings, table, now }: EdgeParts) {
  const one = async (site: string) => {
    const before = now()
    const copy = { ...incoming, forwarded: new Headers(incoming.forwarded) }
    const choice = { site, table: table.table, decision: undefined, unsafe: false }
    const exchanged = await exchange(request, copy, choice, bindings, before)
    if (typeof exchanged === 'string') return { site, failed: exchanged, ms: now() - before }
    await exchanged.response.body?.cancel()
    return { site, status: exchanged.response.status, ms: now() - before }
  }
  return Promise.all(bindings.origin.sites.map(one))
}
