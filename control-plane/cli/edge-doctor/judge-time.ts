/** Clocks, idle connections, and how old an edge's table is. Pure. */
import type { EdgeStatus } from '#routes/messages.ts'
import type { Outcome } from './connection.ts'
import { type Judgement, ok, unknown, wrong } from './finding.ts'
import { type Reply, unseen } from './reply.ts'

/** Signed words are believed for 60 s: beyond so much of it a slow way does the rest. */
const skewLimitMs = 10_000

/** `planeNow`: the control plane's clock at the moment when the echo was written, as far as it is known from here. */
export function judgeClock(reply: Reply, planeNow: number): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const { now, edge } = reply.echo
  const gateway = now - planeNow
  const parts = [`gateway ${seconds(gateway)} to the control plane`]
  if (edge !== undefined) parts.push(`edge ${seconds(-edge.skewMs)} to the gateway`)
  const most = Math.max(Math.abs(gateway), Math.abs(edge?.skewMs ?? 0))
  if (most <= skewLimitMs) return ok(parts.join(', '))
  return wrong(
    parts.join(', '),
    'Set all clocks by NTP: what programs sign for each other is believed for 60 s either way.',
  )
}

/** How long connections to a gateway may lie idle before they are used again, at the most. */
export function idleNeededMs(onCloudflare: boolean): number {
  // Cloudflare keeps them 900 s; balancers and proxies elsewhere 60 s by default.
  return onCloudflare ? 900_000 : 60_000
}

/** D2, as the gateway says of itself. */
export function judgeIdle(reply: Reply, onCloudflare: boolean): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const needed = idleNeededMs(onCloudflare)
  const { site, keepAliveMs } = reply.echo
  const evidence = `the gateway of ${site} keeps idle connections ${keepAliveMs / 1_000} s; what is before it may use them for ${needed / 1_000} s`
  return keepAliveMs > needed ? ok(evidence) : wrong(evidence, idleFix(needed))
}

/** D2, as it was seen. */
export function judgeWatchedIdle(
  { answered, closedAfterMs }: { readonly answered: boolean; readonly closedAfterMs: number | undefined },
  onCloudflare: boolean,
): Judgement {
  const needed = idleNeededMs(onCloudflare)
  if (!answered) return unknown('no answer came on which to watch', 'Check that this machine reaches the origin.')
  if (closedAfterMs === undefined) return ok(`an idle connection was still open after ${needed / 1_000} s`)
  return wrong(`an idle connection was closed after ${(closedAfterMs / 1_000).toFixed(1)} s`, idleFix(needed))
}

const idleFix = (needed: number): string =>
  `Keep idle connections longer than ${needed / 1_000} s: \`limits.idleTimeout\` in gateway.yaml, and the idle time-out of a balancer before it. Else a POST is lost now and then.`

/** What the signed status of an edge says, against what the control plane has published. */
export function judgeTable(
  status: EdgeStatus | undefined,
  published: { readonly structure: number; readonly placements: number },
): Judgement {
  if (status === undefined) {
    return wrong(
      'the edge does not answer a signed call for its status',
      'Give edge and control plane the same ring `edge-control`, set both clocks by NTP, and let `/.well-known/tidegate/*` reach the edge.',
    )
  }
  const { held, source, ageMs, refusals, colo } = status
  const where = `${source}${colo === undefined ? '' : ` in ${colo}`}`
  if (held === undefined) return wrong(`the edge ${status.name} holds no table (${where})`, sourceFix)
  const numbers = `placements ${held.placements.number} of ${published.placements} from ${where}`
  if (refusals.length > 0) {
    const told = refusals.map(({ kind, because, count }) => `${kind} ${because} (${count})`).join(', ')
    return wrong(`${numbers}; it refused ${told}`, refusalFix)
  }
  if (ageMs === undefined) return wrong(`${numbers}; it has never heard of the control plane`, sourceFix)
  const evidence = `${numbers}, heard ${seconds(ageMs).replace('+', '')} ago`
  if (ageMs > staleMs) return wrong(evidence, sourceFix)
  return held.placements.number < published.placements ? wrong(evidence, behindFix) : ok(evidence)
}

/** An edge asks every second while there is traffic. */
const staleMs = 10_000
const sourceFix =
  'Let the edge reach the control plane: `controlPlane.url` of edge.yaml, CONTROL_PLANE_URL on Cloudflare, and its log.'
const refusalFix = 'Give the edge the public keys of `tidegate keys ls DIR` (tables), and see docs/operate/keys.md.'
const behindFix = 'Ask again in two seconds. If it stays so, a cache before the control plane answers the edge.'

export function isCloudflare(fields: readonly (readonly [string, string])[]): boolean {
  return fields.some(
    ([name, value]) => name === 'cf-ray' || (name === 'server' && value.toLowerCase() === 'cloudflare'),
  )
}

function seconds(ms: number): string {
  const tenths = Math.round(ms / 100)
  return `${tenths < 0 ? '-' : '+'}${(Math.abs(tenths) / 10).toFixed(1)} s`
}

/** Of the front, where it speaks TLS. */
export function judgeCertificate({ certificateFault, certificateEnds }: Outcome, now: number): Judgement {
  if (certificateFault === undefined) {
    return unknown(
      'it was asked by plain HTTP',
      'Ask as clients do: --url https://...; --ca FILE where the authority is your own.',
    )
  }
  const days = Math.floor((Date.parse(certificateEnds ?? '') - now) / 86_400_000)
  const ends = Number.isFinite(days) ? `, and ends in ${days} days` : ''
  if (certificateFault !== '') {
    return wrong(
      `the certificate is refused: ${certificateFault}`,
      'Let the front present one for this name, with its whole chain.',
    )
  }
  // Some authorities give them for six days.
  if (days < 1) return wrong(`the certificate is good${ends}`, 'Renew it; see why nothing did so by itself.')
  return ok(`the certificate is good${ends}`)
}
