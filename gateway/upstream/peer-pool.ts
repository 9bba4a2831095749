import { buildConnector, type Dispatcher, Pool } from 'undici'
import { tellingResets, withoutAddress, withoutBrackets } from './connector.ts'

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
    this.#name = withoutBrackets(new URL(origin).hostname)
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const named: NamedOptions = options
    named.servername = this.#name
    return super.dispatch(named, handler)
  }
}

/** Its types leave out one option that it takes. */
type NamedOptions = Dispatcher.DispatchOptions & { servername?: string }
