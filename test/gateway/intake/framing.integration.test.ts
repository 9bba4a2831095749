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

async function exchange(request: string, by = gateway): Promise<string> {
  const client = await rawClient(by.port)
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

/** Refused with this status and a code, the connection closed; nothing of it was ever complete at the service. */
async function expectRefusal(request: string, status: number): Promise<void> {
  const seen = upstream.requests.filter(({ complete }) => complete).length

  const answer = await exchange(request)

  expect(statusOf(answer)).toBe(status)
  expect(codeOf(answer)).toBeDefined()
  expect(upstream.requests.filter(({ complete }) => complete).length).toBe(seen)
}

const post = (fields: string, body = 'abc', version = '1.1') =>
  `POST /v1/x HTTP/${version}\r\n${host}${fields}\r\n\r\n${body}`
const chunked = (body: string, method = 'POST') =>
  `${method} /v1/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${body}`
const get = (line: string, fields = '') => `${line}\r\n${host}${fields}\r\n`
const ended = '3\r\nabc\r\n0\r\n\r\n'

describe('a request that could be read in two ways', () => {
  it.each([
    ['in this order', post('Content-Length: 3\r\nTransfer-Encoding: chunked', ended)],
    ['in the other', post('Transfer-Encoding: chunked\r\nContent-Length: 3', ended)],
  ])('F0, F1: with Content-Length beside Transfer-Encoding is refused, %s', async (_, request) => {
    await expectRefusal(request, 400)
  })

  it.each([
    '3\r\nContent-Length: 3',
    '3\r\nContent-Length: 4',
    '3, 3',
    '+3',
    '-3',
    '0x3',
    '3 3',
    '3.0',
    '1e1',
    '',
    '3_0',
  ])('F2: with Content-Length %j is refused', async (length) => {
    await expectRefusal(post(`Content-Length: ${length}`), 400)
  })

  it('F2: with a length of 010 has ten bytes, and the service is told 10', async () => {
    const seen = upstream.requests.length

    expect(statusOf(await exchange(post('Content-Length: 010', '0123456789')))).toBe(200)

    const { head, body } = await upstream.received(seen + 1)
    expect(head).toMatch(/\r\ncontent-length: 10\r\n/)
    expect(body.toString()).toBe('0123456789')
  })

  it.each([
    ['gzip, chunked', 501],
    ['chunked;q=1', 501],
    ['"chunked"', 501],
    ['xchunked', 501],
    ['chunked, chunked', 400],
    ['chunked, gzip', 400],
    ['\x0bchunked', 400],
  ])('F3: with the coding %j is refused, and none is stripped', async (coding, status) => {
    await expectRefusal(post(`Transfer-Encoding: ${coding}`, ended), status)
  })

  it('F4: with Transfer-Encoding in HTTP/1.0 is refused', async () => {
    await expectRefusal(post('Transfer-Encoding: chunked', ended, '1.0'), 400)
  })

  it.each(['-1', '+3', '0x3', '3 ', ' 3', '3_0', '3\t', 'fffffffffffffffff', '3\r', '3;a\n'])(
    'F5: with the chunk size %j is refused',
    async (size) => {
      await expectRefusal(chunked(`${size}\r\nabc\r\n0\r\n\r\n`), 400)
    },
  )

  it.each([
    ['a bare LF', '3\nabc\r\n0\r\n\r\n'],
    ['no line end behind a chunk', '3\r\nabcd\r\n0\r\n\r\n'],
    ['a bare LF at the end', '3\r\nabc\r\n0\r\n\n'],
  ])('F5: with %s is refused', async (_, body) => {
    await expectRefusal(chunked(body), 400)
  })

  it.each([
    ['a space before a colon', 'X-A : 1\r\n'],
    ['a folded field', 'X-A: 1\r\n 2\r\n'],
    ['NUL in a value', 'X-A: 1\x002\r\n'],
    ['NUL in a name', 'X\0A: 1\r\n'],
    ['an empty name', ': 1\r\n'],
    ['a name that is no token', 'X(A: 1\r\n'],
    ['a bare CR', 'X-A: 1\rX-B: 2\r\n'],
    ['a bare LF', 'X-A: 1\nX-B: 2\r\n'],
  ])('F7: with %s is refused', async (_, field) => {
    await expectRefusal(get('GET /v1/x HTTP/1.1', field), 400)
  })

  it.each([
    ['GET /v1/x HTTP/1.2', 505],
    ['GET /v1/x HTTP/2.0', 505],
    ['GET /v1/x HTTP/0.9', 400],
    ['GET /v1/x', 400],
    ['PRI * HTTP/2.0', 505],
  ])('F11: of another version is refused: %s', async (line, status) => {
    await expectRefusal(get(line), status)
  })

  it.each([
    ['no Host', `GET /v1/x HTTP/1.1\r\n${close}\r\n`],
    ['two Hosts', get('GET /v1/x HTTP/1.1', 'Host: api.example.com\r\n')],
    ['a Host with a path', `GET /v1/x HTTP/1.1\r\nHost: a/b\r\n${close}\r\n`],
    ['a Host with a user', `GET /v1/x HTTP/1.1\r\nHost: x@api.example.com\r\n${close}\r\n`],
    ['a Host with a word for a port', `GET /v1/x HTTP/1.1\r\nHost: api:.example.com\r\n${close}\r\n`],
  ])('T1: with %s is refused', async (_, request) => {
    await expectRefusal(request, 400)
  })

  it.each(['/v1/x#y', '/v1/\x80', '/v1/a b', '/v1/\x01', 'v1/x'])(
    'T5: for the target %j is refused',
    async (target) => {
      await expectRefusal(get(`GET ${target} HTTP/1.1`), 400)
    },
  )

  it.each([
    ['a target that is too long', get(`GET /v1/${'a'.repeat(9_000)} HTTP/1.1`), 414],
    ['too many fields', get('GET /v1/x HTTP/1.1', 'X-A: 1\r\n'.repeat(120)), 431],
    ['fields that are too long', get('GET /v1/x HTTP/1.1', `X-A: ${'a'.repeat(33_000)}\r\n`), 431],
    ['a field of 64 KB', get('GET /v1/x HTTP/1.1', `X-A: ${'a'.repeat(64_000)}\r\n`), 431],
  ])('T6: with %s is refused', async (_, request, status) => {
    await expectRefusal(request, status)
  })

  it('T6: has other limits where the configuration says so', async () => {
    const limits = { target: '64B', head: '1KiB', fields: 5 }
    await using strict = await bed.start('onprem', { table: { file: 'table' }, limits })
    const answers = [`GET /v1/${'a'.repeat(80)} HTTP/1.1`, 'GET /v1/x HTTP/1.1', 'GET /v1/y HTTP/1.1'].map((line, at) =>
      exchange(get(line, ['', 'X-A: 1\r\n'.repeat(6), `X-A: ${'a'.repeat(1_100)}\r\n`][at]), strict),
    )

    expect((await Promise.all(answers)).map(statusOf)).toEqual([414, 431, 431])
  })

  it.each(['TRACE /v1/x', 'CONNECT api.example.com:443'])('T3, H12: by %s is refused', async (line) => {
    await expectRefusal(get(`${line} HTTP/1.1`), 405)
  })

  it('H9: with an unknown expectation is refused', async () => {
    await expectRefusal(get('GET /v1/x HTTP/1.1', 'Expect: magic\r\n'), 417)
  })
})

describe('F8: pipelined requests', () => {
  it('get their answers in order, also those before a malformed one', async () => {
    const client = await rawClient(gateway.port)
    client.write(
      `GET /v1/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\nGET /v1/2 HTTP/1.1\r\nHost: api.example.com\r\n\r\nBROKEN \x01\r\n\r\n`,
    )

    const answers = await client.closed()

    expect(answers.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2)
    expect(answers).toMatch(/hello[\s\S]*hello[\s\S]*HTTP\/1.1 400 [\s\S]*framing-invalid/)
    client.socket.destroy()
  })

  it('before a CONNECT get theirs, and it gets its refusal', async () => {
    const answers = await exchange(
      'GET /v1/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    )

    expect(answers).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello[\s\S]*HTTP\/1.1 405 /)
  })

  it('are taken one after the other, since an answer may close the connection', async () => {
    const seen = upstream.requests.length
    const client = await rawClient(gateway.port)
    client.write(
      'GET /v1/silent HTTP/1.1\r\nHost: api.example.com\r\n\r\nGET /v1/behind HTTP/1.1\r\nHost: api.example.com\r\n\r\n',
    )
    await upstream.received(seen + 1)

    await exchange(get('GET /v1/other HTTP/1.1'))

    expect(upstream.requests.slice(seen).map(({ head }) => head.split(' ')[1])).toEqual(['/v1/silent', '/v1/other'])
    client.socket.destroy()
  })

  it('behind one whose refusal closes the connection never reach a service', async () => {
    const seen = upstream.requests.length
    const doubtful = post('Transfer-Encoding: gzip, chunked', ended)

    const answers = await exchange(doubtful + 'GET /v1/hidden HTTP/1.1\r\nHost: api.example.com\r\n\r\n'.repeat(3))

    expect(answers.match(/HTTP\/1.1 \d{3}/g)).toEqual(['HTTP/1.1 501'])
    expect(upstream.requests.length).toBe(seen)
  })

  it('of which the last one has a malformed body: that one is refused, once, and never complete', async () => {
    const seen = upstream.requests.filter(({ complete }) => complete).length
    const good = 'GET /v1/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n'

    const answers = await exchange(good + chunked('3\r\nabc\r\nzz\r\n'))

    expect(answers.match(/HTTP\/1.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
    expect(upstream.requests.filter(({ complete }) => complete).length).toBe(seen + 1)
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
  it('T2: with an absolute target is served by the path in it', async () => {
    const seen = upstream.requests.length

    const answer = await exchange(`GET http://api.example.com/v1/x?y=1 HTTP/1.1\r\n${host}\r\n`)

    expect(statusOf(answer)).toBe(200)
    expect((await upstream.received(seen + 1)).head).toMatch(/^GET \/v1\/x\?y=1 HTTP/)
  })

  it('T2: with an absolute target for another host than its Host field is refused', async () => {
    const answer = await exchange(`GET http://other.example.com/v1/x HTTP/1.1\r\n${host}\r\n`)

    expect([statusOf(answer), codeOf(answer)]).toEqual([400, 'host-invalid'])
  })

  it('T4: OPTIONS * is answered here', async () => {
    const seen = upstream.requests.length

    const answer = await exchange(`OPTIONS * HTTP/1.1\r\n${host}\r\n`)

    expect(statusOf(answer)).toBe(204)
    expect(answer).toContain('allow: GET')
    expect(upstream.requests.length).toBe(seen)
  })

  it('H12: OPTIONS that may go one further comes to the service with none left, and one with none ends here', async () => {
    const seen = upstream.requests.length
    const options = (left: number) => get('OPTIONS /v1/x HTTP/1.1', `Max-Forwards: ${left}\r\n`)

    expect(statusOf(await exchange(options(0)))).toBe(204)
    expect(statusOf(await exchange(options(1)))).toBe(200)

    expect(upstream.requests.length).toBe(seen + 1)
    expect((await upstream.received(seen + 1)).head).toMatch(/\r\nmax-forwards: 0\r\n/i)
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

  it('C1: half-closed after it is complete is answered', async () => {
    const client = await rawClient(gateway.port)
    client.socket.end('GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n')

    expect(await client.closed()).toMatch(/200 OK[\s\S]*hello/)
  })

  it('behind one whose refusal closes the connection is not under way for ever', async () => {
    await exchange(`GET /v1/x HTTP/1.1\r\n\r\n${'GET /v1/silent HTTP/1.1\r\nHost: api.example.com\r\n\r\n'.repeat(3)}`)

    await eventually(async () => /"inFlight":0/.test(await (await gateway.ask('/gateway/v1/drain')).text()))
  })

  it('C9: by CONNECT of a client that is gone at once ends nobody', async () => {
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
    await upstream.received(seen + 1)
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
