import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestBody } from '../request-body.ts'
import { part, partingBytes, partingMs } from './parting.ts'

/** An answer comes before an upload of which so much is left that the connection is not worth keeping. */
export function isTooMuchLeft({ length, bytes }: RequestBody): boolean {
  return length !== undefined && length - bytes > partingBytes
}

/**
 * An answer comes before its upload has ended: once it is out, a short rest is read and dropped, so that the connection can be
 * used again. With more than 64 KB, or one that takes longer than 1 s, the connection ends.
 */
export function limitLeftover(body: RequestBody, request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    const { socket } = request
    if (request.complete || socket.writableEnded) return
    let left = partingBytes
    body.discard()
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) part(socket)
    })
    const timer = setTimeout(() => part(socket), partingMs)
    request.once('close', () => clearTimeout(timer))
    request.once('end', () => clearTimeout(timer))
  })
}
