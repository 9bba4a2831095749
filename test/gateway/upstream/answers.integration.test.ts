import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeMark } from '#routes/hop.ts'
import { eventually } from '../../support/eventually.ts'
import { type Answer, ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
/** Another service with the same words, so that what is learned of the first does not meet the others. */
let faulty: RecordingUpstream
let gateway: RunningGateway
let respond: (target: string) => Answer | Promise<Answer> = () => ok('hello')

const timeout = { connectMs: 5_000, firstByteMs: 10_000, totalMs: 20_000 }
const quick = { ...policy, timeout, retry: { never: true as const } }

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(({ head }) => respond(head.split(' ', 2)[1] ?? ''))
  faulty = await startRecordingUpstream(({ head }) => respond(head.split(' ', 2)[1] ?? ''))
  const services = [
    service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] }),
    service('faulty', { deployments: [{ site: 'onprem', url: faulty.url }] }),
  ]
  const routes = [
    route('/v1/**', { policy: quick }),
    route('/faulty/**', { service: 'faulty', policy: quick }),
    route('/hints', { policy: { ...quick, earlyHints: true, upgrade: ['websocket'] } }),
    route('/idle', { policy: { ...quick, timeout: { ...timeout, idleMs: 200 } } }),
  ]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  gateway = await bed.start('onprem', { table: { file: 'table' }, viaOn: { requests: true, answers: true } })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), faulty.close()])
})

async function exchange(request: string): Promise<string> {
  const client = await rawClient(gateway.port)
  client.write(request)
  const answer = await client.closed(15_000)
  client.socket.destroy()
  return answer
}

const ask = (method: string, target: string, ...fields: string[]) =>
  [`${method} ${target} HTTP/1.1`, 'Host: api.example.com', 'Connection: close', ...fields, '', ''].join('\r\n')
const get = (target: string, ...fields: string[]) => ask('GET', target, ...fields)
const bytes = (text: string, after?: 'close' | 'reset'): Answer =>
  after === undefined ? { bytes: text } : { bytes: text, after }

/** `first`, and the rest a moment later, as two packets. */
async function* later(first: string, rest: string, ms = 30): AsyncGenerator<string> {
  yield first
  await new Promise((resolve) => setTimeout(resolve, ms))
  yield rest
}

