import { type IncomingMessage, METHODS, type RequestListener, type Server, type ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import { headers } from '#routes/messages.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import { type Answer, isStream } from '../answer.ts'
import type { BodyPace } from '../body-clock.ts'
import { problems } from '../errors.ts'
import { Exchange, type Incoming } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { Ending } from '../phase.ts'
import { type Answers, problemAnswer } from '../pipeline.ts'
import { type BodyTiming, RequestBody } from '../request-body.ts'
import { isTooMuchLeft, limitLeftover } from './leftover.ts'
import { createListener, type ListenerOptions } from './listener.ts'
import { LiveExchanges } from './live-exchanges.ts'
import type { RequestIds } from './request-ids.ts'
import { breakOff, type Sending, send } from './send.ts'
import { Turns } from './turns.ts'

export interface FrontOptions extends Omit<ListenerOptions, 'malformed' | 'owes' | 'declined'>, Sending {
  readonly pipeline: Answers
  readonly clock: Clock
  readonly background: Background
  readonly ids: RequestIds
  /** Exchanges under way at once, a process; beyond it 503 `overloaded`. */
  readonly maxInFlight: number
  readonly pace: BodyPace
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
  const { pipeline, background, ids, maxInFlight, connections } = options
  const live = new LiveExchanges()
  const declined = new WeakSet<IncomingMessage>()
  const turns = new Turns(() => options.refused.inc({ code: 'overloaded' }))
  let draining = false

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const x = exchangeOf(request, response, ids.next(), options)
    const { socket } = request
    live.begin(x, socket)
    response.once('close', () => {
      if (!response.writableFinished) x.leave()
      live.end(x, socket)
    })
    const answer = live.size > maxInFlight ? tooMany(x) : await pipeline.answer(x)
    if (x.mark !== undefined) connections.vouch(x.peer)
    const tunnel = answer.status === 101
    const tooMuchLeft = !x.body.complete && isTooMuchLeft(x.body)
    const last = (draining && !tunnel) || tooMuchLeft || declined.has(request)
    const closing = last && !answer.close ? { ...answer, close: true } : answer
    let over = false
    const ended = (ending: Ending): void => {
      if (over) return
      over = true
      pipeline.closed(x, answer, ending)
    }
    try {
      send(x, response, closing, ended, options)
      // No request any more: tunnels have limits, and an end, of their own.
      if (tunnel) live.end(x, socket)
    } catch (cause) {
      // Nobody would ever end this answer: neither the client nor the service must wait for it, nor who counts it.
      breakOff(response)
      if (isStream(answer.body)) answer.body.cancel(unwritable)
      answer.tunnel?.destroy()
      ended('upstream-truncated')
      throw cause
    }
    if (!x.body.complete) limitLeftover(x.body, request, response)
  }

  let handler: RequestListener | undefined
  const server = createListener(
    {
      ...options,
      malformed: (...gone) => live.malformed(...gone),
      owes: (socket) => live.owes(socket),
      declined: (request) => declined.add(request),
    },
    (request, response) => handler?.(request, response),
  )
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
      const start = () => background.run('serve a request', serve(request.raw, reply.raw))
      // Pipelined: an earlier answer may yet close the connection, because what follows cannot be trusted to be a request.
      // So each waits for its turn.
      if (reply.raw.socket === null) turns.wait(request.raw.socket, reply.raw, start)
      else start()
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

/** No mark is verified by then. Only to an edge the field says anything: what is too much here is not to come to another site. */
function tooMany(x: Exchange): Answer {
  const answer = problemAnswer(problems['overloaded']({ what: 'this gateway', retryAfterS: 1 }), x)
  if (x.names.includes(headers.edge)) answer.headers.push(headers.failover, 'no')
  return answer
}

const unwritable = new Error('the answer cannot be written')

function exchangeOf(request: IncomingMessage, response: ServerResponse, id: string, timing: BodyTiming): Exchange {
  const {
    rawHeaders,
    method = '',
    originalUrl = '',
    httpVersion,
    socket,
    upgrade,
  } = request as IncomingMessage & { originalUrl?: string; upgrade?: boolean }
  const x: Exchange = new Exchange(
    {
      method,
      target: originalUrl,
      version: httpVersion,
      headers: rawHeaders,
      // An edge takes a `100` for the whole answer, and has never asked for one itself.
      body: bodyOf(request, timing, () => x.isDirect && response.writeContinue()),
      peer: socket.remoteAddress ?? '',
      secure: 'encrypted' in socket,
      upgrade: upgrade === true ? 'websocket' : undefined,
      inform: httpVersion === '1.1' ? informer(response) : undefined,
    },
    id,
    timing.clock.monotonic(),
  )
  return x
}

/** Node has it, its types do not. A late one is dropped: behind the head of the answer there is no place for it. */
function informer(response: ServerResponse): Incoming['inform'] {
  const raw = response as ServerResponse & { writeInformation(status: number, headers: HeaderPairs): void }
  return (status, headers) => {
    if (!response.headersSent && !response.destroyed) raw.writeInformation(status, headers)
  }
}

function bodyOf(request: IncomingMessage, timing: BodyTiming, goOn: () => void): RequestBody {
  const { 'content-length': written, 'transfer-encoding': coding, expect } = request.headers
  const length = written === undefined ? undefined : Number(written)
  const present = coding !== undefined || (length !== undefined && length > 0)
  const waits = expect !== undefined && request.httpVersion === '1.1'
  return new RequestBody(request, { present, length }, timing, waits ? goOn : undefined)
}
