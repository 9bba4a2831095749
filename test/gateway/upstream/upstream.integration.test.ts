import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import {
  ok,
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../../support/recording-upstream.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let early: RecordingUpstream
let slow: Server
let gateway: RunningGateway
let respond: (request: RecordedRequest, number: number) => ReturnType<typeof ok> | Promise<ReturnType<typeof ok>> =
  () => ok('hello')

const timeout = { connectMs: 300, firstByteMs: 400, totalMs: 1_500 }
const short = { ...policy, timeout }

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream((request, number) => respond(request, number))
  early = await startRecordingUpstream(() => ok('early'), { answerAt: 'head' })
  slow = createServer((request, response) => {
    if (request.url?.startsWith('/sse')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      let tick = 0
      const timer = setInterval(() => response.write(`data: ${tick++}\n\n`), 100)
      response.on('close', () => clearInterval(timer))
    } else if (request.url?.startsWith('/upload')) {
      let bytes = 0
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      request.on('end', () => response.end(String(bytes)))
    } else if (request.url?.startsWith('/download')) {
      const piece = Buffer.alloc(64 * 1024, 'x')
      let left = 50 * 16
      const more = (): void => {
        while (left-- > 0) if (!response.write(piece)) return void response.once('drain', more)
        response.end()
      }
      more()
    }
  })
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  const at = (url: string) => ({ deployments: [{ site: 'onprem', url }] })
  const slowUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
  const services = [
    service('orders', at(upstream.url)),
    service('early', at(early.url)),
    service('refused', at(`http://127.0.0.1:${await freePort()}`)),
    service('slow', at(slowUrl)),
    service('elsewhere', { deployments: [{ site: 'cloud', url: slowUrl }] }),
  ]
  const routes = [
    route('/v1/**', { policy: { ...short, maxBodyBytes: 1_000_000 } }),
    route('/early', { service: 'early' }),
    route('/refused', { service: 'refused' }),
    route('/sse/**', { service: 'slow', policy: short }),
    route('/upload', { service: 'slow', policy: { ...policy, maxBodyBytes: 2 ** 30 } }),
    route('/download', { service: 'slow' }),
    route('/silent', { service: 'slow', policy: short }),
    route('/elsewhere', { service: 'elsewhere' }),
  ]
  const table = await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  gateway = await bed.start('onprem', { table: { file: table }, upstreams: { breaker: false } })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), early.close()])
  slow.closeAllConnections()
  slow.close()
})

async function exchange(request: string): Promise<string> {
  const client = await rawClient(gateway.port)
  client.write(request)
  const answer = await client.closed()
  client.socket.destroy()
  return answer
}

const get = (target: string, ...fields: string[]) =>
  [`GET ${target} HTTP/1.1`, 'Host: api.example.com', 'Connection: close', ...fields, '', ''].join('\r\n')

async function problemOf(answer: string): Promise<{ status: number; code: string }> {
  const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { status: number; code: string }
  expect(answer).toContain('content-type: application/problem+json')
  return { status: Number(answer.slice(9, 12)), code: body.code }
}