describe('an answer that is not HTTP', () => {
  it.each([
    ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc'],
    [
      'a length and a coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    [
      'a coding and a length',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['a coding that nobody undoes', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'],
    ['the status 000', 'HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n'],
    ['the status 099', 'HTTP/1.1 099 None\r\nContent-Length: 0\r\n\r\n'],
    ['the status 600', 'HTTP/1.1 600 None\r\nContent-Length: 0\r\n\r\n'],
    ['the status 888', 'HTTP/1.1 888 None\r\nContent-Length: 0\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a version that is none', 'HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL in a name', 'HTTP/1.1 200 OK\r\nX\0A: a\r\nContent-Length: 0\r\n\r\n'],
    ['a head over 64 KB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['a protocol that nobody asked for', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['a 101 without a protocol', 'HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('F12: gives 502, and its connection is not used again: %s', async (_, text) => {
    respond = () => bytes(text)
    const answer = await exchange(get('/faulty/x'))
    const used = faulty.requests.at(-1)?.connection ?? 0

    expect(answer).toMatch(/^HTTP\/1\.1 502 [\s\S]*"code":"upstream-invalid"/)
    respond = () => ok('good')
    // Two, or the breaker would take the service for one that fails mostly.
    for (let time = 0; time < 2; time++) {
      expect(await exchange(get('/faulty/x'))).toMatch(/200 OK[\s\S]*good$/)
      expect(faulty.requests.at(-1)?.connection).toBeGreaterThan(used)
    }
  })

  it('H10: with a flood of informational answers gives 502 before its time is over', async () => {
    respond = () => bytes('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(200))
    const startedMs = performance.now()

    expect(await exchange(get('/faulty/x'))).toMatch(/^HTTP\/1\.1 502 [\s\S]*upstream-invalid/)
    expect(performance.now() - startedMs).toBeLessThan(timeout.firstByteMs)
  })
})

describe('an answer that breaks off', () => {
  it.each([
    ['a length, by an end', 'Content-Length: 10\r\n\r\nabc', 'close'],
    ['a length, by a reset', 'Content-Length: 10\r\n\r\nabc', 'reset'],
    ['a length on a last connection', 'Connection: close\r\nContent-Length: 10\r\n\r\nabc', 'close'],
    ['chunks, by an end', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'close'],
    ['chunks, by a reset', 'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'reset'],
    ['neither, by a reset', 'Connection: close\r\n\r\nabc', 'reset'],
  ] as const)('F13: is never made to look whole: with %s', async (_, rest, after) => {
    respond = () => ({ bytes: later(`HTTP/1.1 200 OK\r\n${rest}`, ''), after })
    const client = await rawClient(gateway.port)
    let reset = false
    client.socket.once('error', () => {
      reset = true
    })
    client.write('GET /faulty/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n')

    const answer = await client.closed()

    // Whether its bytes came before the end or not: nothing closes the answer, and the connection does not go on.
    expect(answer.endsWith('0\r\n\r\n')).toBe(false)
    expect(answer).not.toMatch(/content-length: 3\r\n/i)
    expect(reset || client.socket.readableEnded).toBe(true)
    client.socket.destroy()
  })

  it('F13: without a length is whole when the service ends it', async () => {
    respond = () => bytes('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc', 'close')

    expect(await exchange(get('/v1/x'))).toMatch(/3\r\nabc\r\n0\r\n\r\n$/)
  })

  it('breaks off for the client when nothing comes for the idle time of its route', async () => {
    respond = () => ({ bytes: later('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'defghij', 5_000) })
    const startedMs = performance.now()

    const answer = await exchange(get('/idle'))

    expect(answer).toMatch(/abc$/)
    expect(performance.now() - startedMs).toBeLessThan(4_500)
  })
})

describe('an answer without a body', () => {
  it.each([
    [
      '204',
      'GET',
      'HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n',
      /^HTTP\/1\.1 204 (?![\s\S]*content-length)/i,
    ],
    [
      '304 with the length of what it stands for',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      /^HTTP\/1\.1 304 [\s\S]*Content-Length: 9/,
    ],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', /^HTTP\/1\.1 304 [\s\S]*ETag: "a"/],
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', /^HTTP\/1\.1 200 [\s\S]*Content-Length: 9/],
    ['HEAD of a body in chunks', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', /^HTTP\/1\.1 200 /],
  ])('F14: ends with its head: %s', async (_, method, text, expected) => {
    respond = (target) => (target === '/v1/x' ? bytes(text) : ok('next'))
    const client = await rawClient(gateway.port)

    client.write(`${method} /v1/x HTTP/1.1\r\nHost: api.example.com\r\n\r\n${get('/v1/next')}`)
    const [first = '', second = '', ...more] = (await client.closed()).split('\r\n\r\n')

    // What follows on the connection is the next answer, and nothing else.
    expect(first).toMatch(expected)
    expect(second).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(more).toEqual(['next'])
    client.socket.destroy()
  })

  const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
  it.each([
    ['a 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['a 304', 'GET', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
    ['a HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n'],
    ['a body of stated length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['chunks', 'GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ])('F14: poison the pool: what comes behind %s reaches no other request', async (_, method, text) => {
    respond = () => bytes(text + poison)
    await exchange(ask(method, '/faulty/first'))
    respond = (target) => ok(`mine ${target}`)
    const together = await Promise.all(Array.from({ length: 5 }, (_, at) => exchange(get(`/faulty/${at}`))))
    for (const [at, answer] of together.entries()) expect(answer).toMatch(new RegExp(`mine /faulty/${at}$`))

    // In a packet of its own, while the connection is idle.
    respond = () => ({ bytes: later(text, poison, 20) })
    await exchange(ask(method, '/faulty/second'))
    await new Promise((resolve) => setTimeout(resolve, 60))
    respond = (target) => ok(`mine ${target}`)
    expect(await exchange(get('/faulty/after'))).toMatch(/mine \/faulty\/after$/)
  })

  it('C10: a HEAD does not cost a connection', async () => {
    respond = () => bytes('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')
    await exchange(ask('HEAD', '/v1/warm'))
    const before = upstream.connections

    for (let time = 0; time < 10; time++) await exchange(ask('HEAD', '/v1/x'))

    expect(upstream.connections).toBe(before)
  })
})

describe('informational answers', () => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
  const after = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  it('H10: 103 goes to a direct client, at once, where its route says so', async () => {
    respond = () => ({ bytes: later(hints, after, 150) })
    const client = await rawClient(gateway.port)
    client.write(get('/hints'))

    expect(await client.until(/rel=preload\r\n\r\n/)).toMatch(/^HTTP\/1\.1 103 [^\r]*\r\nLink: <\/a\.css>/)
    expect(client.received()).not.toContain('200')
    expect(await client.closed()).toMatch(/200 OK[\s\S]*ok$/)
    client.socket.destroy()
  })

  it('H10: 102 too', async () => {
    respond = () => bytes(`HTTP/1.1 102 Processing\r\n\r\n${after}`)

    expect(await exchange(get('/hints'))).toMatch(/^HTTP\/1\.1 102 [\s\S]*200 OK/)
  })

  it.each(['102 Processing', '103 Early Hints', '110 Odd'])('H10: %s is dropped on any other route', async (line) => {
    respond = () => bytes(`HTTP/1.1 ${line}\r\nLink: </a>\r\n\r\n${after}`)

    expect(await exchange(get('/v1/x'))).toMatch(/^HTTP\/1\.1 200 OK/)
  })

  /** Of an edge that is behind: it would be told so, where it can take it off the answer. */
  const edgeMark = (method: string, ring = bed.rings['edge-gateway']) => {
    const mark = {
      at: Date.now(),
      requestId: 'r',
      structure: 0,
      placements: 0,
      because: 'home',
      from: 'FRA',
      flags: [],
    }
    return writeMark('edge', mark, { method, host: 'api.example.com', target: '/hints' }, ring)
  }
  const all = `${hints}HTTP/1.1 102 Processing\r\n\r\n${after}`

  it('Edge D1: none ever goes to an edge, which would take it for the answer: early hints or not, upload or not', async () => {
    respond = () => bytes(all)
    // An edge whose key was retired a moment ago is an edge.
    for (const ring of [bed.rings['edge-gateway'], bed.rings['edge-control']]) {
      const read = await exchange(get('/hints', `x-tidegate-edge: ${await edgeMark('GET', ring)}`))
      const fields = [`x-tidegate-edge: ${await edgeMark('POST', ring)}`, 'Expect: 100-continue', 'Content-Length: 5']
      const upload = await exchange(`${ask('POST', '/hints', ...fields)}hello`)

      for (const answer of [read, upload]) {
        expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
        expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
      }
    }
    // The very same to a client itself: the test can fail.
    const direct = await exchange(`${ask('POST', '/hints', 'Expect: 100-continue', 'Content-Length: 5')}hello`)
    expect(direct.match(/^HTTP\/1\.1 \d+/gm)).toEqual(
      ['100', '103', '102', '200'].map((status) => `HTTP/1.1 ${status}`),
    )
  })

  it('Edge D7: the 101 that an edge wanted goes to it, and bears nothing that it would have to take off', async () => {
    respond = () => bytes('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nframes')
    const client = await rawClient(gateway.port)
    const wanted = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: a2V5']
    const fields = ['Host: api.example.com', `x-tidegate-edge: ${await edgeMark('GET')}`, ...wanted, '', '']
    client.write(['GET /hints HTTP/1.1', ...fields].join('\r\n'))

    const answer = await client.until(/frames$/)
    client.socket.destroy()

    expect(answer).toMatch(/^HTTP\/1\.1 101 /)
    expect(answer).not.toMatch(/x-tidegate-/i)
    respond = () => bytes(after)
    expect(await exchange(get('/hints', `x-tidegate-edge: ${await edgeMark('GET')}`))).toMatch(
      /x-tidegate-table: s=1;p=1/,
    )
  })
})

describe('trailers of an answer', () => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n'

  it('H11: reach a client that says it takes them, announced, and the service hears of it', async () => {
    respond = () => bytes(chunked)
    const seen = upstream.requests.length

    const answer = await exchange(get('/v1/x', 'TE: trailers'))

    expect(answer).toMatch(/\r\nTrailer: X-Sum\r\n[\s\S]*\r\n0\r\nX-Sum: 7\r\n\r\n$/)
    expect((await upstream.received(seen + 1)).head).toMatch(/\r\nte: trailers\r\n/)
  })

  it('H11: are dropped for any other, with their announcement', async () => {
    respond = () => bytes(chunked)

    const answer = await exchange(get('/v1/x'))

    expect(answer).toMatch(/0\r\n\r\n$/)
    expect(answer).not.toContain('X-Sum')
  })
})

describe('the fields of an answer', () => {
  it('H4: name the proxies of the service, then us', async () => {
    respond = () => ok('x', ['Via: 1.1 inner'])

    expect(await exchange(get('/v1/x'))).toMatch(/\r\nVia: 1\.1 inner\r\n[\s\S]*via: 1\.1 tidegate\r\n/)
  })

  it('H4: do not name us where the site has switched it off, in either direction', async () => {
    respond = () => ok('x')
    await using quiet = await bed.start('onprem', {
      table: { file: 'table' },
      home: bed.folder.file('home-quiet'),
      viaOn: { requests: false, answers: false },
    })
    const seen = upstream.requests.length
    const client = await rawClient(quiet.port)
    client.write(get('/v1/x'))

    expect((await client.closed()).toLowerCase()).not.toContain('via:')
    expect((await upstream.received(seen + 1)).head.toLowerCase()).not.toContain('via:')
    client.socket.destroy()
  })

  it('H14: ranges and conditions pass as they came, and so does what is answered', async () => {
    const part =
      'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b'
    respond = () => bytes(part)
    const seen = upstream.requests.length

    const answer = await exchange(get('/v1/x', 'Range: bytes=0-1', 'If-Range: "a"', 'Accept-Encoding: gzip'))

    const { head } = await upstream.received(seen + 1)
    expect(head).toContain('Range: bytes=0-1\r\nIf-Range: "a"\r\nAccept-Encoding: gzip\r\n')
    // C10: the coded bytes are the client's to decode.
    expect(answer).toMatch(/^HTTP\/1\.1 206 [\s\S]*Content-Range: bytes 0-1\/9\r\nContent-Encoding: gzip/)
    expect(answer.endsWith('\x1f\x8b')).toBe(true)
  })
})

describe('what a service is told of time', () => {
  it('is how long its answer may still take, and which try it is', async () => {
    respond = () => ok('x')
    const seen = upstream.requests.length

    await exchange(get('/v1/x', 'X-Tidegate-Deadline: 99999999'))

    const { head } = await upstream.received(seen + 1)
    const left = Number(/x-tidegate-deadline: (\d+)\r\n/.exec(head)?.[1])
    expect(left).toBeGreaterThan(timeout.totalMs - 1_000)
    expect(left).toBeLessThanOrEqual(timeout.totalMs)
    expect(head).toContain('x-tidegate-attempt: 0\r\n')
  })
})

describe('a client that leaves', () => {
  it.each([
    ['before the answer', ''],
    ['in the midst of it', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
  ])('C1: ends the request at the service within 100 ms, %s', async (_, first) => {
    const waits: number[] = []
    // The least of three: a busy machine must not be taken for a slow gateway.
    for (let time = 0; time < 3; time++) {
      respond = () => ({ bytes: later(first, 'x', 8_000) })
      const seen = upstream.requests.length
      const client = await rawClient(gateway.port)
      client.write(get('/v1/x'))
      await upstream.received(seen + 1)
      if (first !== '') await client.until(/abc/)
      const { open } = upstream

      const leftMs = performance.now()
      // A mere end of its half would be none: it may still read.
      client.socket.resetAndDestroy()
      await eventually(() => upstream.open < open, { everyMs: 2 })
      waits.push(performance.now() - leftMs)
    }

    expect(Math.min(...waits)).toBeLessThan(100)
  })
})
