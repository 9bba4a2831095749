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
