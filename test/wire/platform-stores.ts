/**
 * What stands behind the runtime's KV and Cache API bindings, over the HTTP that workerd speaks to it: the bindings are
 * real, the stores are these. A fault proxy before each lets a test take it away.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'

export interface PlatformStores extends AsyncDisposable {
  readonly kv: FaultProxy
  readonly cache: FaultProxy
  /** What the control plane would have written: key -> text. */
  readonly values: Map<string, string>
  /** URLs that the cache holds something under. */
  cached(): string[]
}

interface Entry {
  readonly headers: Record<string, string>
  readonly body: Buffer
  readonly until: number
}

export async function startPlatformStores(): Promise<PlatformStores> {
  const values = new Map<string, string>()
  const entries = new Map<string, Entry>()
  const kvServer = await serve((request, response) => {
    const value = values.get(decodeURIComponent((request.url ?? '').slice(1).split('?')[0] ?? ''))
    response.writeHead(value === undefined ? 404 : 200).end(value ?? '')
  })
  const cacheServer = await serve(async (request, response) => {
    const url = `${request.headers.host}${request.url}`
    if (request.method === 'PUT') {
      entries.set(url, entryOf(await bodyOf(request)))
      response.writeHead(204).end()
      return
    }
    const entry = entries.get(url)
    if (entry === undefined || Date.now() >= entry.until) response.writeHead(504, { 'cf-cache-status': 'MISS' }).end()
    else response.writeHead(200, { ...entry.headers, 'cf-cache-status': 'HIT' }).end(entry.body)
  })
  const kv = await startFaultProxy(portOf(kvServer))
  const cache = await startFaultProxy(portOf(cacheServer))
  return {
    kv,
    cache,
    values,
    cached: () => [...entries.keys()],
    [Symbol.asyncDispose]: async () => {
      await Promise.all([kv.close(), cache.close()])
      for (const server of [kvServer, cacheServer]) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

async function serve(listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** A `put` carries the whole answer as HTTP/1.1 bytes. */
function entryOf(bytes: Buffer): Entry {
  const end = bytes.indexOf('\r\n\r\n')
  const lines = bytes.toString('latin1', 0, end).split('\r\n').slice(1)
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  if (headers['transfer-encoding'] !== undefined) throw new Error('a text with a known length was put chunked')
  const seconds = Number(/max-age=(\d+)/.exec(headers['cache-control'] ?? '')?.[1] ?? 0)
  return { headers, body: bytes.subarray(end + 4), until: Date.now() + seconds * 1_000 }
}
