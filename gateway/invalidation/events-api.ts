import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { DeadEventsAnswer, EventReplay, EventsAnswer } from '#routes/gateway-answers.ts'
import { problems } from '../errors.ts'
import type { InternalScope } from '../internal/credentials.ts'
import { jsonObjectIn } from '../internal/json-object.ts'
import { keepBytes } from '../internal/keep-bytes.ts'
import type { EventSource } from './event-source.ts'
import type { Replays } from './replay.ts'

export interface EventsApiOptions {
  readonly instance: string
  /** Undefined: no stream is read here. */
  readonly source: EventSource | undefined
  readonly replays: Replays | undefined
  /** Throws for whoever may not. */
  readonly require: (request: FastifyRequest, scope: InternalScope) => Promise<void>
}

const shownDead = 100
/** Of Redis, and nothing else. */
const idForm = /^\d{1,20}-\d{1,20}$/

/** Fastify plugin: how far events are behind, those that could not be applied, and applying some once more. */
export async function eventsApi(app: FastifyInstance, options: EventsApiOptions): Promise<void> {
  const { instance, replays, require } = options
  const toRead = { preHandler: (request: FastifyRequest) => require(request, 'status') }
  const toOperate = { preHandler: (request: FastifyRequest) => require(request, 'operate') }
  const source = (): EventSource => {
    if (options.source === undefined) throw problems['events-source-absent']()
    return options.source
  }
  keepBytes(app)

  app.get('/gateway/v1/events', toRead, async (): Promise<EventsAnswer> => {
    const replay = replays?.newest
    return { instance, source: source().name, ...source().status(), ...(replay && { replay }) }
  })

  app.get(
    '/gateway/v1/events/dead',
    toRead,
    async (): Promise<DeadEventsAnswer> => ({ dead: await source().dead(shownDead) }),
  )

  app.post<{ Params: { id: string } }>('/gateway/v1/events/dead/:id/retry', toOperate, async ({ params: { id } }) => {
    const outcome = idForm.test(id) ? await source().retry(id) : 'unknown'
    if (outcome === 'unknown') throw problems['event-unknown']({ id: idForm.test(id) ? id : 'that was given' })
    return { id, outcome }
  })

  app.post('/gateway/v1/events/replay', toOperate, async (request, reply): Promise<EventReplay> => {
    source()
    const { from, to } = rangeIn(request.body)
    const begun = await replays?.begin(from, to)
    if (begun === undefined) throw problems['events-source-absent']()
    reply.code(202)
    return begun
  })
}

/** Unix ms. */
function rangeIn(body: unknown): { readonly from: number; readonly to: number } {
  const { from, to } = jsonObjectIn(body) ?? {}
  const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
  if (isTime(from) && isTime(to) && from <= to) return { from, to }
  throw problems['internal-request-invalid']({ because: 'expected { from, to }, ms since 1970' })
}
