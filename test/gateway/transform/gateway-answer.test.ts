import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { AnswerPolicy } from '#routes/policy.ts'
import type { RouteFacts } from '#routes/structure.ts'
import { silentLog } from '#server-kit/log.ts'
import type { Answer } from '../../../gateway/answer.ts'
import type { Phase } from '../../../gateway/phase.ts'
import { gatewayAnswer } from '../../../gateway/transform/gateway-answer.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf, type RequestLine } from '../exchange.ts'

const made = new Map<string, RouteFacts>()

/** One route for equal policies, as in a table: what a phase made of it is used again. */
function routeOf(pattern: string, answer: AnswerPolicy): RouteFacts {
  const key = JSON.stringify([pattern, answer])
  const known = made.get(key) ?? route(pattern, { policy: { ...policy, answer } })
  made.set(key, known)
  return known
}

async function answered(
  answer: AnswerPolicy,
  {
    pattern = '/**',
    headers = [],
    phase = gatewayAnswer(silentLog),
    ...line
  }: RequestLine & { pattern?: string; headers?: string[]; phase?: Phase } = {},
): Promise<Answer> {
  const hosts = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'observe' as const }]
  const table = await tableOf(structure([route(pattern)], { hosts }), placementSet([]))
  const x = exchangeOf(headers, line)
  x.decision = { ...decide(table, x), route: routeOf(pattern, answer) }
  return (await phase.before?.(x)) as Answer
}

const location = async (to: string, line: Parameters<typeof answered>[1], keepQuery = false) => {
  const kept = keepQuery ? ({ keepQuery: true } as const) : {}
  const { headers } = await answered({ kind: 'redirect', status: 308, to, ...kept }, line)
  return headers[1]
}

describe('a redirect', () => {
  it.each([
    ['https://new.example.com/o/{id}', '/orders/{id}', '/orders/a%20b', 'https://new.example.com/o/a%20b'],
    ['/v2/{rest}', '/v1/**', '/v1/a/b', '/v2/a/b'],
    ['https://{shop}.example.com/', '/{shop}', '/books', 'https://books.example.com/'],
    ['/find?q={id}', '/o/{id}', '/o/a&b=c', '/find?q=a%26b%3Dc'],
    ['/ü', '/**', '/x', '/%C3%BC'],
  ])('to %s from %s takes %s to %s', async (to, pattern, target, expected) => {
    expect(await location(to, { pattern, target })).toBe(expected)
  })

  it.each([
    ['/new', '/old?a=1', '/new?a=1'],
    ['/new?b=2#top', '/old?a=1', '/new?b=2&a=1#top'],
    ['/new', '/old?', '/new'],
    ['/new', '/old', '/new'],
    ['/new', '/old?a=\xe9', '/new?a=%C3%A9'],
  ])('to %s keeps the query of %s: %s', async (to, target, expected) => {
    expect(await location(to, { target }, true)).toBe(expected)
  })

  it.each([
    ['/{rest}', '/r/**', '/r//evil.example.com'],
    ['/{rest}', '/r/**', '/r/../admin'],
    ['https://{shop}.example.com/', '/{shop}', '/evil.com%23'],
    ['https://{shop}.example.com/', '/{shop}', '/a@evil.com:'],
  ])('never leads where a client says: %s on %s of %s', async (to, pattern, target) => {
    await expect(location(to, { pattern, target })).rejects.toMatchObject({ code: 'target-unsafe' })
  })

  it('says its status and has no body', async () => {
    const answer = await answered({ kind: 'redirect', status: 303, to: '/new' })

    expect([answer.status, answer.body, answer.headers.slice(2)]).toEqual([303, undefined, ['content-length', '0']])
  })
})

describe('a fixed answer', () => {
  const fixed: AnswerPolicy = {
    kind: 'respond',
    status: 410,
    body: 'göne',
    contentType: 'text/plain',
    headers: { 'X-A': '1' },
  }

  it('is what the policy says', async () => {
    const { status, headers, body } = await answered(fixed)

    expect([status, String(body)]).toEqual([410, 'göne'])
    expect(headers).toEqual(['X-A', '1', 'content-type', 'text/plain', 'content-length', '5'])
  })

  it('has its own list of fields each time', async () => {
    const phase = gatewayAnswer(silentLog)
    const first = await answered(fixed, { phase })
    first.headers.push('x-request-id', 'r1')

    expect((await answered(fixed, { phase })).headers).not.toContain('r1')
  })

  it('F14: has no body for HEAD or where its status has none', async () => {
    const head = await answered(fixed, { method: 'HEAD' })

    expect([head.body, head.headers.at(-1)]).toEqual([undefined, '5'])
    expect((await answered({ kind: 'respond', status: 204, body: 'x' })).body).toBeUndefined()
    expect((await answered({ kind: 'respond', status: 204, body: 'x' })).headers).toEqual([])
  })

  it('cannot write what is the gateway’s, or a second line', async () => {
    const headers = { 'content-length': '99', 'X-Tidegate-Table': '1', 'x-b': 'a\r\nb: c' }

    expect((await answered({ kind: 'respond', status: 200, headers })).headers).toEqual(['content-length', '0'])
  })
})

describe('maintenance', () => {
  const closed: AnswerPolicy = { kind: 'maintenance', retryAfterMs: 90_500, message: 'Back at <12:00> & "soon"' }
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

  it('is a problem for programs, with when to come back', async () => {
    const { status, headers, body, problem } = await answered(closed, { headers: ['accept', '*/*'] })

    expect([status, problem?.code]).toEqual([503, 'maintenance'])
    expect(headers).toEqual(expect.arrayContaining(['retry-after', '91', 'no-store', 'application/problem+json']))
    expect(JSON.parse(String(body))).toMatchObject({ code: 'maintenance', requestId: 'r0', detail: closed.message })
  })

  it('is a page for people, in which a message stays text', async () => {
    const { headers, body } = await answered(closed, { headers: ['accept', browser] })

    expect(headers[1]).toBe('text/html; charset=utf-8')
    expect(String(body)).toContain('Back at &#60;12:00&#62; &#38; &#34;soon&#34;')
  })

  it.each([
    ['application/json, text/html;q=0.9', 'application/problem+json'],
    ['text/html;q=0', 'application/problem+json'],
    ['text/html', 'text/html; charset=utf-8'],
  ])('for %s is %s', async (accept, type) => {
    expect((await answered(closed, { headers: ['accept', accept] })).headers[1]).toBe(type)
  })
})
