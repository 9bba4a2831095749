/** A service with every kind of answer that outlives a restart: plain ones, an echo over WebSocket, events by number. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { WebSocketServer } from 'ws'

export interface LivingService extends AsyncDisposable {
  readonly url: string
}

export const eventEveryMs = 25

/** `POST /v1/echo`, `GET /v1/...`, `/v1/socket` (WebSocket echo), `/v1/events` (SSE: 1, 2, 3, ...; goes on after `Last-Event-ID`). */
export async function startLivingService(): Promise<LivingService> {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/v1/events')) events(request, response)
    else void answer(request, response)
  })
  // A proxy's pools close first.
  server.keepAliveTimeout = 60_000
  const sockets = new WebSocketServer({ server, path: '/v1/socket' })
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request).catch(() => undefined)
  // Whoever sent it went away: nobody is to be answered.
  if (body === undefined) return
  response.end(`${request.method} ${body}`)
}

function events(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  let id = Number(request.headers['last-event-id'] ?? 0)
  const timer = setInterval(() => response.write(`id: ${++id}\ndata: event ${id}\n\n`), eventEveryMs)
  response.once('close', () => clearInterval(timer))
}
