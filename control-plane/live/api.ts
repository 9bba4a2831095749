import type { FastifyInstance } from 'fastify'
import { askedRequest } from '#routes/asked-request.ts'
import { explain } from '#routes/explain.ts'
import { ExplainAnswer, ExplainBody, ProblemAnswer, StatusAnswer } from '../api-client/schema.ts'
import { problems } from '../errors.ts'
import type { Plane } from '../plane.ts'
import { EventStream } from './event-stream.ts'
import { status } from './status.ts'

const pingMs = 15_000
const readmitMs = 1_000

/** What is so now: status, the stream of changes, and why a request goes where it goes. */
export function liveApi(app: FastifyInstance, plane: Plane): void {
  app.get(
    '/api/v1/status',
    {
      config: { access: { kind: 'operator', action: 'status.read' } },
      schema: { summary: 'Programs, numbers, moves under way', response: { 200: StatusAnswer } },
    },
    () => status(plane),
  )

  app.get(
    '/api/v1/events',
    {
      config: { access: { kind: 'operator', action: 'status.read' } },
      schema: { summary: 'Changes as they happen (server-sent events); resumes by Last-Event-ID' },
    },
    async (request, reply) => {
      plane.events.checkRoom()
      const header = request.headers['last-event-id']
      const lastId = typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined
      const { seq } = await plane.store.records.audit.head()
      const stream = new EventStream(reply, pingMs)
      plane.events.attach(stream, lastId, seq)
      // A token that is revoked reads nothing more, also not on what it opened before.
      const watch = setInterval(() => {
        if (!request.stillAdmitted?.()) stream.cut()
      }, readmitMs).unref()
      stream.onClose(() => clearInterval(watch))
    },
  )
  app.addHook('preClose', async () => plane.events.close())

  app.post<{ Body: ExplainBody }>(
    '/api/v1/explain',
    {
      config: { access: { kind: 'operator', action: 'request.explain' } },
      schema: {
        summary: 'Which site would serve a request, and why',
        body: ExplainBody,
        response: { 200: ExplainAnswer, default: ProblemAnswer },
      },
    },
    async (request): Promise<ExplainAnswer> => {
      const { table } = plane.feed
      if (table === undefined) throw problems['no-table']()
      const { decision, readings, sentences } = explain(table, askedRequest(request.body))
      const { site, because, route, effect, epoch, bucket, target } = decision
      return {
        site,
        because,
        ...(route === undefined ? {} : { route: route.id, service: route.service, unit: route.unit }),
        effect,
        epoch,
        ...(bucket === undefined ? {} : { bucket }),
        refused: decision.refused || readings === 'too-many',
        key: target.key,
        table: { structure: table.structure.number, placements: table.placements.number },
        sentences: [...sentences],
      }
    },
  )
}
