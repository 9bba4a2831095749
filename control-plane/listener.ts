import cookie from '@fastify/cookie'
import Fastify, { type FastifyInstance } from 'fastify'
import { operatorBody, Problem, problemMediaType } from '#routes/problem.ts'
import type { Log } from '#server-kit/log.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import type { Random } from '#server-kit/random.ts'
import { type GateOptions, installGate } from './access/gate.ts'

const bodyLimitBytes = 1024 * 1024

/**
 * A listener on which every endpoint is closed until it says who may call it, bodies are kept as they came (signatures
 * cover their bytes), and refusals are problem+json.
 */
export async function createListener(gate: GateOptions, log: Log, random: Random): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: 60_000,
    // Longer than callers keep idle connections, so that a call never meets a closing one.
    keepAliveTimeout: 72_000,
    genReqId: () => random.id(),
    forceCloseConnections: 'idle',
    // What is sent is what is meant: nothing is turned into another type, and nothing unknown is dropped in silence.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
  })
  installProblemReplies(app, { audience: 'operator', log })
  // Schemas of answers are for readers of the API; answers are made of typed values.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  keepRawBodies(app)
  await app.register(cookie)
  // Answers are for their caller and for this moment: no proxy or browser may keep them.
  app.addHook('onSend', async (_, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
  })
  installGate(app, gate)
  return app
}

/** Listens nowhere any more; resolves when the answers under way are given. */
export async function closeListener(app: FastifyInstance): Promise<void> {
  // A connection whose last answer ends after the close began stays open for its keep-alive time otherwise.
  const timer = setInterval(() => app.server.closeIdleConnections(), 50)
  try {
    await app.close()
  } finally {
    clearInterval(timer)
  }
}

/** Within `app`: problems that have more to show than words (faults, the other's change) show it. */
export function showMore(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof Problem) || typeof error.facts['show'] !== 'object') throw error
    return reply
      .status(error.status)
      .type(problemMediaType)
      .send({ ...operatorBody(error, request.id), ...error.facts['show'] })
  })
}

function keepRawBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    request.rawBody = body as Buffer
    // A POST that needs no body may come with the content type alone.
    if (body.length === 0) done(null, null)
    // Fastify's own parser answers by `done`; its type allows a promise that this one never gives.
    else void parse(request, body.toString('utf8'), done)
  })
}
