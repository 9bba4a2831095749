import { isIP } from 'node:net'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import { tellingResets } from './connector.ts'

/**
 * Connections to another program of ours, which keeps idle ones far longer than we do. Time-outs of a request are the
 * caller's (`call.ts`): undici's own are exact to a second only.
 */
export function openPool(origin: string, options: { connections: number; idleMs: number; connectMs: number }): Pool {
  return new PeerPool(origin, {
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: options.idleMs,
    keepAliveMaxTimeout: options.idleMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
    connect: tellingResets(withoutAddress(buildConnector({ timeout: options.connectMs }))),
  })
}

/**
 * Asks for the certificate of the peer. By itself undici would ask for that of the Host field, which is the client's: no peer
 * has it, and each other Host would cost a connection.
 */
class PeerPool extends Pool {
  readonly #name: string

  constructor(origin: string, options: Pool.Options) {
    super(origin, options)
    this.#name = new URL(origin).hostname.replace(/^\[|\]$/g, '')
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const named: NamedOptions = options
    named.servername = this.#name
    return super.dispatch(named, handler)
  }
}

/** Its types leave out one option that it takes. */
type NamedOptions = Dispatcher.DispatchOptions & { servername?: string }

/** An address is nothing to ask a certificate for (RFC 6066 section 3); the certificate must hold for it all the same. */
function withoutAddress(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    const { servername, ...rest } = options
    if (servername !== undefined && isIP(servername) !== 0) connect(rest, callback)
    else connect(options, callback)
  }
}
