import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { defineProblems } from '#routes/problem.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'

const problems = defineProblems({
  'planted-conflict': { status: 409, meaning: 'The address {address} is taken.', fix: 'Take another than {address}.' },
  'planted-outage': { status: 503, meaning: 'The store is away.', fix: 'Wait for it.' },
})

function listener(audience: 'operator' | 'client') {
  const lines: string[] = []
  const clock = new HeldClock()
  const app = fastify({ bodyLimit: 1_000, genReqId: () => 'request-1' })
  installProblemReplies(app, {
    audience,
    log: createLog({ program: 'test', level: 'debug', destination: { write: (line) => lines.push(line) } }),
    monotonic: () => clock.monotonic(),
  })
  app.get('/outage', () => {
    throw problems['planted-outage']()
  })
  app.get('/conflict', () => {
    throw problems['planted-conflict']({ address: '10.0.0.1' })
  })
  app.get('/unforeseen', () => {
    throw new Error('password of the database')
  })
  const body = {
    type: 'object',
    required: ['a/b'],
    properties: { n: { type: 'integer' }, side: { enum: ['left', 'right'] } },
  }
  app.post('/typed', { schema: { body } }, () => ({}))
  return { app, lines, clock }
}

describe('problem replies', () => {
  it('tell an operator what it means and how to mend it', async () => {
    const { app } = listener('operator')

    const reply = await app.inject('/conflict')

    expect(reply.statusCode).toBe(409)
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(reply.json()).toEqual({
      type: 'urn:tidegate:problem:planted-conflict',
      title: 'Planted conflict',
      status: 409,
      code: 'planted-conflict',
      requestId: 'request-1',
      detail: 'The address 10.0.0.1 is taken.',
      fix: 'Take another than 10.0.0.1.',
    })
  })

  it('tell a client no internal word', async () => {
    const { app } = listener('client')

    const reply = await app.inject('/conflict')

    expect(reply.json()).toMatchObject({ code: 'planted-conflict', requestId: 'request-1' })
    expect(reply.body).not.toContain('10.0.0.1')
  })

  it.each(['operator', 'client'] as const)(
    'keep an unforeseen cause in the log, from %s too, under the same request id',
    async (audience) => {
      const { app, lines } = listener(audience)

      const reply = await app.inject('/unforeseen')

      expect(reply.json()).toMatchObject({ status: 500, code: 'internal', requestId: 'request-1' })
      expect(reply.body).not.toContain('database')
      expect(lines.join()).toContain('password of the database')
      expect(lines.join()).toContain('"requestId":"request-1"')
    },
  )

  it.each([
    ['a wrong type', { n: 'x', 'a/b': 1 }, '/body/n'],
    ['a missing member, its name escaped', { n: 1 }, '/body/a~1b'],
  ])('point at %s, for clients too', async (_, payload, pointer) => {
    const { app } = listener('client')

    const reply = await app.inject({ method: 'POST', url: '/typed', payload })

    expect(reply.json()).toMatchObject({ status: 400, code: 'request-invalid', pointer })
  })

  it('name what is allowed', async () => {
    const { app } = listener('operator')

    const reply = await app.inject({ method: 'POST', url: '/typed', payload: { 'a/b': 1, side: 'up' } })

    expect(reply.json().detail).toBe('The request is not valid: body/side must be one of left, right.')
  })

  it('name what is unknown', async () => {
    const app = fastify({ ajv: { customOptions: { removeAdditional: false } } })
    installProblemReplies(app, {
      audience: 'operator',
      log: createLog({ program: 'test', destination: { write() {} } }),
    })
    app.post('/closed', { schema: { body: { type: 'object', additionalProperties: false } } }, () => ({}))

    const reply = await app.inject({ method: 'POST', url: '/closed', payload: { colour: 'red' } })

    expect(reply.json()).toMatchObject({
      detail: 'The request is not valid: body has no "colour".',
      pointer: '/body/colour',
    })
  })

  it.each([
    ['malformed JSON', '{', 'application/json', 400, 'request-invalid'],
    ['another content type', 'x', 'text/csv', 415, 'media-type-unsupported'],
    ['too much', `"${'x'.repeat(2_000)}"`, 'application/json', 413, 'request-too-large'],
  ])("name %s as the caller's fault", async (_, payload, contentType, status, code) => {
    const { app, lines } = listener('operator')

    const reply = await app.inject({ method: 'POST', url: '/typed', payload, headers: { 'content-type': contentType } })

    expect(reply.json()).toMatchObject({ status, code })
    expect(lines.join()).not.toContain('"level":"error"')
  })

  it('name an unknown endpoint without repeating its query', async () => {
    const { app } = listener('operator')

    const reply = await app.inject('/nowhere?token=abc')

    expect(reply.json()).toMatchObject({ status: 404, code: 'endpoint-unknown' })
    expect(reply.body).toContain('/nowhere')
    expect(reply.body).not.toContain('abc')
  })

  it('do not flood the log when an outage fails every request', async () => {
    const { app, lines, clock } = listener('operator')
    const warnings = () => lines.filter((line) => line.includes('"level":"warn"'))

    for (let at = 0; at < 200; at++) await app.inject('/outage')
    expect(warnings()).toHaveLength(10)

    clock.advance(10_000)
    await app.inject('/outage')
    expect(warnings()).toHaveLength(11)
    expect(warnings().at(-1)).toContain('"untold":190')
  })
})
