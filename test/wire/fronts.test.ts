import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { placementSet, route, structure } from '../support/tables.ts'
import { bodyOf, type EdgeBed, sendRaw, startEdgeBed, statusOf } from './edge-bed.ts'
import { connectTo, exchange, type Front, frontHost, frontNames, startFront } from './fronts.ts'
import { type LiveOrigin, type Mirrored, startLiveOrigin, tickMs } from './live-origin.ts'

let origin: LiveOrigin
let bed: EdgeBed
beforeAll(async () => {
  origin = await startLiveOrigin()
  bed = await startEdgeBed({
    offer: async (sealer) => ({
      structure: await sealer.structure(structure([route('/v1/orders/**')])),
      placements: await sealer.placements(placementSet([])),
    }),
    workers: 2,
    more: { sites: { onprem: origin.url }, trustedClientIpHeader: 'X-Forwarded-For' },
  })
})
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await origin[Symbol.asyncDispose]()
})

describe.each(frontNames)('%s before a self-hosted edge', (name) => {
  let front: Front
  let session: ClientHttp2Session
  beforeAll(async () => {
    front = await startFront(name, bed.port)
    session = connectHttp2(`https://127.0.0.1:${front.port}`, { ca: front.ca, servername: frontHost })
    await once(session, 'connect')
  })
  afterAll(async () => {
    session.close()
    await front[Symbol.asyncDispose]()
  })

  const overTls = (options: RequestOptions): RequestOptions => ({
    port: front.port,
    host: '127.0.0.1',
    ca: front.ca,
    servername: frontHost,
    ...options,
  })

  const one = async (path: string, { method = 'GET', body = '' as string | Buffer, headers = {} } = {}) => {
    const request = httpsRequest(overTls({ path, method, agent: false, headers: { host: frontHost, ...headers } }))
    request.end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(await response.toArray()) }
  }

  const two = async (path: string, { method = 'GET', body = '' as string | Buffer, headers = {} } = {}) => {
    const stream = session.request({ ':path': path, ':method': method, ':authority': frontHost, ...headers })
    // Of a GET the end is sent with its head.
    if (!stream.writableEnded) stream.end(body)
    const [fields] = (await once(stream, 'response')) as [Record<string, string | string[]>]
    return { status: Number(fields[':status']), headers: fields, body: Buffer.concat(await stream.toArray()) }
  }

  const upload = { path: '/v1/orders/upload', method: 'POST' }

  const versions = [
    ['HTTP/1.1', one],
    ['HTTP/2', two],
  ] as const

  const mirrored = async (bytes: string) => JSON.parse(bodyOf(await exchange(front, bytes))) as Mirrored

  it('answers byte for byte what the edge answers, but for what is documented', async () => {
    const get = `GET /v1/orders/bytes?n=100000 HTTP/1.1\r\nHost: ${frontHost}\r\nAccept-Encoding: gzip, br\r\n`

    const direct = await sendRaw(bed.port, `${get}\r\n`)
    const through = await exchange(front, `${get}Connection: close\r\n\r\n`)

    expect(bodyOf(through)).toBe(bodyOf(direct))
    const [own, added] = [fieldsOf(direct), fieldsOf(through).filter((field) => field !== 'connection: close')]
    expect(added.filter((field) => field !== 'server: Caddy')).toEqual(own)
  })

  it.each(versions)('keeps the target, the cookies and the tags: %s', async (_, ask) => {
    const target = "/v1/orders/%7Ea;x=1,b(c)'d!/$&?q=a%20b&&=+%C3%BC"

    const { status, headers, body } = await ask(target, { headers: { x_old_client: '1' } })

    const seen = JSON.parse(String(body)) as Mirrored
    expect([status, seen.target]).toEqual([200, target])
    const names = seen.headers.map((field) => field.toLowerCase())
    expect(names).toContain('x_old_client')
    expect(names).not.toContain('accept-encoding')
    expect(headers).toMatchObject({ etag: '"one"', 'x-answer': 'kept', 'set-cookie': ['a=1; Path=/', 'b=2; Path=/'] })
    expect(headers['content-length']).toBe(String(body.length))
  })

  it.each(versions)('passes large bodies both ways: %s', async (_, ask) => {
    const body = randomBytes(8 * 1024 * 1024)

    const up = await ask('/v1/orders/upload', { method: 'POST', body })
    const down = await ask('/v1/orders/bytes?n=8000000')

    const sha256 = createHash('sha256').update(body).digest('hex')
    expect(JSON.parse(String(up.body))).toEqual({ bytes: body.length, sha256 })
    expect([down.body.length, down.headers['content-length'], down.headers['etag']]).toEqual([
      8_000_000,
      '8000000',
      '"bytes"',
    ])
  })

  it.each([
    ['HTTP/1.1', () => httpsRequest(overTls({ ...upload, agent: false, headers: { host: frontHost } }))],
    ['HTTP/2', () => session.request({ ':path': upload.path, ':method': upload.method, ':authority': frontHost })],
  ])('begins to pass an upload before its end has come: %s', async (_, open) => {
    const before = origin.count
    const request = open()
    request.write(randomBytes(64 * 1024))
    await eventually(() => origin.count > before, { what: 'the upload reaching the gateway' })
    request.end()
    await once(request, 'response')
  })

  it.each(['text/event-stream', 'application/json'])('passes a slow answer as it comes: %s', async (type) => {
    const path = `/v1/orders/events?n=6&type=${type}`
    const spread = async (stream: AsyncIterable<Buffer>) => {
      const times: number[] = []
      for await (const _ of stream) times.push(performance.now())
      return (times.at(-1) ?? 0) - (times[0] ?? 0)
    }
    const request = httpsRequest(overTls({ path, agent: false, headers: { host: frontHost } })).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]

    // Were they held back, all would come at once.
    expect(await spread(response)).toBeGreaterThan(4 * tickMs)
    expect(await spread(session.request({ ':path': path, ':authority': frontHost }))).toBeGreaterThan(4 * tickMs)
  })

  it('Edge D0: answers an upload that expects 100-continue, and the edge sees no such header', async () => {
    const socket = await connectTo(front)
    socket.write(
      `POST /v1/orders/upload HTTP/1.1\r\nHost: ${frontHost}\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    )
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 100 /)
    socket.write('hello')

    const answer = Buffer.concat(await socket.toArray()).toString()

    expect(statusOf(answer)).toBe(200)
    expect(answer).toContain('"bytes":5')
  })

  it('opens a WebSocket with its subprotocol, and closes it in order', async () => {
    const url = `wss://127.0.0.1:${front.port}/v1/orders/socket`
    const socket = new WebSocket(url, ['chat.v2'], overTls({ headers: { host: frontHost } }) as object)
    await once(socket, 'open')
    socket.send('ping')

    expect([socket.protocol, String((await once(socket, 'message'))[0])]).toEqual(['chat.v2', 'ping'])
    socket.close(1000, 'done')
    expect((await once(socket, 'close'))[0]).toBe(1000)
  })

  it.each(versions)('overwrites what a client claims of its address: %s', async (_, ask) => {
    const lies = ['x-forwarded-for', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip', 'x_forwarded_for']
    const headers = {
      ...Object.fromEntries(lies.map((lie) => [lie, '6.6.6.6'])),
      forwarded: 'for=6.6.6.6',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'evil.example.com',
    }

    const { body } = await ask('/v1/orders/1', { headers })

    const seen = JSON.parse(String(body)) as Mirrored
    const mark = seen.headers[seen.headers.indexOf('x-tidegate-edge') + 1] ?? ''
    expect(mark).toMatch(/;a=127\.0\.0\.1;/)
    expect(seen.headers.join('\n')).not.toMatch(/6\.6\.6\.6|evil/)
    const names = seen.headers.filter((_, at) => at % 2 === 0).map((field) => field.toLowerCase())
    expect(seen.headers[2 * names.indexOf('x-forwarded-proto') + 1]).toBe('https')
  })

  it('Edge D11: reads an absolute-form target, and a Host field beside it counts for nothing', async () => {
    const line = `GET https://${frontHost}/v1/orders/7?a=b HTTP/1.1`

    const seen = await mirrored(`${line}\r\nHost: other.example.com\r\nConnection: close\r\n\r\n`)

    expect(seen.target).toBe('/v1/orders/7?a=b')
    const at = seen.headers.findIndex((field) => field.toLowerCase() === 'host')
    expect(seen.headers[at + 1]).toBe(frontHost)
  })

  it.each([
    ['GET /v1/orders/a\tb', 400, 400],
    ['GET /v1/orders/\x01', 400, 400],
    ['GET /v1/orders/a b', 400, 400],
    ['GET /v1/orders/%zz', 400, 400],
    ['OPTIONS *', 400, 200],
    ['TRACE /v1/orders/1', 405, 405],
    ['CONNECT /v1/orders/1', 405, 405],
    ['GET http://other.example.com/v1/orders/1', 421, 421],
  ])('Edge D11: answers %j by itself', async (line, nginx, caddy) => {
    const before = origin.count

    const answer = await exchange(front, `${line} HTTP/1.1\r\nHost: ${frontHost}\r\nConnection: close\r\n\r\n`)

    expect(statusOf(answer)).toBe(name === 'nginx' ? nginx : caddy)
    expect(origin.count).toBe(before)
  })

  it.each(['/v1/orders/a%2Fb', '/v1/orders/%2e%2e/b', '/v1/orders//b'])('leaves %s to the edge', async (target) => {
    const answer = await exchange(front, `GET ${target} HTTP/1.1\r\nHost: ${frontHost}\r\nConnection: close\r\n\r\n`)

    expect([statusOf(answer), JSON.parse(bodyOf(answer)).code]).toEqual([400, 'target-unsafe'])
  })

  it('passes bytes that RFC 3986 does not allow in a path as documented', async () => {
    const { target } = await mirrored(
      `GET /v1/orders/[1]|%7E HTTP/1.1\r\nHost: ${frontHost}\r\nConnection: close\r\n\r\n`,
    )

    expect(target).toBe(name === 'nginx' ? '/v1/orders/[1]|%7E' : '/v1/orders/%5B1%5D%7C~')
  })

  it('lets nobody hide a second request in the body of a first', async () => {
    const before = origin.count
    const first = `POST /v1/orders/1 HTTP/1.1\r\nHost: ${frontHost}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    const second = `GET /v1/orders/hidden HTTP/1.1\r\nHost: ${frontHost}\r\nConnection: close\r\n\r\n`

    const answers = (await exchange(front, first + second)).split(/(?=HTTP\/1\.1 \d{3})/)

    // nginx refuses it; Caddy reads by the chunks alone: then the second is a request like any other, answered by its own.
    expect(answers.map(statusOf)).toEqual(name === 'nginx' ? [400] : [200, 200])
    expect(origin.count - before).toBe(name === 'nginx' ? 0 : 2)
  })

  it('serves no name that is not its own, and sends plain HTTP to TLS', async () => {
    await expect(connectTo(front, 'other.example.com')).rejects.toThrow(/alert/)
    const other = await exchange(
      front,
      'GET /v1/orders/1 HTTP/1.1\r\nHost: other.example.com\r\nConnection: close\r\n\r\n',
    )
    expect(statusOf(other)).toBe(421)

    const plain = await sendRaw(
      front.plainPort,
      `POST /v1/orders/1?a=b HTTP/1.1\r\nHost: ${frontHost}\r\nContent-Length: 0\r\n\r\n`,
    )
    expect(statusOf(plain)).toBe(308)
    expect(plain).toMatch(/\r\nlocation: https:\/\/api\.example\.com(:\d+)?\/v1\/orders\/1\?a=b\r\n/i)
  })

  it('loses no request while every process of the edge is replaced', async () => {
    const rolled = () => bed.process.output().match(/"reason":"asked","running":2/g)?.length ?? 0
    const [before, failures] = [rolled(), [] as string[]]
    let stopped = false
    const agent = new Agent({ keepAlive: true, maxSockets: 3 })
    const loop = async (ask: () => Promise<number | undefined>) => {
      while (!stopped) {
        const status = await ask().catch((error: Error) => error.message)
        if (status === 200) continue
        failures.push(String(status))
        return
      }
    }
    const kept = async () => {
      const request = httpsRequest(
        overTls({ path: '/v1/orders/1', method: 'POST', agent, headers: { host: frontHost } }),
      )
      request.end('body')
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      await response.toArray()
      return response.statusCode
    }
    const streamed = async () => (await two('/v1/orders/1', { method: 'POST', body: 'body' })).status
    const loops = [kept, kept, kept, streamed, streamed].map(loop)

    bed.process.signal('SIGUSR2')
    await eventually(() => rolled() > before, { deadlineMs: 20_000, what: 'all processes being replaced' })
    stopped = true
    await Promise.all(loops)
    agent.destroy()

    expect(failures).toEqual([])
  })
})

/** Lower-case names with their values, in order of names: fronts reorder fields, and HTTP lets them. */
function fieldsOf(answer: string): string[] {
  const lines = answer.slice(0, answer.indexOf('\r\n\r\n')).split('\r\n').slice(1)
  return lines
    .map((line) => line.replace(/^[^:]*/, (field) => field.toLowerCase()).replace(/^date: .*/, 'date: now'))
    .sort()
}
