import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { ValidatePolicy } from '#routes/policy.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { Exchange } from '../../../gateway/exchange.ts'
import { RequestBody } from '../../../gateway/request-body.ts'
import { checkedBodyBytes, validate } from '../../../gateway/transform/validate.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'

const table = await tableOf(structure([route('/o/{id}')]), placementSet([]))
const json = ['Content-Type', 'application/json']
const timing = { pace: { idleMs: 15_000, windowMs: 30_000, bytesPerSecond: 500 }, clock: systemClock }

interface Asked {
  readonly target?: string
  readonly headers?: readonly string[]
  readonly body?: string | Buffer
  readonly chunked?: boolean
}

/** The verdict on a request whose body waits in its message, as from a socket. */
async function verdict(checks: ValidatePolicy, { target = '/o/1', headers = [], body, chunked = false }: Asked) {
  const message = new IncomingMessage(new Socket())
  const bytes = body === undefined ? undefined : Buffer.from(body as string)
  if (bytes !== undefined) message.push(bytes)
  message.push(null)
  message.complete = true
  const length = chunked ? undefined : bytes?.length
  const requestBody = new RequestBody(message, { present: bytes !== undefined, length }, timing)
  const x = new Exchange(
    { method: 'POST', target, version: '1.1', headers, body: requestBody, peer: '10.0.0.1', secure: false },
    'r0',
    0,
  )
  x.host = 'api.example.com'
  x.decision = { ...decide(table, x), route: route('/o/{id}', { policy: { ...policy, validate: checks } }) }
  const counted: string[] = []
  const phase = validate({ log: silentLog, outcomes: { inc: ({ outcome }) => void counted.push(outcome) } })
  try {
    await phase.before?.(x)
    return { pointer: undefined, code: undefined, counted, body: x.body }
  } catch (problem) {
    const { code, facts } = problem as { code: string; facts: { pointer?: string } }
    return { code, pointer: facts.pointer, counted, body: x.body }
  }
}

const order: ValidatePolicy = { body: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } } }

describe('a validated body', () => {
  it('passes as its schema says, and can still be sent', async () => {
    const { code, body } = await verdict(order, { headers: json, body: '{"sku":"a"}' })

    expect(code).toBeUndefined()
    expect(String(body.forward(1000))).toBe('{"sku":"a"}')
  })

  it('passes in pieces of unknown length too', async () => {
    const { code, body } = await verdict(order, { headers: json, body: '{"sku":"a"}', chunked: true })

    expect([code, String(body.forward(1000))]).toEqual([undefined, '{"sku":"a"}'])
  })

  it.each([
    ['{"sku":1}', json, '/body/sku'],
    ['{}', json, '/body/sku'],
    ['{"sku":"a","sku":1}', json, '/body'],
    ['{', json, '/body'],
    ['{"sku":"a"}', ['content-type', 'text/plain'], '/headers/content-type'],
    ['{"sku":"a"}', ['content-type', 'application/json; charset=utf-16'], '/headers/content-type'],
    ['{"sku":"a"}', [], '/headers/content-type'],
    ['{"sku":"a"}', [...json, 'content-encoding', 'gzip'], '/headers/content-encoding'],
  ])('%s with %j is refused at %s%s', async (body, headers, pointer) => {
    expect(await verdict(order, { body, headers })).toMatchObject({
      code: 'body-invalid',
      pointer,
      counted: ['refused'],
    })
  })

  it.each(['application/vnd.acme+json', 'Application/JSON; Charset="UTF-8"'])('may be %s', async (type) => {
    expect((await verdict(order, { body: '{"sku":"a"}', headers: ['content-type', type] })).code).toBeUndefined()
  })

  it.each([false, true])('C8: is refused beyond 256 KiB (chunked: %s)', async (chunked) => {
    const body = JSON.stringify({ sku: 'a'.repeat(checkedBodyBytes) })

    expect((await verdict(order, { body, headers: json, chunked })).code).toBe('body-too-large')
  })

  it('may be missing unless it is required', async () => {
    expect((await verdict(order, {})).code).toBeUndefined()
    expect((await verdict({ ...order, bodyRequired: true }, {})).pointer).toBe('/body')
  })
})

describe('validated parameters', () => {
  const checks: ValidatePolicy = {
    query: {
      limit: { schema: { type: 'integer', maximum: 100 } },
      tag: { schema: { type: 'array', items: { type: 'string', maxLength: 3 } }, required: true },
    },
    path: { id: { schema: { type: 'string', pattern: '^[a-z ]+$' } } },
    headers: { 'X-Page': { schema: { type: 'integer' } } },
  }

  it.each([
    ['/o/a%20b?limit=5&tag=a&tag=b', [], undefined],
    ['/o/a', [], '/query/tag'],
    ['/o/a?tag=a&limit=500', [], '/query/limit'],
    ['/o/a?tag=a&limit=5&limit=5', [], '/query/limit'],
    ['/o/a?tag=a&tag=long', [], '/query/tag/1'],
    ['/o/a?tag=%ff', [], '/query'],
    ['/o/1?tag=a', [], '/path/id'],
    ['/o/%ff?tag=a', [], '/path/id'],
    ['/o/a?tag=a', ['x-page', 'two'], '/headers/x-page'],
    ['/o/a?tag=a', ['x-page', '2'], undefined],
  ])('%s with %j: %s', async (target, headers, pointer) => {
    expect((await verdict(checks, { target, headers })).pointer).toBe(pointer)
  })
})

describe('observed validation', () => {
  it('counts what it would refuse, and lets it pass', async () => {
    const observed = { ...order, mode: 'observe' } as const

    expect(await verdict(observed, { headers: json, body: '{}' })).toMatchObject({
      code: undefined,
      counted: ['observed'],
    })
    expect(await verdict(observed, { headers: [], body: '{}' })).toMatchObject({
      code: undefined,
      counted: ['observed'],
    })
  })

  it('leaves bodies alone that it could only read by holding them up', async () => {
    const observed = { ...order, mode: 'observe' } as const
    const { counted, body } = await verdict(observed, { headers: json, body: '{}', chunked: true })

    expect([counted, body.sendable, body.bytes]).toEqual([['unread'], true, 0])
  })
})

describe('a schema that cannot be used', () => {
  it('lets no request pass unchecked', async () => {
    expect((await verdict({ body: { $ref: 'https://example.com/x.json' } }, {})).code).toBe('policy-unusable')
  })
})
