import type { Duplex } from 'node:stream'

/** How much, and for how long, is still read behind the last answer of a connection. */
export const partingBytes = 64 * 1024
export const partingMs = 1_000

/**
 * Ends a connection behind its last answer. What the client still sends is read and dropped: closing over unread bytes would
 * reset the connection and could take the answer from the client (RFC 9112 section 9.6). Beyond 64 KB nothing is read any
 * more, and after 1 s the socket goes, whether or not its client has read and left.
 */
export function part(socket: Duplex, last?: string): void {
  // Told once more while it parts, or ended already from both sides.
  if (socket.destroyed || socket.writableEnded) return
  let left = partingBytes
  const timer = setTimeout(() => socket.destroy(), partingMs)
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  // No parser reads it any more: it could find a request in it, and have that answered.
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) socket.pause()
  })
  socket.end(last)
}
