import { buildConnector, Pool } from 'undici'
import { tellingResets } from './connector.ts'

/**
 * Connections to another program of ours, which keeps idle ones far longer than we do. Time-outs of a request are the
 * caller's (`call.ts`): undici's own are exact to a second only.
 */
export function openPool(origin: string, options: { connections: number; idleMs: number; connectMs: number }): Pool {
  return new Pool(origin, {
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: options.idleMs,
    keepAliveMaxTimeout: options.idleMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
    connect: tellingResets(buildConnector({ timeout: options.connectMs })),
  })
}
