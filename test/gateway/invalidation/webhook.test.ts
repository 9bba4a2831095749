import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { problems } from '../../../gateway/errors.ts'
import { EventApplier } from '../../../gateway/invalidation/apply-events.ts'
import { invalidateType } from '../../../gateway/invalidation/event.ts'
import { eventMetrics } from '../../../gateway/invalidation/event-metrics.ts'
import { eventWebhook } from '../../../gateway/invalidation/webhook.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'

let app: FastifyInstance | undefined
afterEach(() => app?.close())

async function serve() {
  const clock = new HeldClock()
  const deleted: string[] = []
  const state = { zones: true }
  const metrics = eventMetrics(createMetrics(), undefined)
  const applier = new EventApplier({
    store: {
      delete: async (namespace, key) => {
        if (state.zones) deleted.push(`${namespace}/${key}`)
        return state.zones ? 'deleted' : 'failed'
      },
      invalidate: async () => 'applied',
      bump: async () => 'applied',
    },
    ...{ stamps: new StampClock(clock, 1), clock, namespaces: ['*'], changes: [], log: silentLog, metrics },
    ...{ table: () => undefined, knownNamespaces: () => [], raiseFloor: async () => true },
  })
  app = Fastify()
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  await app.register(eventWebhook, {
    ...{ applier, clock, log: silentLog, metrics },
    known: async ({ headers }) => {
      if (headers.authorization === undefined) throw problems['internal-call-refused']({ because: 'missing' })
    },
    admit: async ({ headers }, namespace) => {
      if (headers.authorization !== `Bearer ${namespace}`)
        throw problems['cache-forbidden']({ verb: 'delete', namespace })
      return namespace
    },
  })
  const post = async (body: unknown, type = 'application/cloudevents+json', token: string | undefined = 'shop') => {
    const headers = { 'content-type': type, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) }
    const payload = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await (app as FastifyInstance).inject({
      method: 'POST',
      url: '/gateway/v1/events',
      headers,
      payload,
    })
    const { code, detail, accepted } = answer.json() as { code?: string; detail?: string; accepted?: number }
    return { status: answer.statusCode, code, detail, accepted }
  }
  return { deleted, state, post }
}

const event = (key: string, ns = 'shop') => ({
  ...{ specversion: '1.0', id: key, source: '/shop', type: invalidateType },
  data: { ns, keys: [key], reason: 'a test' },
})
const batch = 'application/cloudevents-batch+json; charset=utf-8'

describe('events by HTTP', () => {
  it('are answered 202 once they are applied, alone and in a batch', async () => {
    const { deleted, post } = await serve()

    expect(await post(event('a'))).toMatchObject({ status: 202, accepted: 1 })
    expect(await post([event('b'), event('c')], batch)).toMatchObject({ status: 202, accepted: 2 })
    expect(await post([], batch)).toMatchObject({ status: 202, accepted: 0 })
    expect(deleted).toEqual(['shop/a', 'shop/b', 'shop/c'])
  })

  it('are all applied or none, and every fault is told', async () => {
    const { deleted, post } = await serve()

    const { status, code, detail } = await post([event('a'), { ...event('b'), id: '' }, 5], batch)
    expect([status, code]).toEqual([400, 'event-refused'])
    expect(detail).toMatch(/\[1\]\.id must be .*; \[2\]\.must be an object/)
    expect(deleted).toEqual([])
  })

  it('are refused to whoever may not invalidate in each of their namespaces', async () => {
    const { deleted, post } = await serve()

    expect(await post([event('a'), event('b', 'users')], batch)).toMatchObject({ status: 403, code: 'cache-forbidden' })
    expect(await post('{', undefined, '')).toMatchObject({ code: 'internal-call-refused' })
    expect(deleted).toEqual([])
  })

  it('say what they are', async () => {
    const { post } = await serve()

    expect(await post(event('a'), 'application/json')).toMatchObject({ status: 415, code: 'event-type-unknown' })
    expect(await post([event('a')])).toMatchObject({ status: 400, code: 'event-refused' })
    expect(await post(event('a'), batch)).toMatchObject({ status: 400, code: 'event-refused' })
  })

  it('are not accepted while no zone takes them: to send them again is right', async () => {
    const { state, post } = await serve()
    state.zones = false
    expect(await post(event('a'))).toMatchObject({ status: 503, code: 'cache-invalidation-not-durable' })
    state.zones = true
    expect(await post(event('a'))).toMatchObject({ status: 202 })
  })
})
