import type { FastifyInstance } from 'fastify'
import type { Metrics } from '#server-kit/metrics.ts'

/** Whether it lives (open), whether it can do its work, and its metrics. */
export function healthApi(app: FastifyInstance, metrics: Metrics, isReady: () => boolean): void {
  const metered = { access: { kind: 'operator', action: 'metrics.read' } } as const

  app.get(
    '/health/live',
    { config: { access: { kind: 'open', because: 'it tells nothing but that the process runs' } } },
    async () => ({
      live: true,
    }),
  )

  app.get('/health/ready', { config: metered }, async (_, reply) => {
    const ready = isReady()
    return reply.status(ready ? 200 : 503).send({ ready })
  })

  app.get('/metrics', { config: metered }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )
}