describe('a request through the gateway', () => {
  it('P1: reaches the service with its target byte for byte', async () => {
    const target = '/v1/a%2eb;x=1/%C3%A9~!$&()*+,=:@?q=%zz&q=1&&a=%2F?b'
    const seen = upstream.requests.length

    await exchange(get(target))

    expect((await upstream.received(seen + 1)).head.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`)
  })

  it('H8: keeps the order, case and repetition of header fields in both directions', async () => {
    respond = () => ok('x', ['Set-Cookie: a=1', 'X-Odd-CASE: one', 'Set-Cookie: b=2', 'X-Odd-CASE: two'])
    const seen = upstream.requests.length

    const answer = await exchange(get('/v1/x', 'X-First: 1', 'x-MiXed: a', 'X-First: 2'))

    const { head } = await upstream.received(seen + 1)
    expect(head).toMatch(/X-First: 1\r\nx-MiXed: a\r\nX-First: 2\r\n/)
    expect(answer).toMatch(/Set-Cookie: a=1\r\nX-Odd-CASE: one\r\nSet-Cookie: b=2\r\nX-Odd-CASE: two\r\n/)
  })

  it('H1: loses the fields of its connection on the way in and out, and nothing that Connection may not name', async () => {
    respond = () =>
      ok('x', [
        'Connection: X-Secret-Hop',
        'X-Secret-Hop: 1',
        'Keep-Alive: timeout=99',
        'Proxy-Authenticate: Basic',
        'X-Kept: yes',
      ])
    const seen = upstream.requests.length

    const answer = await exchange(
      `GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\nConnection: close, X-Hop, Authorization\r\nX-Hop: 1\r\nAuthorization: Bearer t\r\nKeep-Alive: 5\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nTE: trailers\r\n\r\n`,
    )

    const head = (await upstream.received(seen + 1)).head.toLowerCase()
    for (const gone of ['x-hop', 'keep-alive: 5', 'proxy-authorization', 'upgrade', 'http2-settings'])
      expect(head).not.toContain(gone)
    expect(head).toContain('authorization: bearer t')
    for (const gone of ['X-Secret-Hop', 'timeout=99', 'Proxy-Authenticate']) expect(answer).not.toContain(gone)
    expect(answer).toContain('X-Kept: yes')
  })

  it('H6: carries our word for the client, and not what the client says of itself', async () => {
    respond = () => ok('x', ['x-tidegate-table: s=9;p=9', 'x_tidegate_odd: 1'])
    const seen = upstream.requests.length

    const answer = await exchange(
      get(
        '/v1/x',
        'X-Forwarded-For: 6.6.6.6',
        'X-Tidegate-Consumer: root',
        'x_tidegate_consumer: root',
        'X_Forwarded_For: 6.6.6.6',
        'X-Request-Id: mine',
      ),
    )

    const head = (await upstream.received(seen + 1)).head
    expect(head.toLowerCase()).not.toMatch(/root|6\.6\.6\.6|mine/)
    expect(head).toContain('x-forwarded-for: 127.0.0.1')
    expect(answer).not.toContain('s=9')
    const id = /x-request-id: (\S+)/.exec(head)?.[1]
    expect(answer).toContain(`x-request-id: ${id}`)
  })

  it('F9: keeps a body on GET and DELETE', async () => {
    respond = () => ok('x')
    const seen = upstream.requests.length

    await exchange(
      'DELETE /v1/x HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
    )

    const request = await upstream.received(seen + 1)
    await eventually(() => request.complete)
    expect(request.body.toString()).toBe('hello')
    expect(request.head).toContain('content-length: 5')
  })
})

describe('a client that waits for 100 Continue', () => {
  it('is told to go on when the service is to get the body', async () => {
    respond = () => ok('x')
    const seen = upstream.requests.length
    const client = await rawClient(gateway.port)

    client.write(
      'POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    )
    await client.until(/^HTTP\/1.1 100 Continue\r\n\r\n/)
    client.write('hello')
    const answer = await client.closed()

    expect(answer).toContain('HTTP/1.1 200 OK')
    expect((await upstream.received(seen + 1)).head.toLowerCase()).not.toContain('expect')
    client.socket.destroy()
  })

  it('gets a refusal without uploading', async () => {
    const answer = await exchange(
      'POST /nowhere HTTP/1.1\r\nHost: api.example.com\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n',
    )

    expect(answer).toMatch(/^HTTP\/1.1 404 /)
  })
})

describe('a service that fails', () => {
  it.each([
    ['C2: that refuses the connection gives 502', '/refused', 502, 'upstream-refused'],
    ['C2: that never answers gives 504 in its time', '/silent', 504, 'first-byte-timeout'],
    ['that is not at this site gives 503', '/elsewhere', 503, 'no-endpoint'],
  ])('%s', async (_, target, status, code) => {
    expect(await problemOf(await exchange(get(target)))).toEqual({ status, code })
  })

  it('that closes before it answers gives 502, after one more try of a safe request', async () => {
    respond = () => ({ bytes: '', after: 'close' })
    const seen = upstream.requests.length

    const answer = await exchange(get('/v1/x'))

    expect(await problemOf(answer)).toEqual({ status: 502, code: 'upstream-reset' })
    expect(upstream.requests.length - seen).toBe(2)
    expect(upstream.requests.at(-1)?.head).toContain('x-tidegate-attempt: 1')
    expect(answer).not.toMatch(/127\.0\.0\.1|ECONN/)
  })

  it.each([
    ['a POST', 'POST', 'Content-Length: 0\r\n\r\n'],
    ['a PUT with a body', 'PUT', 'Content-Length: 1\r\n\r\nx'],
    ['a POST with a body', 'POST', 'Content-Length: 1\r\n\r\nx'],
  ])('that closes before it answers %s is not asked again', async (_, method, rest) => {
    respond = () => ({ bytes: '', after: 'close' })
    const seen = upstream.requests.length

    const answer = await exchange(`${method} /v1/x HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n${rest}`)

    expect(await problemOf(answer)).toEqual({ status: 502, code: 'upstream-reset' })
    expect(upstream.requests.length - seen).toBe(1)
  })

  it('F12: that answers something else than HTTP gives 502', async () => {
    respond = () => ({ bytes: 'SSH-2.0-OpenSSH\r\n\r\n', after: 'close' })

    expect(await problemOf(await exchange(get('/v1/x')))).toEqual({ status: 502, code: 'upstream-invalid' })
  })

  it.each([
    ['a Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ])('F13: that cuts an answer short against %s makes the client see a broken connection', async (_, bytes) => {
    respond = () => ({ bytes, after: 'close' })

    const answer = await exchange(get('/v1/x'))

    expect(answer).toContain('abc')
    expect(answer.endsWith('0\r\n\r\n')).toBe(false)
  })
})

describe('an answer that streams', () => {
  it('U3: arrives tick by tick, outlives the total time-out, and ends at the service when the client goes', async () => {
    const client = await rawClient(gateway.port)
    const startedMs = performance.now()
    client.write(get('/sse/x'))
    await client.until(/data: 0/)
    const firstMs = performance.now() - startedMs
    await client.until(/data: 17/)

    expect(firstMs).toBeLessThan(400)
    expect(performance.now() - startedMs).toBeGreaterThan(timeout.totalMs)
    expect(openConnections()).toBeGreaterThan(0)
    const left = performance.now()
    client.socket.destroy()
    await eventually(() => liveStreams === 0, { what: 'the service seeing the abort' })
    expect(performance.now() - left).toBeLessThan(300)
  })

  it('U4: is not held in memory: 200 MB up and 50 MB down in less than 100 MB', async () => {
    const before = rss()
    const body = Buffer.alloc(200 * 1024 * 1024)

    const up = await fetch(`${gateway.public}/upload`, { method: 'POST', body })
    expect(await up.text()).toBe(String(body.length))
    const down = await fetch(`${gateway.public}/download`)
    let peak = rss()
    let bytes = 0
    for await (const chunk of down.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      peak = Math.max(peak, rss())
    }

    expect(bytes).toBe(50 * 1024 * 1024)
    // Read buffers that are garbage and not collected yet count too; a body that is held would be twice this.
    expect(peak - before).toBeLessThan(100 * 1024 * 1024)
  })

  it('U4: is slowed down for a slow client instead of filling memory', async () => {
    const client = await rawClient(gateway.port)
    const before = rss()
    const written = serviceBytesWritten()
    client.socket.pause()
    client.write(get('/download'))

    // The service has filled every buffer on the way when it can write no more.
    let last = -1
    await eventually(
      () => {
        const now = serviceBytesWritten()
        const settled = now > written && now === last
        last = now
        return settled
      },
      { everyMs: 200 },
    )

    expect(serviceBytesWritten() - written).toBeLessThan(40 * 1024 * 1024)
    expect(rss() - before).toBeLessThan(100 * 1024 * 1024)
    client.socket.destroy()
  })
})

describe('an upload', () => {
  it('C8: that is too large is refused and never complete at the service', async () => {
    const seen = upstream.requests.length
    const client = await rawClient(gateway.port)
    client.write('POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`
    for (let sent = 0; sent < 12; sent++) client.write(chunk)

    await client.until(/HTTP\/1.1 413 /)

    expect(upstream.requests.slice(seen).some(({ complete }) => complete)).toBe(false)
    client.socket.destroy()
  })

  it('C1: that breaks off is broken off at the service', async () => {
    const seen = upstream.requests.length
    const client = await rawClient(gateway.port)
    client.write('POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 100\r\n\r\npart')
    await upstream.received(seen + 1)

    client.socket.destroy()

    await eventually(() => upstream.requests[seen]?.aborted, { deadlineMs: 1000 })
    expect(upstream.requests[seen]?.complete).toBe(false)
  })

  it('F10: gets an early answer at once', async () => {
    const client = await rawClient(gateway.port)
    client.write('POST /early HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 100000\r\n\r\npart')

    await client.until(/early$/)
    client.socket.destroy()
  })
})

describe('a client that leaves while its service fails', () => {
  it('takes nobody else along', async () => {
    for (let time = 0; time < 20; time++) {
      const client = await rawClient(gateway.port)
      client.write(
        `POST /refused HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: ${2 ** 20}\r\n\r\n${'x'.repeat(300_000)}`,
      )
      await client.until(/502/)
      client.socket.resetAndDestroy()
    }

    expect((await fetch(`${gateway.public}/early`)).status).toBe(200)
  })

  it('may go on with its connection when it does not leave', async () => {
    const client = await rawClient(gateway.port)
    client.write(
      `POST /refused HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(30_000)}`,
    )
    await client.until(/502/)
    client.write('x'.repeat(30_000))
    client.write(get('/early'))

    await client.until(/early$/)
    client.socket.destroy()
  })
})

describe('connections to a service', () => {
  it('that the service closed while idle fail no request', async () => {
    const reset = createTcpServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        setTimeout(() => socket.destroy(), 2)
      })
    })
    reset.listen(0, '127.0.0.1')
    await once(reset, 'listening')
    const url = `http://127.0.0.1:${(reset.address() as AddressInfo).port}`
    const services = [service('orders', { deployments: [{ site: 'onprem', url }] })]
    const table = await bed.writeTable('stale', structure([route('/v1/**')], { services }), placementSet([]))
    await using other = await bed.start('onprem', { table: { file: table }, home: bed.folder.file('home-stale') })

    const statuses = new Set<number>()
    for (let sent = 0; sent < 60; sent++) statuses.add((await fetch(`${other.public}/v1/x`)).status)

    expect([...statuses]).toEqual([200])
    reset.close()
  })
})

let liveStreams = 0
function openConnections(): number {
  return liveStreams
}
beforeAll(() => {
  slow.on('request', (request, response) => {
    if (!request.url?.startsWith('/sse')) return
    liveStreams++
    response.on('close', () => liveStreams--)
  })
  slow.on('connection', (socket) => sockets.add(socket))
})
const sockets = new Set<import('node:net').Socket>()
function serviceBytesWritten(): number {
  return Math.max(0, ...[...sockets].filter((socket) => !socket.destroyed).map((socket) => socket.bytesWritten))
}

function rss(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}
