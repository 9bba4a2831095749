import { isIP } from 'node:net'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import { plainAddress } from '../network.ts'

/**
 * Whom a request comes from, as services read it: `X-Forwarded-*` and `Forwarded` (RFC 7239). What a client says of itself is
 * replaced. Behind a believed program its word goes on, and that program is appended. The host is always the one by which
 * the request was routed: a second one would let a client be routed by one name and served by another.
 */
export function forwardedFields(x: Exchange, believed: boolean, head: HeaderPairs): void {
  const { host, scheme } = x
  const peer = plainAddress(x.peer)
  const chain = believed ? chainBefore(x) : ''
  head.push('x-forwarded-for', believed ? joined(chain === '' ? x.client : chain, peer, x.client) : x.client)
  head.push('x-forwarded-host', host, 'x-forwarded-proto', scheme, 'x-forwarded-port', portOf(x, believed))
  const element = `for=${node(x.client)};host=${quoted(host)};proto=${scheme}`
  const before = believed && !edgeNames(x) ? chainOf(x) : undefined
  head.push(
    'forwarded',
    before === undefined ? element : `${before}, for=${node(peer)};host=${quoted(host)};proto=${scheme}`,
  )
}

/** The chain that a believed program told. */
function chainBefore(x: Exchange): string {
  return edgeNames(x) ? x.client : (x.header('x-forwarded-for') ?? '')
}

/**
 * The same of `Forwarded`; undefined where it names another host than the request was routed by. Proxies pass on what a client
 * wrote there, services build links from its first element, and a cache would give those to everybody.
 */
function chainOf(x: Exchange): string | undefined {
  const chain = x.header('forwarded')
  const hosts = chain?.toLowerCase().matchAll(/host\s*=\s*"?([^",;\s]*)/g) ?? []
  for (const [, host] of hosts) if (host !== x.host.toLowerCase()) return undefined
  return chain
}

/**
 * An edge's signature names the client, or says that the edge does not know it. What stands in fields beside it may be the
 * client's own, and has no say.
 */
function edgeNames(x: Exchange): boolean {
  return x.markKind === 'edge'
}

/** The program in front of us is the last one, unless it is the client itself. */
function joined(chain: string, peer: string, client: string): string {
  return chain === client && peer === client ? chain : `${chain}, ${peer}`
}

/** Of the listener that the client reached, as far as its Host field and scheme tell. */
function portOf(x: Exchange, believed: boolean): string {
  const told = believed && !edgeNames(x) ? x.header('x-forwarded-port') : undefined
  if (told !== undefined && /^[0-9]{1,5}$/.test(told)) return told
  const port = /:([0-9]{1,5})$/.exec(x.host)?.[1]
  return port ?? (x.scheme === 'https' ? '443' : '80')
}

/** An IPv6 address stands in brackets and quotes. RFC 7239 section 6. */
function node(address: string): string {
  const family = isIP(address)
  return family === 4 ? address : family === 6 ? `"[${address}]"` : 'unknown'
}

/** A token as it is, anything else between quotes; the host was checked by then and holds neither quote nor backslash. */
function quoted(host: string): string {
  return /^[A-Za-z0-9.!#$%&'*+^_`|~-]+$/.test(host) ? host : `"${host}"`
}
