import * as headers from '#routes/header-names.ts'
import { type Mark, writeMark } from '#routes/hop.ts'
import type { TimeoutPolicy } from '#routes/policy.ts'
import type { Choice } from './choice.ts'
import { edit, type Incoming } from './facts.ts'
import type { Passing } from './passing.ts'

/** The answer of a gateway, or why there is none. */
export type Exchanged = Response | 'origin-unreachable' | 'origin-timeout'

/**
 * One try at the gateway of the chosen site, and its answer, both untouched but for our own headers. The body streams
 * through unread, and a redirect is the client's to follow. `attempt`: tries before this one. Never rejects.
 */
export async function exchange(
  { request, incoming, edge }: Passing,
  choice: Choice,
  attempt?: number,
): Promise<Exchanged> {
  const { method, host, sent: target } = incoming
  const { facts, gatewayRing, name, origin } = edge.bindings
  const mark = markOf(incoming, choice, name, edge.now())
  const signed = await writeMark('edge', mark, { method, host, target }, gatewayRing)
  const limitMs = headersLimitMs(choice, request.body !== null, facts.platform)
  const late = Promise.withResolvers<'origin-timeout'>()
  const timer = setTimeout(() => late.resolve('origin-timeout'), limitMs)
  try {
    const outgoing = new Request(request, { redirect: 'manual' })
    edit(outgoing.headers, incoming)
    outgoing.headers.set(headers.edge, signed)
    if (attempt) outgoing.headers.set(headers.attempt, `${attempt}`)
    if (isCopy(choice)) outgoing.headers.set(headers.shadow, '1')
    // Once the head is there the runtime streams the body without us, and no timer of a request outlives that: what takes
    // too long then is the gateway's to end, by the route's total.
    return await Promise.race([origin.send(outgoing, choice.site), late.promise])
  } catch {
    // The runtime's words name neither site nor address; the code and the request's id are what can be searched for.
    return 'origin-unreachable'
  } finally {
    clearTimeout(timer)
  }
}

function markOf(incoming: Incoming, { table, decision, flags }: Choice, edgeName: string, now: number): Mark {
  const { route } = decision ?? {}
  return {
    at: now,
    requestId: incoming.requestId,
    structure: table?.structure.number ?? 0,
    placements: table?.placements.number ?? 0,
    ...(route && { route: route.id, unit: route.unit }),
    ...(decision?.epoch && { epoch: decision.epoch }),
    ...(decision?.bucket !== undefined && { bucket: decision.bucket }),
    because: flags.includes('force') ? 'forced' : (decision?.because ?? 'no-table'),
    from: incoming.colo ?? edgeName,
    ...(incoming.country && { country: incoming.country }),
    ...(incoming.address && { address: incoming.address }),
    flags,
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
/** A copy that takes longer warms nothing that a request would wait for; below `placeMs`, and what `waitUntil` lasts. */
const copyMostMs = 10_000

/** An upload counts too, and its end is not seen here: with a body the route's whole time is the least. */
export function headersLimitMs(choice: Choice, hasBody: boolean, platform: 'cloudflare' | 'self-hosted'): number {
  const limitMs = selfHostedLimitMs(choice.decision?.route?.policy.timeout, hasBody)
  return Math.min(limitMs, isCopy(choice) ? copyMostMs : platform === 'cloudflare' ? cloudflareMostMs : limitMs)
}

function selfHostedLimitMs(timeout: TimeoutPolicy | undefined, hasBody: boolean): number {
  if (timeout === undefined) return withoutRouteMs
  const answering = (timeout.connectMs + timeout.firstByteMs) * gatewayTries + holdMs + marginMs
  return hasBody ? Math.max(answering, timeout.totalMs + totalMarginMs) : answering
}

function isCopy({ flags }: Choice): boolean {
  return flags.includes('shadow')
}
