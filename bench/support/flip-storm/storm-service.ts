/**
 * A service of one site for the storm: GET, POST, an event stream and a WebSocket, each saying where it is. What it
 * executed stands in its file before the answer goes out.
 *
 *     node storm-service.ts --site cloud --listen 127.0.0.1:0 --file executed-cloud.jsonl
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { WebSocketServer } from 'ws'
import type { Execution } from '../write-ledger.ts'

const eventEveryMs = 100

const { values } = parseArgs({
  options: { site: { type: 'string' }, listen: { type: 'string' }, file: { type: 'string' } },
})
const { site = '', listen = '127.0.0.1:0', file = 'executed.jsonl' } = values
const fd = openSync(file, 'a', 0o600)
const sockets = new WebSocketServer({ noServer: true })
const server = createServer((request, response) => void answer(request, response))
// Above the idle time-out of who keeps connections to us, or a reused one would be cut under a request.
server.keepAliveTimeout = 75_000

server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (open) => {
    executed(request)
    // First who serves, then whatever is said.
    open.send(site)
    open.on('message', (said, isBinary) => open.send(said, { binary: isBinary }))
    // What failed is told by the close that follows.
    open.on('error', () => open.terminate())
  })
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/v1/storm/events') return stream(request, response)
  try {
    await text(request)
  } catch {
    // The client left within its body: nothing was executed, and nobody is there to be told.
    response.destroy()
    return
  }
  executed(request)
  const body = JSON.stringify({ site, consumer: field(request, 'x-tidegate-consumer'), writeId: writeIdOf(request) })
  response.writeHead(request.method === 'POST' ? 201 : 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}

/** One number after the other, until the client leaves. */
function stream(request: IncomingMessage, response: ServerResponse): void {
  executed(request)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  let sent = 0
  const send = () => response.write(`id: ${++sent}\ndata: ${site}\n\n`)
  send()
  const timer = setInterval(send, eventEveryMs)
  response.once('close', () => clearInterval(timer))
}

function executed(request: IncomingMessage): void {
  const writeId = writeIdOf(request)
  const line: Execution = { at: Date.now(), site, method: request.method ?? '', ...(writeId && { writeId }) }
  writeSync(fd, `${JSON.stringify(line)}\n`)
}

function writeIdOf(request: IncomingMessage): string | undefined {
  return field(request, 'x-write-id')
}

function field(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

const [host = '127.0.0.1', port = '0'] = listen.split(':')
server.listen(Number(port), host, () => {
  const { port: bound } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ program: 'storm-service', site, port: bound, ready: true })}\n`)
})
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
  for (const open of sockets.clients) open.terminate()
  closeSync(fd)
})
