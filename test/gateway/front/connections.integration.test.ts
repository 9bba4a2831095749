import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeMark } from '#routes/hop.ts'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RawClient, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream

beforeAll(async () => {
  bed = await openBed()
  const large = Buffer.alloc(16 * 1024 * 1024, 'x')
  upstream = await startRecordingUpstream(({ head }) =>
    head.startsWith('GET /v1/large')
      ? { bytes: Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${large.length}\r\n\r\n`), large]) }
      : ok('hello'),
  )
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  await bed.writeTable('table', structure([route('/v1/**')], { services }), placementSet([]))
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

const start = (limits: object, more: object = {}) =>
  bed.start('onprem', { table: { file: 'table' }, limits, ...more }) as Promise<RunningGateway>
const get = (target: string, fields = '') => `GET ${target} HTTP/1.1\r\nHost: api.example.com\r\n${fields}\r\n`
const several = (gateway: RunningGateway, count: number): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => rawClient(gateway.port)))
const leave = (clients: readonly RawClient[]) => {
  for (const { socket } of clients) socket.destroy()
}

describe('Edge D2: an idle connection', () => {
  it('is kept for longer than the 900 s that a CDN uses it, by default, and its answers say for how long', async () => {
    await using gateway = await start({})
    const client = await rawClient(gateway.port)
    client.write(get('/v1/x'))

    const [, seconds] = /\r\nKeep-Alive: timeout=(\d+)\r\n/.exec(await client.until(/hello$/)) ?? []
    expect(Number(seconds)).toBeGreaterThan(900)
    leave([client])
  })

  it('is ended by no clock of slow clients: the next request on it is answered', async () => {
    await using gateway = await start({ headTimeout: '1s', takingTimeout: '1s', bodyIdle: '1s', bodyWindow: '1s' })
    const client = await rawClient(gateway.port)
    client.write(`POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 1\r\n\r\nx`)
    await client.until(/hello$/)
    const since = performance.now()
    await eventually(() => client.socket.destroyed || performance.now() - since > 2_500, { everyMs: 50 })

    client.write(get('/v1/again'))

    await client.until(/hello[\s\S]*hello$/)
    leave([client])
  })

  it('is ended by its own clock, where that is shorter', async () => {
    await using gateway = await start({ idleTimeout: '1s' })
    const client = await rawClient(gateway.port)
    client.write(get('/v1/x'))

    expect(await client.closed(8_000)).toMatch(/hello$/)
  })
})

describe('C6: more connections than a client may have', () => {
  it('are answered 503 and closed, and those that it has go on', async () => {
    await using gateway = await start({ connectionsPerAddress: 5 })
    const held = await several(gateway, 5)
    for (const client of held) client.write(get('/v1/x'))
    for (const client of held) await client.until(/hello$/)

    const surplus = await rawClient(gateway.port)
    surplus.write(get('/v1/x'))

    expect(await surplus.closed()).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: 1[\s\S]*"code":"overloaded"/)
    held[0]?.write(get('/v1/again'))
    await held[0]?.until(/hello[\s\S]*hello$/)
    held[1]?.socket.destroy()
    await eventually(async () => {
      const next = await rawClient(gateway.port)
      next.write(get('/v1/x'))
      const answered = await next.until(/^HTTP\/1.1 200/, 200)
      next.socket.destroy()
      return answered
    })
    leave(held)
  })

  it('are answered 503 beyond the limit of the process, whoever asks', async () => {
    await using gateway = await start({ maxConnections: 3 }, { trustedProxies: ['127.0.0.1'] })
    const held = await several(gateway, 3)

    const surplus = await rawClient(gateway.port)

    expect(await surplus.closed()).toMatch(/^HTTP\/1.1 503/)
    leave(held)
  })

  it('are taken from a trusted proxy', async () => {
    await using gateway = await start({ connectionsPerAddress: 2 }, { trustedProxies: ['127.0.0.1'] })
    const many = await several(gateway, 6)

    for (const client of many) client.write(get('/v1/x'))

    for (const client of many) expect(await client.until(/hello$/)).toMatch(/^HTTP\/1.1 200/)
    leave(many)
  })

  it('are taken from an edge, once it has shown its signature', async () => {
    await using gateway = await start({ connectionsPerAddress: 2 })
    const request = { method: 'GET', host: 'api.example.com', target: '/v1/x' }
    const facts = { at: Date.now(), requestId: 'e', structure: 1, placements: 1, because: '', from: 'FRA', flags: [] }
    const mark = await writeMark('edge', facts, request, bed.rings['edge-gateway'])
    const first = await rawClient(gateway.port)
    first.write(get('/v1/x', `X-Tidegate-Edge: ${mark}\r\n`))
    await first.until(/hello$/)

    const many = await several(gateway, 6)
    for (const client of many) client.write(get('/v1/x'))

    for (const client of many) expect(await client.until(/hello$/)).toMatch(/^HTTP\/1.1 200/)
    leave([first, ...many])
  })
})

describe('C6: a client that does not read its answer', () => {
  const inFlight = async (gateway: RunningGateway) =>
    ((await (await gateway.ask('/gateway/v1/drain')).json()) as { inFlight: number }).inFlight

  it('gives its place back, though it goes on to send', async () => {
    await using gateway = await start({ takingTimeout: '1s' })
    const client = await rawClient(gateway.port)
    client.socket.on('error', () => {})
    client.socket.pause()
    client.write(get('/v1/large'))
    await eventually(async () => (await inFlight(gateway)) === 1)
    // Empty lines before a next request: with a socket's own time-out they would keep its place.
    const trickle = setInterval(() => client.write('\r\n'), 100)

    await eventually(async () => (await inFlight(gateway)) === 0)

    clearInterval(trickle)
    client.socket.destroy()
  })

  it('but takes some of it now and then keeps its connection', async () => {
    await using gateway = await start({ takingTimeout: '1s' })
    const client = await rawClient(gateway.port)
    client.write(get('/v1/large'))
    const sips = setInterval(() => {
      client.socket.resume()
      setTimeout(() => client.socket.pause(), 2)
    }, 100)

    await eventually(() => client.received().length > 16 * 1024 * 1024, {
      deadlineMs: 20_000,
      what: 'the whole answer',
    })

    clearInterval(sips)
    client.socket.destroy()
  })
})

describe('an upgrade', () => {
  let plain: RunningGateway
  beforeAll(async () => {
    plain = await start({})
  })

  const webSocket =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n'

  it.each([
    ['to h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'],
    ['to two protocols', webSocket.replace('websocket', 'websocket, h2c')],
    ['to a WebSocket without a key', webSocket.replace(/Sec-WebSocket-Key.*\r\n/, '')],
  ])('U2: %s is an ordinary request, and the last one of its connection', async (_, fields) => {
    const seen = upstream.requests.length
    const client = await rawClient(plain.port)

    // The parser loses what stands behind such a request in its packet: here the head of the one whose body comes next.
    client.write(`${get('/v1/x', fields)}POST /v1/y HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 100\r\n\r\n`)
    client.write(get('/v1/hidden'))

    const answer = await client.closed()
    expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200'])
    expect(upstream.requests.length).toBe(seen + 1)
    expect((await upstream.received(seen + 1)).head).not.toMatch(/\r\n(?:upgrade|http2-settings):/i)
  })

  it('U2: that nothing in Connection names is none', async () => {
    const client = await rawClient(plain.port)

    client.write(get('/v1/x', webSocket.replace('Connection: Upgrade', 'Connection: keep-alive')) + get('/v1/y'))

    await client.until(/hello[\s\S]*hello$/)
    client.socket.destroy()
  })

  it('U1: that is refused ends its connection, and what came behind it is nobody’s request', async () => {
    const seen = upstream.requests.length
    const client = await rawClient(plain.port)

    client.write(get('/nowhere', webSocket) + get('/v1/hidden'))

    expect((await client.closed()).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 404'])
    expect(upstream.requests.length).toBe(seen)
  })

  it('U2: behind an answer that is still to come is an ordinary request', async () => {
    const client = await rawClient(plain.port)

    client.write(get('/v1/x') + get('/v1/y', webSocket) + get('/v1/z'))

    expect((await client.closed()).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  })
})
