import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import type { EventApplier } from './apply-events.ts'
import { messageLimitBytes } from './event.ts'
import type { EventMetrics } from './event-metrics.ts'

export interface WebhookOptions {
  readonly applier: EventApplier
  /** Who sends, in words for the log. Throws for whoever may not invalidate in the namespace. */
  readonly admit: (request: FastifyRequest, namespace: string) => Promise<string>
  /** Throws for whoever has no business here at all, before anything is read. */
  readonly known: (request: FastifyRequest) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Pick<EventMetrics, 'messages'>
}

const mediaType = /^application\/cloudevents(-batch)?\+json *(?:;|$)/i

/**
 * Fastify plugin: `POST /gateway/v1/events`, CloudEvents by HTTP, one or a batch. 202 once all of it is durable here and on
 * its way to the other sites; it needs no Redis. All events of a request, or none: what is wrong with each is told.
 */
export async function eventWebhook(app: FastifyInstance, options: WebhookOptions): Promise<void> {
  const { applier, admit, known, clock, log, metrics } = options

  // The bytes that came: a signature covers them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: messageLimitBytes }, (_, body: Buffer, done) => {
    done(null, body)
  })

  app.post<{ Body: Buffer | undefined }>('/gateway/v1/events', async (request, reply) => {
    const tookMs = clock.now()
    await known(request)
    const type = mediaType.exec(request.headers['content-type'] ?? '')
    if (type === null) throw problems['event-type-unknown']()
    const text = (request.body ?? Buffer.alloc(0)).toString()
    if (text.trimStart().startsWith('[') !== (type[1] !== undefined))
      throw problems['event-refused']({ because: 'a list is a batch, and an object a single event' })
    const plan = applier.plan(text)
    if (plan.kind === 'faults') {
      metrics.messages.inc({ source: 'webhook', outcome: 'dead' })
      throw problems['event-refused']({ because: plan.faults.join('; ') })
    }
    const namespaces = [...new Set(plan.events.map(({ event }) => event.namespace))]
    let by = ''
    for (const namespace of namespaces) by = await admit(request, namespace)
    try {
      await applier.apply(plan.events, 'webhook', tookMs)
    } catch (cause) {
      metrics.messages.inc({ source: 'webhook', outcome: 'later' })
      throw cause
    }
    metrics.messages.inc({ source: 'webhook', outcome: 'applied' })
    log.info(
      { by, namespaces: namespaces.slice(0, 20), events: plan.events.length },
      'the cache was invalidated by events',
    )
    return reply.code(202).send({ accepted: plan.events.length })
  })
}
