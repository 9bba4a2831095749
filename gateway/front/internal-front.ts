import Fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from 'fastify'
import type { AskedRequest } from '#routes/asked-request.ts'
import { paths, type TokenAnswer } from '#routes/messages.ts'
import { problemMediaType } from '#routes/problem.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { asProblem, installProblemReplies, problemReply } from '#server-kit/problem-reply.ts'
import type { TokenStores } from '../auth/open-token-stores.ts'
import { problems } from '../errors.ts'
import type { TableHolder } from '../fence/table-holder.ts'
import type { Credentials, InternalCall, InternalScope } from '../internal/credentials.ts'
import { explainRequest } from '../internal/explain-request.ts'
import { jsonObjectIn } from '../internal/json-object.ts'
import { keepBytes } from '../internal/keep-bytes.ts'
import { gatewayStatus, type StatusOptions } from '../internal/status.ts'
import type { RequestIds } from './request-ids.ts'

export interface InternalFrontOptions {
  readonly credentials: Credentials
  readonly status: StatusOptions
  readonly metrics: Metrics
  readonly holder: TableHolder
  /** This site's own, of the configuration in force. */
  readonly tokens: () => TokenStores | undefined
  /** Asks this process to end in order; false when it already does. */
  readonly drain: () => boolean
  readonly inFlight: () => number
  readonly ids: RequestIds
  readonly log: Log
  /** Further APIs on this listener, each with its own credentials. */
  readonly plugins: readonly FastifyPluginAsync[]
}

const bodyLimitBytes = 256 * 1024

/** The internal listener: never exposed, and closed all the same: only `/health/live` answers without a credential. */
export async function internalFront(options: InternalFrontOptions): Promise<FastifyInstance> {
  const { credentials, status, metrics, holder, tokens, log } = options
  const app = Fastify({
    bodyLimit: bodyLimitBytes,
    genReqId: () => options.ids.next(),
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // A target that the router cannot decode reaches no handler, and is answered like all else.
    frameworkErrors: (error, request, reply) => {
      const problem = asProblem(error)
      // Its type knows only bodies of routes, and no route was found.
      const answer = reply as unknown as FastifyReply
      void answer
        .code(problem.status)
        .type(problemMediaType)
        .send(problemReply(problem, request.id, 'operator'))
    },
  })
  installProblemReplies(app, { audience: 'operator', log })

  app.get('/health/live', async () => ({ live: true }))
  await app.register(async (api) => {
    keepBytes(api)
    const operator = (scope: InternalScope) => (request: FastifyRequest) =>
      credentials.requireOperator(callOf(request), scope)

    api.get('/health/ready', { preHandler: operator('status') }, async (_, reply) => {
      const state = status.state()
      const ready = state === 'ready' && holder.current !== undefined
      return reply.code(ready ? 200 : 503).send({ ready, state, table: holder.numbers !== undefined })
    })
    api.get('/metrics', { preHandler: operator('metrics') }, async (_, reply) => {
      const text = await metrics.text()
      return reply.type(metrics.contentType).send(text)
    })
    api.get<{ Querystring: { documents?: string } }>(paths.gatewayStatus, async (request) => {
      const documents = request.query.documents === '1'
      await credentials.requireReader(callOf(request), documents)
      return gatewayStatus(status, documents)
    })
    api.post('/gateway/v1/explain', { preHandler: operator('explain') }, async (request) =>
      explainRequest(holder.current, status.site, questionOf(request)),
    )
    api.get('/gateway/v1/drain', { preHandler: operator('drain') }, async () => ({
      state: status.state(),
      inFlight: options.inFlight(),
    }))
    api.post('/gateway/v1/drain', { preHandler: operator('drain') }, async (_, reply) => {
      const begun = options.drain()
      return reply.code(202).send({ begun, inFlight: options.inFlight() })
    })
    api.post(paths.tokensFind, async (request): Promise<TokenAnswer> => {
      if (!(await credentials.isPeer(callOf(request))))
        throw problems['internal-call-refused']({ because: 'not a peer gateway' })
      const { token, by } = jsonOf(request) as { token?: unknown; by?: unknown }
      if (typeof token !== 'string') throw problems['internal-request-invalid']({ because: 'a token is missing' })
      // This site's own store alone: two sites that ask each other must not go round in circles.
      const caller = await tokens()?.[by === 'api-key' ? 'api-key' : 'token']?.find(token)
      return caller === undefined ? { known: false } : { known: true, caller }
    })
  })
  for (const plugin of options.plugins) await app.register(plugin)
  return app
}

export function callOf(request: FastifyRequest): InternalCall {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  return { method: request.method, target: request.raw.url ?? '', headers: request.headers, body }
}

function questionOf(request: FastifyRequest): AskedRequest {
  const { method, url, headers: fields = {}, country } = jsonOf(request) as { [Name in keyof AskedRequest]?: unknown }
  const known = typeof method === 'string' && typeof url === 'string' && /^https?:\/\/[^/?]+/i.test(url)
  const mapping =
    typeof fields === 'object' && fields !== null && Object.values(fields).every((value) => typeof value === 'string')
  const placed = country === undefined || (typeof country === 'string' && /^[A-Z]{2}$/.test(country))
  if (!known || !mapping || !placed)
    throw problems['internal-request-invalid']({ because: 'expected { method, url, headers?, country? }' })
  return { method, url, headers: fields as Record<string, string>, ...(country === undefined ? {} : { country }) }
}

function jsonOf(request: FastifyRequest): object {
  const value = jsonObjectIn(request.body)
  if (value !== undefined) return value
  throw problems['internal-request-invalid']({ because: 'the body is not a JSON object' })
}
