import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Problem, problemMediaType, publicBody } from '#routes/problem.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { Connections } from './connections.ts'
import { part } from './parting.ts'
import type { RequestIds } from './request-ids.ts'

export interface ListenerOptions {
  /** Cloudflare keeps idle origin connections 900 s; ours must not close first, or a POST is lost. Default 910,000 ms. */
  readonly idleMs: number
  /** For a head to come, ms. */
  readonly headMs: number
  /** Of all fields of a head; beyond it 431. */
  readonly headBytes: number
  /** Of a target; beyond it 414. Of both together; beyond it 431. */
  readonly targetBytes: number
  readonly connections: Connections
  readonly ids: RequestIds
  /** Decides when `say` may answer what the parser gave up on: earlier requests of the connection are owed theirs. */
  readonly malformed: (socket: Duplex, problem: Problem, say: () => void) => void
  /**
   * An upgrade became an ordinary request, whose answer must be the connection's last: Node's parser loses what stands behind it
   * in its packet, and would take what follows for a request, though it may be the body of one that was lost.
   */
  readonly declined: (request: IncomingMessage) => void
  /** Answers to earlier requests of the connection are still to come. */
  readonly owes: (socket: Duplex) => boolean
  /** Requests that never became an exchange, by code. */
  readonly refused: Counter<'code'>
}

/** Codes of requests that the parser itself refused. */
export const parserCodes = [
  'client-too-slow',
  'framing-invalid',
  'headers-too-large',
  'method-refused',
  'overloaded',
  'version-unsupported',
] as const

/** For the method, the version and the marks between fields. */
const headSlackBytes = 1_024

/** The HTTP/1.1 server under a front: socket limits, and an answer for each thing the parser refuses. */
export function createListener(
  options: ListenerOptions,
  take: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const { ids, refused, connections } = options
  // The parser may be in the midst of a packet when the last answer goes out: what it still finds there is not to be trusted.
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (!request.socket.writableEnded) take(request, response)
  }
  const server = createServer(
    {
      keepAliveTimeout: options.idleMs,
      headersTimeout: options.headMs,
      // Uploads may be long; what is too slow is for a body clock, not for a limit on the whole.
      requestTimeout: 0,
      connectionsCheckingInterval: 100,
      // Above both limits of ours, so that what is too long is told apart (`framing`, `target`).
      maxHeaderSize: options.headBytes + options.targetBytes + headSlackBytes,
      // Ours answers with a code; Node's own refusal has no body.
      requireHostHeader: false,
      // What else names a protocol is an ordinary request: no tunnel leads around its refusal (RFC 9110 section 7.8). Behind
      // an answer that is still to come a tunnel's first bytes would get before it.
      shouldUpgradeCallback: (request) => {
        const wanted = isWebSocket(request) && !options.owes(request.socket)
        if (!wanted) options.declined(request)
        return wanted
      },
      noDelay: true,
    },
    serve,
  )
  // A client may close its half of the connection behind a complete request and still read (RFC 9112 section 9.6); Node
  // would end ours at once. The property is not in its types.
  Object.assign(server, { httpAllowHalfOpen: true })
  // Our own limit on fields answers 431 (`intake/framing.ts`); Node's drops the excess silently.
  server.maxHeadersCount = 0
  // Else Node says `100 Continue` before anybody has decided to read the upload.
  server.on('checkContinue', serve)
  server.on('checkExpectation', serve)
  server.on('upgrade', (request, socket, head) => serve(request, answerTo(request, socket, head)))
  server.on('connect', (_, socket) => {
    const problem = problems['method-refused']({ allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' })
    options.malformed(socket, problem, () => refuse(socket, problem))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A client that went away is no fault, and there is nobody to answer.
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const problem = parserProblem(error)
    options.malformed(socket, problem, () => refuse(socket, problem))
  })

  // A connection beyond the limits gets its answer without a parser, which might find a request in it and answer that as well.
  const [parse] = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? ''
    socket.on('error', noFault)
    if (!connections.admit(address)) {
      refuse(socket, problems['overloaded']({ what: 'the connections of a client or this process', retryAfterS: 1 }))
      return
    }
    socket.once('close', () => connections.leave(address))
    // Node calls it behind a connection's last answer.
    socket.destroySoon = () => part(socket)
    parse?.call(server, socket)
  })

  const refuse = (socket: Duplex, problem: Problem): void => {
    // Its last answer is out.
    if (socket.writableEnded) return
    refused.inc({ code: problem.code })
    part(socket, rawAnswer(problem, ids.next()))
  }
  return server
}

/** The one protocol that a client may change to, in the one form of RFC 6455 section 4.2.1; a body has no place there. */
function isWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-key'] !== undefined &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  )
}

/**
 * Node hands over the bare socket: it gets an answer as any other request has, which is its last, unless with 101 the socket
 * goes on as a tunnel. What came behind the head is the first that is read from it.
 */
function answerTo(request: IncomingMessage, socket: Duplex, head: Buffer): ServerResponse {
  if (head.length > 0) socket.unshift(head)
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(request.socket)
  // The server has let go of the socket, and tells no answer any more when it may go on.
  socket.on('drain', tellAnswer)
  response.once('finish', () => {
    if (response.statusCode !== 101) part(socket)
  })
  return response
}

function tellAnswer(this: Duplex & { readonly _httpMessage?: ServerResponse | null }): void {
  this._httpMessage?.emit('drain')
}

/** A client that breaks its connection has done nothing wrong, and Node closes the socket. Unheard, it would end the process. */
function noFault(): void {}

function parserProblem(error: NodeJS.ErrnoException): Problem {
  // Beyond both limits together the parser does not say which one it was.
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return problems['headers-too-large']({ limit: 'the limit of the head', cause: error })
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return problems['client-too-slow']({ cause: error })
  if (error.code === 'HPE_INVALID_VERSION')
    return problems['version-unsupported']({ version: 'that no server has', cause: error })
  return problems['framing-invalid']({ because: error.message, cause: error, close: true })
}

function rawAnswer(problem: Problem, requestId: string): string {
  const body = JSON.stringify(publicBody(problem.code, problem.status, requestId))
  const { allow, retryAfterS } = problem.facts
  const fields = [
    `HTTP/1.1 ${problem.status} Refused`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...(typeof allow === 'string' ? [`allow: ${allow}`] : []),
    ...(typeof retryAfterS === 'number' ? [`retry-after: ${retryAfterS}`] : []),
  ]
  return `${fields.join('\r\n')}\r\n\r\n${body}`
}
