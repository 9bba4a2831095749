import { isIP } from 'node:net'
import type { Exchange } from '../exchange.ts'
import { plainAddress } from '../network.ts'
import type { Phase } from '../phase.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/**
 * Whose request it is. A verified mark has said it already, or an edge's that it does not know: then the edge itself stands for
 * its clients, since it passes on what they write. Else X-Forwarded-For counts only from a trusted proxy, read
 * from the right up to the first address that is not one: everything left of it the client may have written itself. Without
 * that field, Forwarded (RFC 7239) is read in the same way; never both, since a proxy that appends to one lets a client's own
 * other one pass. The scheme is believed from the same senders.
 */
export function clientAddress(isTrusted: TrustedProxies): Phase {
  return {
    name: 'client-address',
    before(x: Exchange): undefined {
      if (x.mark !== undefined || isTrusted(x.peer)) believeScheme(x)
      if (x.mark?.address === undefined)
        x.client = x.markKind === 'edge' ? plainAddress(x.peer) : believed(x, isTrusted)
      // An edge that did not know it decided without it: so do we, or the same request would have two sides.
      x.address = x.mark === undefined ? x.client : x.mark.address
      return undefined
    },
  }
}

function believed(x: Exchange, isTrusted: TrustedProxies): string {
  let client = plainAddress(x.peer)
  if (!isTrusted(client)) return client
  const chain = x.header('x-forwarded-for')?.split(',') ?? forwardedFor(x.header('forwarded'))
  for (const hop of chain.toReversed()) {
    const address = plainAddress(hop.trim())
    if (isIP(address) === 0) return client
    client = address
    if (!isTrusted(client)) return client
  }
  return client
}

/** Each hop's `for`, without its port: `_hidden` and `unknown` are no addresses, and end the chain as such. */
function forwardedFor(field: string | undefined): readonly string[] {
  return field?.split(',').map((hop) => node.exec(hop)?.groups?.['address'] ?? '') ?? []
}

/** `for=192.0.2.43`, `for="192.0.2.43:4711"`, `for="[2001:db8::17]:4711"`. */
const node = /(?:^|;)[ \t]*for="?\[?(?<address>[0-9a-f.]+|[0-9a-f:.]+(?=\]))\]?(?::\d{1,5})?"?[ \t]*(?:;|$)/i

/** One of two words: a list, or anything else, says nothing that a service should build a URL from. */
function believeScheme(x: Exchange): void {
  const said = x.header('x-forwarded-proto')
  if (said === 'http' || said === 'https') x.scheme = said
}
