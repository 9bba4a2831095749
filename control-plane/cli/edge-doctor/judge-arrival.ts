/** Whether a request arrives as it was sent, and where it should. Pure: replies in, judgements out. */
import type { EchoAnswer } from '#routes/echo.ts'
import { headers } from '#routes/messages.ts'
import { type Judgement, ok, unknown, wrong } from './finding.ts'
import { type Reply, tell, unseen } from './reply.ts'

export function judgeEcho(reply: Reply, host: string): Judgement {
  if (reply.kind === 'echo') {
    const { site, instance } = reply.echo
    return ok(`the gateway ${instance} of ${site} answered after ${Math.round(reply.outcome.ms)} ms`)
  }
  if (reply.kind === 'other' && reply.code === 'loop') return judgeLoop(reply)
  if (reply.kind === 'other' && reply.code === 'edge-required') {
    return wrong(
      'a gateway refused it as not coming from an edge',
      `Let ${host} lead to the edge, and see that edge and gateways hold the same ring \`edge-gateway\`.`,
    )
  }
  return wrong(
    `no gateway echoed it: ${tell(reply)}`,
    `Check that ${host} leads to this edge (--url names another address), and that the gateways hold the same ring \`control-gateway\` as the control plane.`,
  )
}

/** D15 */
export function judgeLoop(reply: Reply): Judgement {
  if (reply.kind === 'other' && reply.code === 'loop') {
    return wrong(
      'an edge got back what an edge had sent: 508 `loop`',
      'Let the origin of each site be the gateway itself, not a name that leads to the edge; on Cloudflare keep `global_fetch_strictly_public` off.',
    )
  }
  if (reply.kind !== 'echo') return unseen(reply)
  const hops = reply.echo.headers.filter(([name]) => name.toLowerCase() === headers.hop).length
  return ok(
    hops === 0 ? 'it passed one edge and one gateway' : 'it passed one edge, and two gateways over the interconnect',
  )
}

export function judgeMark(reply: Reply): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const { edge, markFault } = reply.echo
  if (edge !== undefined) {
    return ok(`${edge.from} signed it under structure ${edge.structure}, placements ${edge.placements}`)
  }
  return wrong(
    markFault === undefined
      ? 'it came to the gateway without a mark of an edge'
      : `the mark of the edge is ${markFault}`,
    markFixes[markFault ?? 'none'],
  )
}

const markFixes = {
  none: 'The request went past the edge: let the name lead to it, and nothing between edge and gateway remove `x-tidegate-edge`.',
  'no-key': 'Name the ring `edge-gateway` under keys.edge in gateway.yaml.',
  'mac-wrong':
    'Edge and gateway need the same ring `edge-gateway` (`tidegate keys ls DIR`), and what stands between them must not change method, host or target.',
  'out-of-window': 'Set the clocks of edge and gateway by NTP: a mark is believed for 60 s.',
  malformed: 'What stands between edge and gateway changes `x-tidegate-edge`: let it pass untouched.',
} as const

/** D14, first half. */
export function judgeHost(reply: Reply, host: string): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const arrived = reply.echo.host
  if (arrived.toLowerCase() === host.toLowerCase()) return ok(`it arrives as ${arrived}`)
  return wrong(
    `${host} arrives as ${arrived}`,
    'Keep the Host: nginx `proxy_set_header Host $host`; Cloudflare: a Worker route on this very name, origins by `resolveOverride`.',
  )
}

/** D14, second half: `expected` is what the table says of the same request. */
export function judgeSite(reply: Reply, expected: string, because: string): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const { site } = reply.echo
  if (site === expected) return ok(`${site} answered, as the table says (${because})`)
  return wrong(
    `${site} answered, and the table says ${expected} (${because})`,
    'See `tidegate edge status` first: an edge that is behind does this for a second. Else the origin of a site leads to the other: on Cloudflare `resolveOverride` needs a name inside the zone, any other is ignored silently.',
  )
}

/** Addresses of documentation (RFC 5737), each in another field: whichever arrives tells which field is believed. */
export const spoofed: Readonly<Record<string, string>> = {
  'X-Forwarded-For': '203.0.113.1',
  'X-Real-IP': '203.0.113.2',
  'CF-Connecting-IP': '203.0.113.3',
  'True-Client-IP': '203.0.113.4',
  'X-Client-IP': '203.0.113.5',
  'Fastly-Client-IP': '203.0.113.6',
  'X-Cluster-Client-IP': '203.0.113.7',
  Forwarded: 'for=203.0.113.8',
  'CF-Connecting-IPv6': '2001:db8::9',
  'X-Original-Forwarded-For': '203.0.113.10',
}

/** `plain`: the same request without the invented fields. */
export function judgeAddress(plain: Reply, invented: Reply, localAddress: string | undefined): Judgement {
  if (plain.kind !== 'echo') return unseen(plain)
  if (invented.kind !== 'echo') return unseen(invented)
  const { address } = invented.echo
  const believed = Object.entries(spoofed).find(([, value]) => value.replace('for=', '') === address)
  if (believed !== undefined) {
    return wrong(
      `the ${believed[0]} of any client is believed: ${address} arrived as its address`,
      `Let the front overwrite ${believed[0]} with the address of its peer (nginx: \`proxy_set_header ${believed[0]} $remote_addr\`), or take it out of edge.yaml as \`trustedClientIpHeader\`.`,
    )
  }
  if (address !== plain.echo.address) {
    return unknown(
      `${plain.echo.address} arrived without invented fields, ${address} with them`,
      'Ask again with --only client-address: behind one address nothing may change.',
    )
  }
  if (plain.echo.edge?.address === undefined) {
    return unknown(
      `the edge tells no address, so services are told ${address}, that of its own connection`,
      'Name the field in which the front puts the address of its peer: `trustedClientIpHeader` of edge.yaml. Else all clients count as one.',
    )
  }
  const own = address === localAddress ? ', which is this machine' : ''
  return ok(`${address} arrives${own}, whatever a client invents`)
}

/** D9 */
export function judgeCookies(reply: Reply): Judgement {
  if (reply.kind !== 'echo') return unseen(reply)
  const arrived = fieldsOf(reply.echo, 'cookie').join('; ')
  if (arrived === twoCookies.join('; ')) return ok('two Cookie fields arrive as one list, parted by "; "')
  return wrong(
    `two Cookie fields arrive as ${JSON.stringify(arrived)}`,
    'Let the front pass both Cookie fields on, or join them by "; " (RFC 6265 section 5.4): services read a comma as part of a value.',
  )
}

export const twoCookies = ['doctor-a=1', 'doctor-b=2'] as const

/** D11 */
export function judgeAbsoluteForm(reply: Reply, target: string, host: string): Judgement {
  if (reply.kind === 'echo') {
    const { target: arrived, host: asked } = reply.echo
    if (arrived === target && asked.toLowerCase() === host.toLowerCase()) return ok('it arrives as its path')
    return wrong(`it arrives as ${arrived} of ${asked}`, absoluteFix)
  }
  if (reply.kind === 'silence') return unseen(reply)
  return wrong(`a request by its whole URL fails: ${tell(reply)}`, absoluteFix)
}

const absoluteFix =
  'Put a front before the edge that turns the absolute form into a path (docs/operate/edge.md): RFC 9112 section 3.2.2 lets every client send it.'

export function fieldsOf(echo: EchoAnswer, name: string): readonly string[] {
  return echo.headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value)
}
