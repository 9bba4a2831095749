import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { HopsAnswer } from '#routes/gateway-answers.ts'
import { parseDuration } from '#routes/quantity.ts'
import type { Table } from '#routes/table.ts'
import type { Recorder } from '../account/recorder.ts'
import { problems } from '../errors.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { InternalScope } from './credentials.ts'
import { jsonObjectIn } from './json-object.ts'
import { keepBytes } from './keep-bytes.ts'
import { routeRows } from './route-rows.ts'

export interface OperationsApiOptions {
  readonly table: () => Table | undefined
  /** Of the configuration in force. */
  readonly upstreams: () => Upstreams | undefined
  readonly recorder: () => Recorder | undefined
  /** Asks each instance once, and watches its idle connection for so long, ms. */
  readonly hops: (watchMs: number) => Promise<HopsAnswer>
  /** Reads the configuration again; false when it was refused. Undefined where nobody watches a file. */
  readonly reload: (() => Promise<boolean>) | undefined
  /** Throws for whoever may not. */
  readonly require: (request: FastifyRequest, scope: InternalScope) => Promise<void>
}

const longestEjectS = 3_600
const longestWatchMs = 20_000

/** What operators look at and turn in one process: routes, services and their instances, what traffic uses. */
export const operationsApi: FastifyPluginAsync<OperationsApiOptions> = async (app, options) => {
  const { table, upstreams, recorder, hops, reload, require } = options
  const toRead = { preHandler: (request: FastifyRequest) => require(request, 'status') }
  const toOperate = { preHandler: (request: FastifyRequest) => require(request, 'operate') }

  let watching: Promise<HopsAnswer> | undefined

  keepBytes(app)
  app.get<{ Querystring: { q?: unknown } }>('/gateway/v1/routes', toRead, async ({ query }) =>
    routeRows(table(), typeof query.q === 'string' ? query.q : ''),
  )
  app.get('/gateway/v1/upstreams', toRead, async () => ({ upstreams: upstreams()?.status() ?? [] }))
  app.get('/gateway/v1/retries', toRead, async () => ({
    retries: (upstreams()?.status() ?? []).map(({ service, retries }) => ({ service, ...retries })),
  }))
  app.get<{ Querystring: { unit?: unknown } }>('/gateway/v1/recorder', toRead, async ({ query }) => ({
    routes: recorder()?.records(typeof query.unit === 'string' ? query.unit : undefined) ?? [],
  }))

  app.get<{ Querystring: { watch?: unknown } }>('/gateway/v1/hops', toRead, async ({ query }) => {
    const watchMs = parseDuration(typeof query.watch === 'string' ? query.watch : '1s')
    if (watchMs === undefined || watchMs > longestWatchMs)
      throw problems['internal-request-invalid']({ because: `expected ?watch= of at most ${longestWatchMs / 1_000}s` })
    // It holds a connection to each instance for so long: who asks meanwhile gets the answer of that one.
    watching ??= hops(watchMs).finally(() => {
      watching = undefined
    })
    return watching
  })

  app.post<{ Params: { id: string } }>('/gateway/v1/upstreams/:id/eject', toOperate, async (request) => {
    const seconds = secondsOf(request.body)
    const outcome = upstreams()?.eject(request.params.id, seconds) ?? 'unknown'
    if (outcome === 'unknown') throw problems['internal-request-invalid']({ because: 'no instance has this id' })
    return { outcome, seconds }
  })
  app.post('/gateway/v1/reload', toOperate, async (_, reply) => {
    if (reload === undefined) throw problems['internal-request-invalid']({ because: 'no file is watched here' })
    const applied = await reload()
    return reply.code(applied ? 200 : 409).send({ applied })
  })
}

function secondsOf(body: unknown): number {
  const seconds = jsonObjectIn(body)?.['seconds']
  if (typeof seconds === 'number' && seconds > 0 && seconds <= longestEjectS) return seconds
  throw problems['internal-request-invalid']({ because: `expected { seconds }, at most ${longestEjectS}` })
}
