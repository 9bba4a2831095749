import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ReadRequest, readRequests } from './reader.ts'

/** A request that a service took for whole, and the word by which its answer is known. */
export interface Seen extends ReadRequest {
  readonly serial: string
}

/** Stands behind a front and writes down each request that it sees; reads as services of the world do. */
export interface RecordingService extends AsyncDisposable {
  readonly port: number
  /** Those that name this case, in the order of coming. */
  seen(id: number): readonly Seen[]
  /** Requests that name no case. */
  readonly foreign: readonly Seen[]
  /** Messages that a strict reader would have refused: the front wrote them. */
  readonly malformed: readonly string[]
}

const sampleLimit = 1_000

export async function startService(): Promise<RecordingService> {
  const byCase = new Map<number, Seen[]>()
  const foreign: Seen[] = []
  const malformed: string[] = []
  const sockets = new Set<Socket>()
  let serial = 0

  const note = (request: ReadRequest): Seen => {
    const seen = { ...request, serial: `s${serial++}.` }
    const id = Number(/^\/v1\/(\d+)-/.exec(request.target)?.[1] ?? Number.NaN)
    if (Number.isNaN(id)) {
      if (foreign.length < sampleLimit) foreign.push(seen)
      return seen
    }
    const list = byCase.get(id)
    if (list === undefined) byCase.set(id, [seen])
    else list.push(seen)
    return seen
  }

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
    let bytes = ''
    let strictly = ''
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      const strict = readRequests(strictly + text, 'strict')
      strictly = strict.rest
      if (strict.fault !== undefined) {
        if (malformed.length < sampleLimit)
          malformed.push(`${strict.fault}: ${JSON.stringify(strict.rest.slice(0, 200))}`)
        strictly = ''
      }
      const { requests, rest, fault } = readRequests(bytes + text, 'tolerant')
      bytes = rest
      for (const request of requests) socket.write(answer(note(request)))
      if (fault !== undefined) socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    seen: (id) => byCase.get(id) ?? [],
    foreign,
    malformed,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function answer({ method, serial }: Seen): string {
  const body = method === 'HEAD' ? '' : 'ok'
  return `HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-seen: ${serial}\r\n\r\n${body}`
}
