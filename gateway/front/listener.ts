import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Problem, problemMediaType, publicBody } from '#routes/problem.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { RequestIds } from './request-ids.ts'

export interface ListenerOptions {
  /** Cloudflare keeps idle origin connections 900 s; ours must not close first, or a POST is lost. Default 910,000 ms. */
  readonly idleMs: number
  /** For a head to come, ms. */
  readonly headMs: number
  /** Of a head; a target or a field beyond it is 431. */
  readonly headBytes: number
  readonly maxConnections: number
  readonly ids: RequestIds
  /** Decides when `say` may answer what the parser gave up on: earlier requests of the connection are owed theirs. */
  readonly malformed: (socket: Duplex, problem: Problem, say: () => void) => void
  /** Requests that never became an exchange, by code. */
  readonly refused: Counter<'code'>
}

/** For a refusal to be read, ms. */
const refusalMs = 1_000

/** Codes of requests that the parser itself refused. */
export const parserCodes = ['framing-invalid', 'headers-too-large', 'client-too-slow', 'method-refused'] as const

/** The HTTP/1.1 server under a front: socket limits, and an answer for each thing the parser refuses. */
export function createListener(
  options: ListenerOptions,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const { ids, refused } = options
  const server = createServer(
    {
      keepAliveTimeout: options.idleMs,
      headersTimeout: options.headMs,
      // Uploads may be long; what is too slow is for a body clock, not for a limit on the whole.
      requestTimeout: 0,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: options.headBytes,
      // Ours answers with a code; Node's own refusal has no body.
      requireHostHeader: false,
      noDelay: true,
    },
    serve,
  )
  // A client may close its half of the connection behind a complete request and still read (RFC 9112 section 9.6); Node
  // would end ours at once. The property is not in its types.
  Object.assign(server, { httpAllowHalfOpen: true })
  server.maxConnections = options.maxConnections
  // Our own limit on fields answers 431 (`intake/framing.ts`); Node's drops the excess silently.
  server.maxHeadersCount = 0
  // Else Node says `100 Continue` before anybody has decided to read the upload.
  server.on('checkContinue', serve)
  server.on('checkExpectation', serve)
  server.on('connect', (_, socket) =>
    refuse(socket, problems['method-refused']({ allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' })),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A client that went away is no fault, and there is nobody to answer.
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const problem = parserProblem(error)
    options.malformed(socket, problem, () => refuse(socket, problem))
  })

  const refuse = (socket: Duplex, problem: Problem): void => {
    refused.inc({ code: problem.code })
    // Node has let go of this socket: a client that is gone already must not end the process.
    socket.on('error', () => socket.destroy())
    socket.end(rawAnswer(problem, ids.next()), () => socket.destroy())
    // Whoever does not read the answer does not keep the socket either.
    setTimeout(() => socket.destroy(), refusalMs).unref()
  }
  return server
}

function parserProblem(error: NodeJS.ErrnoException): Problem {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return problems['headers-too-large']({ limit: 'the limit of the head', cause: error })
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return problems['client-too-slow']({ cause: error })
  return problems['framing-invalid']({ because: error.message, cause: error, close: true })
}

function rawAnswer(problem: Problem, requestId: string): string {
  const body = JSON.stringify(publicBody(problem.code, problem.status, requestId))
  const { allow } = problem.facts
  const fields = [
    `HTTP/1.1 ${problem.status} Refused`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...(typeof allow === 'string' ? [`allow: ${allow}`] : []),
  ]
  return `${fields.join('\r\n')}\r\n\r\n${body}`
}
