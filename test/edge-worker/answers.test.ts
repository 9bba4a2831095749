import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Decision } from '#routes/decide.ts'
import { problems as common } from '#routes/errors.ts'
import { headers } from '#routes/messages.ts'
import type { AnswerOf, EdgePolicy } from '#routes/policy.ts'
import { forClient, maintenance, problemAnswer, statuses } from '../../edge-worker/answers.ts'
import type { Choice } from '../../edge-worker/choice.ts'
import { problems } from '../../edge-worker/errors.ts'
import { readIncoming } from '../../edge-worker/facts.ts'
import { maintenance as atGateway } from '../../gateway/transform/maintenance.ts'
import { exchangeOf } from '../gateway/exchange.ts'
import { policy, route } from '../support/tables.ts'

describe('what the edge answers by itself', () => {
  it('has the statuses of the tables of errors, and no code that is in no table', () => {
    const entries: Record<string, { status: number }> = { ...common.entries, ...problems.entries }

    expect(Object.fromEntries(Object.keys(statuses).map((code) => [code, entries[code]?.status]))).toEqual(statuses)
    expect(Object.keys(problems.entries).filter((code) => !(code in statuses))).toEqual([])
  })

  it('is problem+json with code and request id, and nothing internal', async () => {
    const answer = problemAnswer('origin-timeout', 'r-1')

    expect(answer.status).toBe(504)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toEqual({
      type: 'urn:tidegate:problem:origin-timeout',
      title: 'Origin timeout',
      status: 504,
      code: 'origin-timeout',
      requestId: 'r-1',
    })
  })
})

function choiceOf(decision: Partial<Decision<EdgePolicy>>): Choice {
  return { site: 'onprem', table: undefined, flags: [], decision: decision as Decision<EdgePolicy> }
}

describe('a route in maintenance', () => {
  const closed: AnswerOf<'maintenance'> = { kind: 'maintenance', retryAfterMs: 90_500, message: 'Back <soon>' }
  const choiceFor = (answer: EdgePolicy['answer']) =>
    choiceOf({ route: route('/v1/orders', { policy: { ...policy, ...(answer && { answer }) } }) })
  const incoming = (received: Record<string, string>) =>
    readIncoming(
      { method: 'GET', url: 'http://api.example.com/v1/orders', headers: new Headers(received) },
      { platform: 'self-hosted', trustedClientIpHeader: undefined, trustedCountryHeader: undefined },
      () => crypto.randomUUID(),
    )

  const type = fc.constantFrom('text/html', 'application/json', 'application/problem+json', '*/*', 'TEXT/HTML', 'x')
  const quality = fc.constantFrom('', ';q=0', ';q=0.5', ' ; q=1', ';q=2', ';level=1;q=0.9')
  const accept = fc.array(
    fc.tuple(type, quality).map((parts) => parts.join('')),
    { maxLength: 4 },
  )

  it('is answered by the edge byte for byte as by the gateway behind it', async () => {
    const seen = new Set<string | null>()
    await fc.assert(
      fc.asyncProperty(accept, fc.nat({ max: 200_000 }), fc.option(fc.string()), async (types, retryAfterMs, text) => {
        const answer = { kind: 'maintenance' as const, retryAfterMs, ...(text !== null && { message: text }) }
        const fields = { accept: types.join(', '), 'x-request-id': 'r-1' }
        const x = exchangeOf(Object.entries(fields).flat())
        x.requestId = 'r-1'
        const wanted = atGateway(x, answer)
        const given = maintenance(incoming(fields), choiceFor(answer)) as Response
        const { 'x-request-id': id, ...told } = Object.fromEntries(given.headers)
        const { 'content-length': length, ...expected } = Object.fromEntries(pairs(wanted.headers))
        const body = Buffer.from(await given.arrayBuffer())

        expect([given.status, told, id]).toEqual([wanted.status, expected, 'r-1'])
        expect([body, `${body.length}`]).toEqual([wanted.body, length])
        seen.add(given.headers.get('content-type'))
      }),
      { numRuns: 300 },
    )
    expect(seen.size).toBe(2)
  })

  it('is the gateway’s to answer to a script of another origin, which only it may let read, and to doctor', () => {
    expect(maintenance(incoming({ origin: 'https://x.test' }), choiceFor(closed))).toBeUndefined()
    expect(maintenance(incoming({ [headers.echo]: 'e' }), choiceFor(closed))).toBeUndefined()
  })

  it('is the only route that an edge answers', () => {
    const fixed = { kind: 'respond', status: 200 } as const

    expect(maintenance(incoming({}), choiceFor(fixed))).toBeUndefined()
    expect(maintenance(incoming({}), choiceFor(undefined))).toBeUndefined()
    expect(maintenance(incoming({}), { ...choiceFor(closed), decision: undefined })).toBeUndefined()
  })
})

describe("a gateway's answer", () => {
  const words = { [headers.table]: 's=1;p=2', [headers.failover]: 'no', [headers.sticky]: 'k.1.k1.m' }
  const host = { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const }
  const plain = choiceOf({ host })
  const withCookie = choiceOf({ host: { ...host, stickyCookie: true } })

  it('is passed on as the very same when it has no word for the edge, and on an upgrade', () => {
    const answer = new Response('ok', { headers: { [headers.explained]: 'yes' } })

    expect(forClient(answer, withCookie)).toBe(answer)
    const upgrade = { status: 101, headers: new Headers(words) } as Response
    expect(forClient(upgrade, withCookie)).toBe(upgrade)
  })

  it('loses its words for the edge, and nothing else', async () => {
    const more = new Headers({ ...words, [headers.explained]: 'yes', etag: '"e"' })
    more.append('set-cookie', 'a=1')
    more.append('set-cookie', 'b=2')
    const passed = forClient(new Response('body', { status: 203, statusText: 'So So', headers: more }), plain)

    expect([...passed.headers.keys()]).toEqual(['content-type', 'etag', 'set-cookie', 'set-cookie', headers.explained])
    expect([passed.status, passed.statusText, await passed.text()]).toEqual([203, 'So So', 'body'])
    expect(passed.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('sets the signed key as a cookie where the host has its clients keep one', () => {
    const answer = () => new Response('body', { headers: words })

    expect(forClient(answer(), withCookie).headers.getSetCookie()).toEqual([
      'tidegate-sticky=k.1.k1.m; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax',
    ])
    expect(forClient(answer(), plain).headers.getSetCookie()).toEqual([])
    expect(forClient(answer(), choiceOf({})).headers.getSetCookie()).toEqual([])
    expect(
      forClient(new Response('', { headers: { [headers.table]: 'x' } }), withCookie).headers.getSetCookie(),
    ).toEqual([])
  })
})

function pairs(fields: readonly string[]): [string, string][] {
  return Array.from({ length: fields.length / 2 }, (_, at) => [fields[2 * at] ?? '', fields[2 * at + 1] ?? ''])
}
