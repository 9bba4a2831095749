/** A gateway as streams see it: events, uploads, downloads and WebSockets that take their time, and a mirror for all else. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocketServer } from 'ws'

/** What the mirror says of a request. */
export interface Mirrored {
  readonly method: string
  readonly target: string
  /** As they came: name, value, name, value. */
  readonly headers: readonly string[]
}

export interface LiveOrigin extends AsyncDisposable {
  readonly url: string
  /** Requests so far. */
  readonly count: number
}

export const tickMs = 50
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** `events?n=` ticks (`&type=` of another media type), `bytes?n=` bytes of all values; a body that is sent is answered by its size and digest. */
export async function startLiveOrigin(): Promise<LiveOrigin> {
  let count = 0
  const server = createServer((request, response) => {
    count++
    void answer(request, response)
  })
  const sockets = new WebSocketServer({ server, handleProtocols: (offered) => [...offered][0] ?? false })
  sockets.on('connection', (socket) => {
    count++
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return count
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname = '', searchParams } = URL.parse(request.url ?? '', 'http://origin') ?? {}
  const asked = Number(searchParams?.get('n'))
  if (pathname.endsWith('/events')) {
    const type = searchParams?.get('type') ?? 'text/event-stream'
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
    for (let tick = 1; tick <= asked && !response.destroyed; tick++) {
      response.write(`data: ${tick}\n\n`)
      await pause(tickMs)
    }
    response.end()
  } else if (pathname.endsWith('/bytes')) {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': asked, etag: '"bytes"' })
    response.end(Buffer.alloc(asked, allBytes))
  } else {
    const digest = createHash('sha256')
    let bytes = 0
    for await (const piece of request) {
      digest.update(piece as Buffer)
      bytes += (piece as Buffer).length
    }
    const { method = '', url = '', rawHeaders } = request
    const mirrored: Mirrored = { method, target: url, headers: rawHeaders }
    const body = JSON.stringify(bytes > 0 ? { bytes, sha256: digest.digest('hex') } : mirrored)
    response.writeHead(200, 'Fine Indeed', {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'set-cookie': ['a=1; Path=/', 'b=2; Path=/'],
      etag: '"one"',
      'x-answer': 'kept',
      // An order to nginx, if it takes orders from services.
      'x-accel-redirect': '/v1/orders/elsewhere',
    })
    response.end(body)
  }
}
