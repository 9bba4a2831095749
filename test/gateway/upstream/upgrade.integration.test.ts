import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually, within } from '../../support/eventually.ts'
import { type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let gateway: RunningGateway
let other: RunningGateway
let recording: RecordingUpstream
let respond = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
const handshakes: IncomingMessage[] = []
const closed: number[] = []

const server = createServer((_, response) => void response.end('plain'))
const sockets = new WebSocketServer({
  server,
  handleProtocols: (offered) => [...offered].at(-1) ?? false,
  perMessageDeflate: { threshold: 0 },
})

beforeAll(async () => {
  sockets.on('connection', (socket, request) => {
    handshakes.push(request)
    socket.on('close', (code) => closed.push(code))
    socket.on('error', () => {})
    socket.on('message', (data, binary) => {
      if (data.toString() === 'leave') socket.terminate()
      else if (data.toString() === 'flood') for (let left = 200; left > 0; left--) socket.send(Buffer.alloc(65_536))
      else socket.send(data, { binary })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  recording = await startRecordingUpstream(() => ({ bytes: respond }))
  bed = await openBed()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const both = (at: string) => ({
    deployments: [
      { site: 'onprem', url: at },
      { site: 'cloud', url: at },
    ],
  })
  const upgrade = ['websocket'] as const
  const services = [
    service('chat', both(url)),
    service('raw', both(recording.url)),
    service('moved', both(url)),
    service('closed', both(url)),
  ]
  const routes = [
    route('/chat', { service: 'chat', policy: { ...policy, upgrade } }),
    route('/idle', { service: 'chat', policy: { ...policy, upgrade, timeout: { ...policy.timeout, idleMs: 150 } } }),
    route('/plain', { service: 'chat' }),
    route('/raw', { service: 'raw', policy: { ...policy, upgrade } }),
    route('/raw-plain', { service: 'raw' }),
    route('/moved', { service: 'moved', policy: { ...policy, upgrade } }),
    route('/closed', { service: 'closed', policy: { ...policy, upgrade, auth: { scopes: [] } } }),
  ]
  const placements = placementSet([placement('moved', { owner: 'cloud' })])
  await bed.writeTable('table', structure(routes, { services }), placements)
  const limits = { tunnels: 6, tunnelsPerConsumer: 4 }
  other = await bed.start('cloud', { table: { file: 'table' } })
  const peers = { cloud: { public: other.public, internal: other.internal } }
  gateway = await bed.start('onprem', { table: { file: 'table' }, peers, limits })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  sockets.close()
  server.closeAllConnections()
  server.close()
  await recording.close()
})

const at = (path: string, of = gateway) => `${of.public.replace('http', 'ws')}${path}`

async function open(path: string, protocols: string[] = [], options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(at(path), protocols, options)
  socket.on('error', () => {})
  await within(5_000, `a WebSocket at ${path}`, once(socket, 'open'))
  return socket
}

/** The status of the answer to a handshake that fails. */
async function refused(path: string, options: WebSocket.ClientOptions = {}): Promise<number | undefined> {
  const socket = new WebSocket(at(path), options)
  socket.on('error', () => {})
  const [, answer] = (await within(5_000, 'a refusal', once(socket, 'unexpected-response'))) as [
    unknown,
    IncomingMessage,
  ]
  socket.terminate()
  return answer.statusCode
}

async function answerTo(socket: WebSocket, message: string | Buffer): Promise<Buffer> {
  const answered = once(socket, 'message')
  socket.send(message)
  const [data] = (await within(5_000, 'an answer', answered)) as [Buffer]
  return data
}

async function end(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return
  const over = once(socket, 'close')
  socket.close()
  await within(5_000, 'the end of a WebSocket', over)
}

/** Every tunnel of a test is given back before the next one counts them. */
async function allEnded(): Promise<void> {
  await eventually(async () =>
    (await (await gateway.ask('/metrics')).text()).includes('tidegate_endless_answers{kind="tunnel"} 0'),
  )
}

const handshake = (path: string, ...fields: string[]) =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: api.example.com',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
    '',
    '',
  ].join('\r\n')

describe('a WebSocket', () => {
  it('U1: passes with all its subprotocols and extensions, and carries text and bytes both ways', async () => {
    const socket = await open('/chat', ['first', 'second', 'third'])

    expect(socket.protocol).toBe('third')
    expect(socket.extensions).toContain('permessage-deflate')
    expect(handshakes.at(-1)?.headers['sec-websocket-protocol']).toBe('first,second,third')
    expect((await answerTo(socket, 'hello')).toString()).toBe('hello')
    const large = Buffer.alloc(3_000_000, 'x')
    expect((await answerTo(socket, large)).equals(large)).toBe(true)
    await end(socket)
  })

  it('U1: gets the fields of the service byte for byte, and what came behind its head', async () => {
    respond =
      'HTTP/1.1 101 Switching Protocols\r\nUPGRADE: WebSocket\r\nConnection: upgrade, X-Hop\r\nX-Hop: 1\r\nSEC-WebSocket-Accept: a b\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nSec-WebSocket-Extensions: x; y="z"\r\n\r\n\x81\x02hi'
    const client = await rawClient(gateway.port)
    client.write(`${handshake('/raw', 'Sec-WebSocket-Extensions: x; y="z"', 'sec-websocket-PROTOCOL: p, q')}early`)

    const answer = await client.until(/hi$/)

    expect(answer).toMatch(/^HTTP\/1\.1 101 /)
    expect(answer).toContain(
      'SEC-WebSocket-Accept: a b\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nSec-WebSocket-Extensions: x; y="z"\r\n',
    )
    expect(answer).not.toMatch(/x-hop|date:|transfer-encoding|keep-alive/i)
    expect(answer.match(/upgrade: websocket/gi)).toHaveLength(1)
    const sent = recording.requests.at(-1)
    expect(sent?.head).toContain('Sec-WebSocket-Extensions: x; y="z"\r\nsec-websocket-PROTOCOL: p, q\r\n')
    client.socket.destroy()
  })

  it('U1: that the service refuses gets the answer of the service', async () => {
    respond = 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\nX-Why: no\r\n\r\nsoon'
    const client = await rawClient(gateway.port)
    client.write(handshake('/raw'))

    expect(await client.closed()).toMatch(/^HTTP\/1\.1 426 [\s\S]*X-Why: no[\s\S]*soon$/)
    client.socket.destroy()
  })

  it('U4: that is answered with a long body, as any request, gets all of it', async () => {
    const length = 20_000_000
    respond = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`
    const client = await rawClient(gateway.port)
    client.write(handshake('/raw'))

    const answer = await client.closed(10_000)

    expect(answer.length).toBeGreaterThan(length)
    client.socket.destroy()
  })

  it('U1: to which the service answers with another protocol is none', async () => {
    respond = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'
    const client = await rawClient(gateway.port)
    client.write(handshake('/raw'))

    expect(await client.closed()).toMatch(/^HTTP\/1\.1 502 [\s\S]*upstream-invalid/)
    client.socket.destroy()
  })

  it('U1: is asked who calls before the handshake', async () => {
    const seen = handshakes.length

    expect(await refused('/closed')).toBe(401)
    expect(handshakes.length).toBe(seen)
  })

  it('U1: on a route that does not say so is an ordinary request', async () => {
    expect(await refused('/plain')).toBe(200)
  })

  it.each([
    ['h2c', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    ['a WebSocket on a plain route', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
  ])('U2: no tunnel leads around a refusal: %s is a request without its Upgrade', async (_, upgrade, field) => {
    respond = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const seen = recording.requests.length
    const client = await rawClient(gateway.port)
    client.write(`GET /raw-plain HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\n${upgrade}\r\n${field}\r\n\r\n`)

    expect(await client.closed()).toMatch(/200 OK[\s\S]*ok$/)
    expect((await recording.received(seen + 1)).head).not.toMatch(/\r\n(?:upgrade|http2-settings):/i)
    client.socket.destroy()
  })

  it('U1: crosses to the site that owns it', async () => {
    const socket = await open('/moved', ['p'])

    expect((await answerTo(socket, 'across')).toString()).toBe('across')
    expect(handshakes.at(-1)?.headers['via']).toBe('1.1 tidegate, 1.1 tidegate')
    await end(socket)
  })

  it('U4: is slowed down with its reader instead of filling memory', async () => {
    const socket = await open('/chat', [], { perMessageDeflate: false })
    let got = 0
    socket.on('message', (data) => {
      got += (data as Buffer).length
    })
    socket.pause()
    socket.send('flood')
    socket.resume()

    await eventually(() => got === 200 * 65_536)
    await end(socket)
  })

  it('C1: that the client breaks off is broken off at the service within 100 ms, and the other way round', async () => {
    const up: number[] = []
    const down: number[] = []
    // The least of three: a busy machine must not be taken for a slow gateway.
    for (let time = 0; time < 3; time++) {
      const socket = await open('/chat')
      const seen = closed.length
      const leftMs = performance.now()
      socket.terminate()
      await eventually(() => closed.length > seen, { everyMs: 2 })
      up.push(performance.now() - leftMs)

      const second = await open('/chat')
      const over = once(second, 'close')
      const sentMs = performance.now()
      second.send('leave')
      const [code] = (await over) as [number]
      expect(code).toBe(1006)
      down.push(performance.now() - sentMs)
    }

    expect(Math.min(...up)).toBeLessThan(100)
    expect(Math.min(...down)).toBeLessThan(100)
  })

  it('U1: without a byte for its idle time is told to go, on both sides', async () => {
    const socket = await open('/idle')
    const seen = closed.length

    const [code] = (await within(8_000, 'the end', once(socket, 'close'))) as [number]

    expect(code).toBe(1001)
    await eventually(() => closed[seen] === 1001)
  })

  it('U1: beyond what one caller may have gets 429, beyond what the process may have 503, until others end', async () => {
    await allEnded()
    const four = await Promise.all(Array.from({ length: 4 }, () => open('/chat')))
    expect(await refused('/chat')).toBe(429)

    // Behind a site of its own nobody counts but by the process.
    const two = await Promise.all(Array.from({ length: 2 }, () => open('/moved')))
    expect(await refused('/chat')).toBe(503)

    await Promise.all([...four, ...two].map(end))
    await eventually(async () => {
      const again = await open('/chat')
      await end(again)
      return true
    })
  })
})

describe('a gateway that ends', () => {
  it('U1: says 1001 to both sides between two frames, and waits for their end', async () => {
    const third = await bed.start('onprem', { table: { file: 'table' }, home: bed.folder.file('home-third') })
    const socket = new WebSocket(at('/chat', third))
    await once(socket, 'open')
    const seen = closed.length
    let whole = 0
    socket.on('message', (data) => {
      expect((data as Buffer).length).toBe(65_536)
      whole++
    })
    const over = once(socket, 'close')
    socket.send('flood')
    await eventually(() => whole > 10)

    const ended = third.process.stop()
    const [code] = (await within(10_000, 'the close frame', over)) as [number]

    expect(code).toBe(1001)
    expect((await ended).code).toBe(0)
    await eventually(() => closed.length > seen)
    expect(closed[seen]).toBe(1001)
  })
})
