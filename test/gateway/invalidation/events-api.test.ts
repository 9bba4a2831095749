import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import type { EventSink } from '../../../gateway/invalidation/event-source.ts'
import { eventsApi } from '../../../gateway/invalidation/events-api.ts'
import { MemorySource } from '../../../gateway/invalidation/memory-source.ts'
import { Replays } from '../../../gateway/invalidation/replay.ts'
import { eventually } from '../../support/eventually.ts'

let app: FastifyInstance | undefined
afterEach(() => app?.close())

async function serve({ stream = true } = {}) {
  const background = new Background(silentLog)
  const clock = new HeldClock()
  const memory = new MemorySource({ clock, background })
  const taken: string[] = []
  const sink: EventSink = {
    take: async ({ text }) => {
      taken.push(text)
      return text === 'wrong' && taken.length === 1 ? { kind: 'dead', because: 'it is wrong' } : { kind: 'applied' }
    },
    missed: async () => undefined,
  }
  const scopes: string[] = []
  const source = stream ? memory : undefined
  const replays = source && new Replays({ source, sink, clock: systemClock, background })
  app = Fastify()
  installProblemReplies(app, { audience: 'operator', log: silentLog })
  const require = async (_: unknown, scope: string): Promise<void> => void scopes.push(scope)
  await app.register(eventsApi, { instance: 'one', source, replays, require })
  const ask = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
    const payload =
      body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const answer = await (app as FastifyInstance).inject({ method, url: `/gateway/v1/events${path}`, ...payload })
    return { status: answer.statusCode, ...(answer.json() as Record<string, unknown>) }
  }
  return { clock, memory, sink, taken, scopes, ask }
}

describe('events, as operators see them', () => {
  it('Store V5: are told with how far they are behind', async () => {
    const { clock, memory, scopes, ask } = await serve()
    memory.add('a')
    clock.advance(5_000)

    expect(await ask('GET', '')).toMatchObject({
      ...{
        status: 200,
        instance: 'one',
        source: 'memory',
        state: 'reading',
        length: 1,
        lag: 1,
        oldestPendingMs: 5_000,
      },
    })
    expect(scopes).toEqual(['status'])
  })

  it('Store V3: that are dead are listed with their reason, and sent again', async () => {
    const { memory, sink, taken, scopes, ask } = await serve()
    memory.add('wrong')
    memory.start(sink)
    await eventually(() => memory.status().dead === 1)

    const { dead } = (await ask('GET', '/dead')) as unknown as { dead: { id: string }[] }
    expect(dead).toMatchObject([{ because: 'it is wrong', text: 'wrong' }])
    expect(await ask('POST', `/dead/${dead[0]?.id}/retry`)).toMatchObject({ status: 200, outcome: 'queued' })
    await eventually(() => taken.length === 2)
    expect(await ask('POST', `/dead/${dead[0]?.id}/retry`)).toMatchObject({ status: 404, code: 'event-unknown' })
    expect(await ask('POST', '/dead/x/retry')).toMatchObject({ status: 404, code: 'event-unknown' })
    expect(scopes).toEqual(['status', 'operate', 'operate', 'operate'])
  })

  it('of some time are applied once more', async () => {
    const { clock, memory, taken, ask } = await serve()
    memory.add('a')

    expect(await ask('POST', '/replay', { from: 0, to: clock.now() })).toMatchObject({ status: 202, state: 'running' })
    await eventually(() => taken.length === 1)
    await eventually(async () => {
      const { replay } = (await ask('GET', '')) as unknown as { replay: { state: string } }
      return replay.state === 'done'
    })
    for (const body of [{}, { from: 2, to: 1 }, { from: -1, to: 1 }, { from: '1', to: 2 }, 7])
      expect(await ask('POST', '/replay', body)).toMatchObject({ status: 400, code: 'internal-request-invalid' })
  })

  it('are told to be nowhere where no stream is read', async () => {
    const { ask } = await serve({ stream: false })

    expect(await ask('GET', '')).toMatchObject({ status: 404, code: 'events-source-absent' })
    expect(await ask('POST', '/replay', { from: 0, to: 1 })).toMatchObject({ code: 'events-source-absent' })
  })
})
