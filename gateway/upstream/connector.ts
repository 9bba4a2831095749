import { isIP } from 'node:net'
import type { buildConnector } from 'undici'

type Connect = buildConnector.connector

/**
 * A connector whose sockets tell a reset as a failure. undici takes ECONNRESET behind an answer without a length for its
 * end, since one system reports it so for a connection that was merely closed: a client would get half an answer that looks
 * whole. Under another code it stays what it is.
 */
export function tellingResets(connect: Connect): Connect {
  return (options, callback) =>
    connect(options, (...result) => {
      const [, socket] = result
      // Before undici's own listener, which is added when this returns.
      socket?.on('error', renameReset)
      callback(...result)
    })
}

function renameReset(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET'
}

/** An address is nothing to ask a certificate for (RFC 6066 section 3); the certificate must hold for it all the same. */
export function withoutAddress(connect: Connect): Connect {
  return (options, callback) => {
    const { servername, ...rest } = options
    if (servername !== undefined && isIP(servername) !== 0) connect(rest, callback)
    else connect(options, callback)
  }
}

/** Of a URL's host: an IPv6 address stands in brackets there, and in no certificate. */
export const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')
