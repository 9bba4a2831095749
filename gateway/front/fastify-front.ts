import { type IncomingMessage, METHODS, type RequestListener, type Server, type ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import { Exchange } from '../exchange.ts'
import type { Pipeline } from '../pipeline.ts'
import { problemAnswer } from '../pipeline.ts'
import { RequestBody } from '../request-body.ts'
import { createListener, type ListenerOptions } from './listener.ts'
import { LiveExchanges } from './live-exchanges.ts'
import type { RequestIds } from './request-ids.ts'
import { breakOff, send } from './send.ts'

export interface FrontOptions extends Omit<ListenerOptions, 'malformed'> {
  readonly pipeline: Pipeline
  readonly clock: Clock
  readonly background: Background
  readonly ids: RequestIds
  /** Exchanges under way at once, a process; beyond it 503 `overloaded`. */
  readonly maxInFlight: number
}

export interface Front {
  readonly app: FastifyInstance
  readonly server: Server
  readonly inFlight: number
  /** From now on each answer closes its connection, so that clients find another process. */
  drain(): void
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/**
 * The public listener: Fastify takes the connection and hands every request on, whatever its method and target. It sees one
 * constant path, so it can neither refuse, decode nor normalise what the client wrote; the pipeline gets the raw bytes.
 */
export function fastifyFront(options: FrontOptions): Front {
  const { pipeline, clock, background, ids, maxInFlight } = options
  const live = new LiveExchanges()
  let draining = false

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const x = exchangeOf(request, response, ids.next(), clock.monotonic())
    live.begin(x, request)
    response.once('close', () => {
      if (!response.writableFinished) x.leave()
      live.end(x)
    })
    const answer =
      live.size > maxInFlight
        ? problemAnswer(problems['overloaded']({ what: 'this gateway', retryAfterS: 1 }), x)
        : await pipeline.answer(x)
    const closing = draining && !answer.close ? { ...answer, close: true } : answer
    try {
      send(x, response, closing, (ending) => pipeline.closed(x, answer, ending))
    } catch (cause) {
      // Nobody would ever end this answer: the client must not wait for it.
      breakOff(response)
      throw cause
    }
    if (!x.body.complete) limitLeftover(x, request, response)
  }

  let handler: RequestListener | undefined
  const server = createListener({ ...options, malformed: (...gone) => live.malformed(...gone) }, (request, response) =>
    handler?.(request, response),
  )
  server.on('connection', (socket) => socket.once('close', () => live.closed(socket)))
  const app = Fastify({
    serverFactory: (route) => {
      handler = route
      return server
    },
    rewriteUrl: () => '/',
    // The listener answers what the parser refuses; two answers on one socket would be worse than none.
    clientErrorHandler: () => {},
    return503OnClosing: false,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
  })
  // Fastify must not parse a body: it is the pipeline's, and streams.
  for (const method of METHODS)
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.route({
    method: METHODS.filter((method) => method !== 'CONNECT'),
    url: '/',
    handler: (request, reply) => {
      reply.hijack()
      background.run('serve a request', serve(request.raw, reply.raw))
    },
  })

  return {
    app,
    server,
    get inFlight() {
      return live.size
    },
    drain: () => {
      draining = true
    },
    idle: () => live.idle(),
  }
}

function exchangeOf(request: IncomingMessage, response: ServerResponse, id: string, now: number): Exchange {
  const {
    rawHeaders,
    method = '',
    originalUrl = '',
    httpVersion,
    socket,
  } = request as IncomingMessage & { originalUrl?: string }
  return new Exchange(
    {
      method,
      target: originalUrl,
      version: httpVersion,
      headers: rawHeaders,
      body: bodyOf(request, response),
      peer: socket.remoteAddress ?? '',
      secure: 'encrypted' in socket,
    },
    id,
    now,
  )
}

function bodyOf(request: IncomingMessage, response: ServerResponse): RequestBody {
  const { 'content-length': length, 'transfer-encoding': coding, expect } = request.headers
  const bytes = length === undefined ? undefined : Number(length)
  const present = coding !== undefined || (bytes !== undefined && bytes > 0)
  const waits = expect !== undefined && request.httpVersion === '1.1'
  return new RequestBody(request, present, bytes, waits ? () => response.writeContinue() : undefined)
}

/** How long a client may go on with an upload whose answer it already has. */
const leftoverMs = 1_000

/** An answer came before the upload ended: a short rest is read and dropped, so that the client sees the answer; no more. */
function limitLeftover(x: Exchange, request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return
    x.body.discard()
    const timer = setTimeout(() => request.socket.destroy(), leftoverMs)
    request.once('close', () => clearTimeout(timer))
    request.once('end', () => clearTimeout(timer))
  })
}
