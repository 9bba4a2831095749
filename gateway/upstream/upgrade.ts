import type { Duplex } from 'node:stream'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { passAnswer } from './hop-by-hop.ts'

/** The client would change the protocol, and its route lets it. On any other route the request is an ordinary one. */
export function wantsUpgrade(x: Exchange): boolean {
  return x.upgrade !== undefined && (x.decision?.route?.policy.upgrade?.includes(x.upgrade) ?? false)
}

/**
 * The answer of a service that agreed: its own fields byte for byte, subprotocol and extensions among them, and its
 * connection as the tunnel. Undefined when it agreed to something else than was asked (RFC 9110 section 7.8).
 */
export function upgradeAnswer(x: Exchange, raw: readonly Buffer[], tunnel: Duplex): Answer | undefined {
  // Nobody listens until it is joined to the client: a failure by then must not end the process.
  tunnel.on('error', () => tunnel.destroy())
  if (protocolOf(raw) !== x.upgrade) return undefined
  const headers = passAnswer(raw, 101)
  headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
  return { status: 101, reason: '', headers, body: undefined, tunnel }
}

function protocolOf(raw: readonly Buffer[]): string | undefined {
  let protocol: string | undefined
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if ((raw[at] as Buffer).toString('latin1').toLowerCase() !== 'upgrade') continue
    const value = (raw[at + 1] as Buffer).toString('latin1').trim().toLowerCase()
    protocol = protocol === undefined ? value : `${protocol}, ${value}`
  }
  return protocol
}
