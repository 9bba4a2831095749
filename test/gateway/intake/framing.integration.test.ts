import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let gateway: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(({ head }) =>
    head.startsWith('GET /v1/silent') ? new Promise(() => {}) : ok('hello'),
  )
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  const hosts = [
    { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const },
    { name: 'old.example.com', aliases: [], unsafeTargets: 'observe' as const },
  ]
  const table = await bed.writeTable('table', structure([route('/v1/**')], { services, hosts }), placementSet([]))
  gateway = await bed.start('onprem', { table: { file: table } })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

async function exchange(request: string): Promise<string> {
  const client = await rawClient(gateway.port)
  client.write(request)
  await client.until(/\r\n\r\n/)
  // What is refused closes the connection by itself; what is answered is asked to by its own head.
  const answer = await client.closed()
  client.socket.destroy()
  return answer
}

const statusOf = (answer: string): number => Number(answer.slice(9, 12))
const codeOf = (answer: string): string | undefined => /"code":"([a-z-]+)"/.exec(answer)?.[1]
const host = 'Host: api.example.com\r\nConnection: close\r\n'
const close = 'Connection: close\r\n'

describe('a request that could be read in two ways', () => {
  it.each([
    [
      'Content-Length beside Transfer-Encoding',
      `POST /v1/x HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'two equal Content-Lengths',
      `POST /v1/x HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
      400,
    ],
    ['a list of Content-Lengths', `POST /v1/x HTTP/1.1\r\n${host}Content-Length: 3, 3\r\n\r\nabc`, 400],
    ['a signed Content-Length', `POST /v1/x HTTP/1.1\r\n${host}Content-Length: +3\r\n\r\nabc`, 400],
    ['an empty Content-Length', `POST /v1/x HTTP/1.1\r\n${host}Content-Length: \r\n\r\n`, 400],
    ['an unknown coding', `POST /v1/x HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n\r\n`, [400, 501]],
    ['a coding before chunked', `POST /v1/x HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['chunked twice', `POST /v1/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
    [
      'chunked before another coding',
      `POST /v1/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['Transfer-Encoding in HTTP/1.0', `POST /v1/x HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['HTTP/2.0 in its request line', `GET /v1/x HTTP/2.0\r\n${host}\r\n`, [400, 505]],
    ['HTTP/0.9', 'GET /v1/x\r\n\r\n', 400],
    ['no Host', `GET /v1/x HTTP/1.1\r\n${close}\r\n`, 400],
    ['two Hosts', `GET /v1/x HTTP/1.1\r\n${host}Host: api.example.com\r\n\r\n`, 400],
    ['a Host with a path', `GET /v1/x HTTP/1.1\r\nHost: a/b\r\n${close}\r\n`, 400],
    ['a Host with a user', `GET /v1/x HTTP/1.1\r\nHost: x@api.example.com\r\n${close}\r\n`, 400],
    ['a space before the colon', `GET /v1/x HTTP/1.1\r\n${host}X-A : 1\r\n\r\n`, 400],
    ['a folded field', `GET /v1/x HTTP/1.1\r\n${host}X-A: 1\r\n 2\r\n\r\n`, 400],
    ['a bare CR', `GET /v1/x HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`, 400],
    ['a negative chunk', `POST /v1/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n`, 400],
    ['a fragment in its target', `GET /v1/x#y HTTP/1.1\r\n${host}\r\n`, 400],
    ['a target that is no path', `GET v1/x HTTP/1.1\r\n${host}\r\n`, 400],
    ['an unknown expectation', `GET /v1/x HTTP/1.1\r\n${host}Expect: magic\r\n\r\n`, 417],
    ['too many fields', `GET /v1/x HTTP/1.1\r\n${host}${'X-A: 1\r\n'.repeat(120)}\r\n`, 431],
    ['a head that is too large', `GET /v1/x HTTP/1.1\r\n${host}X-A: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    ['a target that is too long', `GET /v1/${'a'.repeat(9_000)} HTTP/1.1\r\n${host}\r\n`, 414],
    ['TRACE', `TRACE /v1/x HTTP/1.1\r\n${host}\r\n`, 405],
    ['CONNECT', `CONNECT api.example.com:443 HTTP/1.1\r\n${host}\r\n`, 405],
  ])('is refused with an answer: %s', async (_, request, status) => {
    const seen = upstream.requests.filter(({ complete }) => complete).length

    const answer = await exchange(request)

    expect([status].flat()).toContain(statusOf(answer))
    expect(codeOf(answer)).toBeDefined()
    expect(upstream.requests.filter(({ complete }) => complete).length).toBe(seen)
  })

  it('does not destroy the answers to good requests before it', async () => {
    const client = await rawClient(gateway.port)
    client.write(
      `GET /v1/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\nGET /v1/2 HTTP/1.1\r\nHost: api.example.com\r\n\r\nBROKEN \x01\r\n\r\n`,
    )

    const answers = await client.closed()

    expect(answers.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2)
    expect(answers).toMatch(/hello[\s\S]*hello[\s\S]*HTTP\/1.1 400 [\s\S]*framing-invalid/)
    client.socket.destroy()
  })
})

describe('a target that services read in different ways', () => {
  it.each([
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/a%2fb',
    '/v1/a\\b',
    '/v1//x',
    '/v1/%00',
    '/v1/%zz',
    '/v1/%252e%252e/x',
    '/./v1/x',
    '//v1/x',
  ])('is refused: %s', async (target) => {
    const seen = upstream.requests.length

    const answer = await exchange(`GET ${target} HTTP/1.1\r\n${host}\r\n`)

    expect([statusOf(answer), codeOf(answer)]).toEqual([400, 'target-unsafe'])
    expect(upstream.requests.length).toBe(seen)
  })

  it('passes raw to a host that is only observed', async () => {
    const seen = upstream.requests.length

    await exchange(`GET /v1/%2e%2e/a//b HTTP/1.1\r\nHost: old.example.com\r\n${close}\r\n`)

    expect((await upstream.received(seen + 1)).head).toMatch(/^GET \/v1\/%2e%2e\/a\/\/b HTTP/)
  })
})

describe('a request in an unusual form', () => {
  it('with an absolute target is served by the path in it', async () => {
    const seen = upstream.requests.length

    const answer = await exchange(`GET http://api.example.com/v1/x?y=1 HTTP/1.1\r\n${host}\r\n`)

    expect(statusOf(answer)).toBe(200)
    expect((await upstream.received(seen + 1)).head).toMatch(/^GET \/v1\/x\?y=1 HTTP/)
  })

  it('with an absolute target for another host than its Host field is refused', async () => {
    const answer = await exchange(`GET http://other.example.com/v1/x HTTP/1.1\r\n${host}\r\n`)

    expect([statusOf(answer), codeOf(answer)]).toEqual([400, 'host-invalid'])
  })

  it('OPTIONS * is answered here', async () => {
    const seen = upstream.requests.length

    const answer = await exchange(`OPTIONS * HTTP/1.1\r\n${host}\r\n`)

    expect(statusOf(answer)).toBe(204)
    expect(answer).toContain('allow: GET')
    expect(upstream.requests.length).toBe(seen)
  })

  it.each(['PROPFIND', 'PURGE', 'M-SEARCH', 'QUERY', 'PATCH'])('%s passes', async (method) => {
    const seen = upstream.requests.length

    await exchange(`${method} /v1/x HTTP/1.1\r\n${host}\r\n`)

    expect((await upstream.received(seen + 1)).head).toMatch(new RegExp(`^${method} /v1/x HTTP`))
  })

  it('HTTP/1.0 gets its answer and the end of the connection', async () => {
    const answer = await exchange('GET /v1/x HTTP/1.0\r\nHost: api.example.com\r\n\r\n')

    expect(answer).toMatch(/200 OK[\s\S]*hello$/)
  })

  it('half-closed after it is complete is answered', async () => {
    const client = await rawClient(gateway.port)
    client.socket.end('GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n')

    expect(await client.closed()).toMatch(/200 OK[\s\S]*hello/)
  })

  it('behind one whose refusal closes the connection is not under way for ever', async () => {
    await exchange(`GET /v1/x HTTP/1.1\r\n\r\n${'GET /v1/silent HTTP/1.1\r\nHost: api.example.com\r\n\r\n'.repeat(3)}`)

    await eventually(async () => /"inFlight":0/.test(await (await gateway.ask('/gateway/v1/drain')).text()))
  })

  it('by CONNECT of a client that is gone at once ends nobody', async () => {
    for (let time = 0; time < 50; time++) {
      const client = await rawClient(gateway.port)
      client.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')
      setImmediate(() => client.socket.resetAndDestroy())
    }

    expect((await fetch(`${gateway.internal}/health/live`)).status).toBe(200)
    expect((await gateway.ask('/gateway/v1/status').then((answer) => answer.json())) as object).toMatchObject({
      state: 'ready',
    })
  })

  it('pipelined by a client that leaves is not under way for ever', async () => {
    const client = await rawClient(gateway.port)
    const seen = upstream.requests.length
    client.write('GET /v1/silent HTTP/1.1\r\nHost: api.example.com\r\n\r\n'.repeat(10))
    await upstream.received(seen + 10)
    client.socket.resetAndDestroy()

    await eventually(async () => /"inFlight":0/.test(await (await gateway.ask('/gateway/v1/drain')).text()))
  })

  it('that nobody routes is 404, with an id and no address', async () => {
    const answer = await exchange(`GET /nowhere HTTP/1.1\r\n${host}\r\n`)

    expect([statusOf(answer), codeOf(answer)]).toEqual([404, 'route-unknown'])
    expect(answer).toMatch(/"requestId":"[^"]+"/)
    expect(answer).not.toContain('127.0.0.1')
  })
})
