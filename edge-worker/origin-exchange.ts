import * as headers from '#routes/header-names.ts'
import { type Mark, writeMark } from '#routes/hop.ts'
import { readTableHint } from '#routes/messages.ts'
import type { TimeoutPolicy } from '#routes/policy.ts'
import type { TableNumber } from '#routes/vocabulary.ts'
import type { Bindings } from './bindings.ts'
import type { Choice } from './choice.ts'
import type { Incoming } from './facts.ts'

export interface Exchanged {
  readonly response: Response
  /** The gateway's word that we are behind. */
  readonly hint: { readonly structure: TableNumber; readonly placements: TableNumber } | undefined
}

/**
 * One request to the gateway and its answer, both untouched but for our own headers. The body streams through unread,
 * and a redirect is the client's to follow. Never rejects.
 */
export async function exchange(
  request: Request,
  incoming: Incoming,
  choice: Choice,
  edge: Bindings,
  now: number,
): Promise<Exchanged | 'origin-unreachable' | 'origin-timeout'> {
  const { method, host, sent: target, forwarded } = incoming
  const mark = markOf(incoming, choice, edge.name, now)
  forwarded.set(headers.edge, await writeMark('edge', mark, { method, host, target }, edge.gatewayRing))
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), headersLimitMs(choice, request.body !== null, edge.facts.platform))
  const signal = AbortSignal.any([request.signal, limit.signal])
  try {
    const outgoing = new Request(request, { headers: forwarded, redirect: 'manual', signal })
    return withoutHint(await edge.origin.send(outgoing, choice.site))
  } catch {
    // The runtime's words name neither site nor address; the code and the request's id are what can be searched for.
    return limit.signal.aborted ? 'origin-timeout' : 'origin-unreachable'
  } finally {
    clearTimeout(timer)
  }
}

function markOf(incoming: Incoming, { table, decision, unsafe }: Choice, edgeName: string, now: number): Mark {
  const { route } = decision ?? {}
  return {
    at: now,
    requestId: incoming.requestId,
    structure: table?.structure.number ?? 0,
    placements: table?.placements.number ?? 0,
    ...(route && { route: route.id, unit: route.unit }),
    ...(decision?.epoch && { epoch: decision.epoch }),
    ...(decision?.bucket !== undefined && { bucket: decision.bucket }),
    because: decision?.because ?? 'no-table',
    from: incoming.colo ?? edgeName,
    ...(incoming.country && { country: incoming.country }),
    ...(incoming.address && { address: incoming.address }),
    flags: unsafe ? ['unsafe'] : [],
  }
}

/** Gateways try a request up to three times and may hold it for 2 s during a hand-off: theirs must be the first limit. */
const gatewayTries = 3
const holdMs = 2_000
const marginMs = 2_000
const totalMarginMs = 5_000
const withoutRouteMs = 60_000
/** Cloudflare gives up by itself after 120 s; before it, the answer is ours to word. */
const cloudflareMostMs = 115_000

/** An upload counts too, and its end is not seen here: with a body the route's whole time is the least. */
export function headersLimitMs(choice: Choice, hasBody: boolean, platform: 'cloudflare' | 'self-hosted'): number {
  const limitMs = selfHostedLimitMs(choice.decision?.route?.policy.timeout, hasBody)
  return platform === 'cloudflare' ? Math.min(limitMs, cloudflareMostMs) : limitMs
}

function selfHostedLimitMs(timeout: TimeoutPolicy | undefined, hasBody: boolean): number {
  if (timeout === undefined) return withoutRouteMs
  const answering = (timeout.connectMs + timeout.firstByteMs) * gatewayTries + holdMs + marginMs
  return hasBody ? Math.max(answering, timeout.totalMs + totalMarginMs) : answering
}

/** The answer is rebuilt only when there is a hint to remove: what needs no change is passed as it is. */
function withoutHint(response: Response): Exchanged {
  const value = response.headers.get(headers.table)
  if (value === null || response.status === 101) return { response, hint: undefined }
  const rebuilt = new Response(response.body, response)
  rebuilt.headers.delete(headers.table)
  return { response: rebuilt, hint: readTableHint(value) }
}
