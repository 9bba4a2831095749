/** An HTTP/1.1 origin on bare TCP: keeps the exact bytes that came, answers the exact bytes that a test wrote. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { eventually } from './eventually.ts'

export interface RecordedRequest {
  /** From the first byte to the empty line and with it, one character a byte. */
  readonly head: string
  /** As sent: with chunk sizes when it was chunked. */
  readonly body: Buffer
  /** Which connection, counted from 1. */
  readonly connection: number
  /** False while it has not wholly come. */
  readonly complete: boolean
  /** True once the client went away before it had the whole answer. */
  readonly aborted: boolean
}

export interface Answer {
  /** Exact bytes; a text is one byte a character. Pieces of an iterable are sent as they come. */
  readonly bytes: string | Uint8Array | AsyncIterable<string | Uint8Array>
  /** Default `keep`. */
  readonly after?: 'keep' | 'close' | 'reset'
}

export type Script = (request: RecordedRequest, number: number) => Answer | Promise<Answer>

export interface RecordingUpstream extends AsyncDisposable {
  readonly port: number
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly requests: readonly RecordedRequest[]
  /** Connections accepted so far. */
  readonly connections: number
  /** Of them, those that are open now. */
  readonly open: number
  /** Resolves with the `count`th request when it has come. */
  received(count: number, deadlineMs?: number): Promise<RecordedRequest>
  close(): Promise<void>
}

type Draft = { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] }

const requestLimit = 100_000
const bytesLimit = 64 * 1024 * 1024

/** A small whole answer. */
export function ok(body: string, headers: readonly string[] = []): Answer {
  const fields = [`content-length: ${Buffer.byteLength(body)}`, ...headers].join('\r\n')
  return { bytes: Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`, 'utf8') }
}

/** Asks `script` for each answer: when the request is whole, or as soon as its head is there (`answerAt: 'head'`). */
export async function startRecordingUpstream(
  script: Script,
  { answerAt = 'end' as 'head' | 'end' } = {},
): Promise<RecordingUpstream> {
  const requests: Draft[] = []
  const sockets = new Set<Socket>()
  let connections = 0

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    // A client that breaks off is what a test wants to see; it is kept in `aborted`.
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
    serve(socket, ++connections, script, answerAt, requests)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const close = async (): Promise<void> => {
    server.close()
    for (const socket of sockets) socket.destroy()
    if (server.listening || sockets.size > 0) await once(server, 'close')
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
    received: (count, deadlineMs = 5000) =>
      eventually(() => requests[count - 1], { deadlineMs, what: `request ${count} at the recording upstream` }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function serve(socket: Socket, connection: number, script: Script, answerAt: 'head' | 'end', requests: Draft[]): void {
  let buffered = Buffer.alloc(0)
  let current: Draft | undefined
  let answering = Promise.resolve()

  const answer = (request: Draft): void => {
    const number = requests.indexOf(request) + 1
    answering = answering.then(() => reply(socket, request, script, number))
  }
  const step = (): boolean => {
    if (current === undefined) {
      const end = buffered.indexOf('\r\n\r\n')
      if (end < 0) return false
      current = {
        head: buffered.toString('latin1', 0, end + 4),
        body: Buffer.alloc(0),
        connection,
        complete: false,
        aborted: false,
      }
      buffered = buffered.subarray(end + 4)
      if (requests.length < requestLimit) requests.push(current)
      if (answerAt === 'head') answer(current)
    }
    const length = bodyLength(current.head, buffered)
    current.body = Buffer.from(buffered.subarray(0, length ?? buffered.length))
    if (length === undefined || buffered.length < length) return false
    buffered = buffered.subarray(length)
    current.complete = true
    if (answerAt === 'end') answer(current)
    current = undefined
    return buffered.length > 0
  }

  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk])
    if (buffered.length > bytesLimit) socket.resetAndDestroy()
    while (step());
  })
  socket.once('close', () => {
    if (current !== undefined) current.aborted = true
  })
}

async function reply(socket: Socket, request: Draft, script: Script, number: number): Promise<void> {
  const { bytes, after = 'keep' } = await script(request, number)
  const pieces = typeof bytes === 'string' || bytes instanceof Uint8Array ? [bytes] : bytes
  for await (const piece of pieces) {
    if (socket.destroyed) break
    const whole = socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
    // One that breaks off is seen by `destroyed`.
    if (!whole) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
  }
  if (socket.destroyed) request.aborted = true
  else if (after === 'close') socket.end()
  else if (after === 'reset') socket.resetAndDestroy()
}

/** RFC 9112 section 6.3; `undefined`: its end has not come yet. */
function bodyLength(head: string, rest: Buffer): number | undefined {
  if (/\r\ntransfer-encoding:[^\r]*chunked/i.test(head)) return chunkedLength(rest)
  return Number(/\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1] ?? 0)
}

function chunkedLength(rest: Buffer): number | undefined {
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    if (size === 0) {
      // Trailers end with an empty line; without trailers it follows at once.
      const end = rest.indexOf('\r\n\r\n', lineEnd)
      return end < 0 ? undefined : end + 4
    }
    at = lineEnd + 2 + size + 2
    if (at > rest.length) return undefined
  }
}
