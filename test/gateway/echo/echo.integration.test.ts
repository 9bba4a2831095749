/** Doctor's question to a real gateway, by the bytes that an edge or a client would write. */
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { type EchoAnswer, type EchoBehaviour, echoBodyLimit, echoValue, readEchoAnswer } from '#routes/echo.ts'
import { type Mark, writeMark } from '#routes/hop.ts'
import { type SignedKind, writeSigned } from '#routes/signed-value.ts'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let gateway: RunningGateway
let strict: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(() => ok('the service'))
  const deployments = [{ site: 'onprem', url: upstream.url }]
  const closedRoute = route('/v1/closed', { policy: { ...policy, auth: { scopes: ['none-has'] } } })
  const table = structure([route('/v1/**'), closedRoute], { services: [service('orders', { deployments })], number: 3 })
  await bed.writeTable('table', table, placementSet([], { number: 4 }))
  ;[gateway, strict] = await Promise.all([
    bed.start('onprem', { table: { file: 'table' }, limits: { idleTimeout: '911s' }, instance: 'g1' }),
    bed.start('onprem', { table: { file: 'table' }, edgeRequired: true, home: bed.folder.file('home-strict') }),
  ])
}, 30_000)

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

const word = (
  behaviour: EchoBehaviour = 'plain',
  kind: SignedKind = 'echo',
  leftMs = 60_000,
  purpose = 'control-gateway',
) => writeSigned(kind, echoValue(behaviour, 'n1'), Date.now() + leftMs, bed.rings[purpose as 'control-gateway'])

async function marked(target: string, method = 'GET', facts: Partial<Mark> = {}): Promise<string> {
  const mark = { requestId: 'r1', structure: 3, placements: 4, because: 'steady', from: 'FRA', flags: [], ...facts }
  const signed = { method, host: 'api.example.com', target }
  return writeMark('edge', { at: Date.now(), ...mark }, signed, bed.rings['edge-gateway'])
}

async function ask(
  target: string,
  fields: Record<string, string>,
  method = 'GET',
  body?: Buffer | string,
  of = gateway,
) {
  const { port } = of
  // undici and fetch would mend some of these targets.
  const client = await rawClient(port)
  const head = [`${method} ${target} HTTP/1.1`, 'Host: api.example.com', 'Connection: close']
  for (const [name, value] of Object.entries(fields)) head.push(`${name}: ${value}`)
  if (body !== undefined) head.push(`Content-Length: ${body.length}`)
  client.write(`${head.join('\r\n')}\r\n\r\n`)
  if (body !== undefined) client.write(body)
  const all = await client.closed()
  const end = all.indexOf('\r\n\r\n')
  return { head: all.slice(0, end), body: all.slice(end + 4), status: Number(all.slice(9, 12)) }
}
const echoIn = (text: string) => readEchoAnswer(text) as EchoAnswer

describe('an echo', () => {
  it('tells what of the request arrived, byte for byte, for any target and method, and reaches no service', async () => {
    const target = '/v1/a%2fb//c/%2e%2e/%zz;x?q=%20+'
    const fields = { 'X-Odd_Name': ' v ', Cookie: 'a=1; b=2', 'x-tidegate-echo': await word() }

    const { status, head, body } = await ask(target, fields, 'PURGE', 'hello')

    expect(status).toBe(200)
    expect(head).toMatch(/\r\ncache-control: no-store\r\n/i)
    expect(echoIn(body)).toEqual({
      nonce: 'n1',
      site: 'onprem',
      instance: 'g1',
      method: 'PURGE',
      target,
      host: 'api.example.com',
      scheme: 'http',
      httpVersion: '1.1',
      headers: [
        ['Host', 'api.example.com'],
        ['Connection', 'close'],
        ['X-Odd_Name', 'v'],
        ['Cookie', 'a=1; b=2'],
        ['x-tidegate-echo', ''],
        ['Content-Length', '5'],
      ],
      address: '127.0.0.1',
      peer: '127.0.0.1',
      bodyBytes: 5,
      bodyDigest: createHash('sha256').update('hello').digest('base64url'),
      now: expect.closeTo(Date.now(), -4),
      keepAliveMs: 911_000,
      held: { structure: 3, placements: 4 },
    })
    expect(upstream.requests).toEqual([])
  })

  it("tells the edge's mark, and never the mark itself", async () => {
    const mark = await marked('/v1/x', 'GET', { address: '203.0.113.5', country: 'AT', at: Date.now() - 5_000 })

    const { body } = await ask('/v1/x', { 'x-tidegate-edge': mark, 'x-tidegate-echo': await word() })

    const { edge, address, markFault } = echoIn(body)
    expect(edge).toMatchObject({ from: 'FRA', structure: 3, placements: 4, country: 'AT', address: '203.0.113.5' })
    expect(edge?.skewMs).toBeGreaterThanOrEqual(5_000)
    expect(edge?.skewMs).toBeLessThan(15_000)
    expect([address, markFault]).toEqual(['203.0.113.5', undefined])
    expect(body).not.toContain(mark.slice(-43))
  })

  it('tells why a mark is worth nothing', async () => {
    const late = await marked('/v1/x', 'GET', { at: Date.now() - 61_000 })
    const faults = []
    for (const mark of [late, await marked('/v1/other'), 'nonsense'])
      faults.push(
        echoIn((await ask('/v1/x', { 'x-tidegate-edge': mark, 'x-tidegate-echo': await word() })).body).markFault,
      )

    expect(faults).toEqual(['out-of-window', 'mac-wrong', 'malformed'])
  })

  it('needs no credential where the route does, no known host, and no route', async () => {
    for (const target of ['/v1/closed', '/nowhere/at/all'])
      expect((await ask(target, { 'x-tidegate-echo': await word() })).status).toBe(200)
    const client = await rawClient(gateway.port)
    client.write(
      `GET / HTTP/1.1\r\nHost: unknown.test\r\nConnection: close\r\nx-tidegate-echo: ${await word()}\r\n\r\n`,
    )

    expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 [\s\S]*"host":"unknown\.test"/)
  })

  it.each<[string, () => Promise<string>]>([
    ['that is over', () => word('plain', 'echo', -1_000)],
    ['of another kind', () => word('plain', 'force')],
    ['signed with a key of another purpose', () => word('plain', 'echo', 60_000, 'edge-control')],
    ['that was changed', async () => (await word()).replace('plain', 'cache')],
    ['that asks for what no release knows', () => word('other' as 'plain')],
  ])('%s is ordinary traffic, and no service sees the field', async (_, value) => {
    const seen = upstream.requests.length

    const { body } = await ask('/v1/x', { 'x-tidegate-echo': await value() })

    expect(body).toBe('the service')
    expect((await upstream.received(seen + 1)).head).not.toMatch(/x-tidegate-echo/i)
  })

  it('is refused where only edges may come and none came', async () => {
    const echo = { 'x-tidegate-echo': await word() }

    expect((await ask('/v1/x', echo, 'GET', undefined, strict)).status).toBe(403)
    const edge = { ...echo, 'x-tidegate-edge': await marked('/v1/x') }
    expect((await ask('/v1/x', edge, 'GET', undefined, strict)).status).toBe(200)
  })
})

describe('an echo comes', () => {
  it('compressed, with a strong ETag and its length', async () => {
    const client = await request(`${gateway.public}/v1/x`, { headers: { 'x-tidegate-echo': await word('gzip') } })
    const bytes = Buffer.from(await client.body.arrayBuffer())

    expect(client.headers).toMatchObject({
      'content-encoding': 'gzip',
      etag: '"n1"',
      'content-length': `${bytes.length}`,
    })
    expect(echoIn(gunzipSync(bytes).toString()).nonce).toBe('n1')
  })

  it('as what caches may give again, when that is the question', async () => {
    const { head } = await ask('/v1/x', { 'x-tidegate-echo': await word('cache') })

    expect(head).toMatch(/\r\ncache-control: public, max-age=60\r\nvary: x-tidegate-echo\r\n/)
  })

  it('without a body to HEAD', async () => {
    for (const behaviour of ['plain', 'gzip', 'sse'] as const) {
      const { status, body } = await ask('/v1/x', { 'x-tidegate-echo': await word(behaviour) }, 'HEAD')

      expect([status, body]).toEqual([200, ''])
    }
  })

  it('as three events, one after the other', async () => {
    const { head, body } = await ask('/v1/x', { 'x-tidegate-echo': await word('sse') })

    expect(head).toMatch(/content-type: text\/event-stream/)
    const times = [...body.matchAll(/data: (\{.*\})\n\n/g)].map(([, data]) => echoIn(data as string).now)
    expect(times).toHaveLength(3)
    expect((times[2] as number) - (times[0] as number)).toBeGreaterThanOrEqual(150)
  })

  it('after as long as was asked, and is given up when its client leaves', async () => {
    const begun = performance.now()
    expect((await ask('/v1/x', { 'x-tidegate-echo': await word('slow1') })).status).toBe(200)
    expect(performance.now() - begun).toBeGreaterThanOrEqual(990)

    const client = await rawClient(gateway.port)
    client.write(`GET /v1/gone HTTP/1.1\r\nHost: api.example.com\r\nx-tidegate-echo: ${await word('slow130')}\r\n\r\n`)
    await eventually(async () => (await inFlight()) > 0)
    // A half that is closed may still read.
    client.socket.resetAndDestroy()
    await eventually(async () => (await inFlight()) === 0)
  })

  it('behind a 103 to a direct client; Edge D1: never to an edge, verified or not', async () => {
    const echo = { 'x-tidegate-echo': await word('early') }

    expect((await ask('/v1/x', echo)).head).toMatch(/^HTTP\/1\.1 103 /)
    for (const mark of [await marked('/v1/x'), 'of a key that was retired'])
      expect((await ask('/v1/x', { ...echo, 'x-tidegate-edge': mark })).head).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('as a WebSocket with one message, whatever its length', async () => {
    for (const padding of [0, 20_000]) {
      const headers = { 'x-tidegate-echo': await word(), 'x-padding': 'p'.repeat(padding) }
      const socket = new WebSocket(`${gateway.public.replace('http', 'ws')}/v1/x`, { headers })
      const said: string[] = []
      socket.on('message', (data) => said.push(String(data)))
      const code = await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject))

      expect(code).toBe(1_000)
      expect(said.map((text) => echoIn(text).nonce)).toEqual(['n1'])
    }
  })
})

describe('a body that is echoed', () => {
  it('is counted and digested as it streams, and not kept', async () => {
    const piece = randomBytes(1024 * 1024)
    const pieces = 500
    const digest = createHash('sha256')
    for (let at = 0; at < pieces; at++) digest.update(piece)
    const socket = connect(gateway.port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString('latin1')))
    const before = await memory()
    socket.write(
      `PUT /v1/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: ${pieces * piece.length}\r\nx-tidegate-echo: ${await word()}\r\n\r\n`,
    )
    for (let at = 0; at < pieces; at++)
      if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve))

    const body = await eventually(() => /\r\n\r\n(\{.*\})$/.exec(received)?.[1], { deadlineMs: 20_000 })

    expect(echoIn(body)).toMatchObject({ bodyBytes: pieces * piece.length, bodyDigest: digest.digest('base64url') })
    expect((await memory()) - before).toBeLessThan(200 * 1024 * 1024)
    socket.destroy()
  })

  it('is refused beyond the limit, before it is read', async () => {
    const client = await rawClient(gateway.port)
    client.write(
      `PUT /v1/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: ${echoBodyLimit + 1}\r\nx-tidegate-echo: ${await word()}\r\n\r\n`,
    )

    expect(await client.until(/^HTTP\/1\.1 \d{3}/)).toMatch(/^HTTP\/1\.1 413 /)
    client.socket.destroy()
  })
})

it('a process answers fifty at once, and refuses more instead of holding them', async () => {
  const slow = await word('slow20')
  const held = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const client = await rawClient(gateway.port)
      client.write(`GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\nx-tidegate-echo: ${slow}\r\n\r\n`)
      return client
    }),
  )
  await eventually(async () => (await inFlight()) === 50)

  const { status, body } = await ask('/v1/x', { 'x-tidegate-echo': await word() })

  expect([status, JSON.parse(body)]).toMatchObject([503, { code: 'overloaded' }])
  const counted = await (await gateway.ask('/metrics')).text()
  expect(counted).toMatch(/tidegate_echoes_total\{outcome="too-many"\} 1/)
  expect(counted).toMatch(/tidegate_echoes_total\{outcome="not-ours"\} [5-9]/)
  for (const { socket } of held) socket.resetAndDestroy()
  await eventually(async () => (await inFlight()) === 0)
  expect((await ask('/v1/x', { 'x-tidegate-echo': await word() })).status).toBe(200)
})

async function inFlight(): Promise<number> {
  return ((await (await gateway.ask('/gateway/v1/drain')).json()) as { inFlight: number }).inFlight
}

async function memory(): Promise<number> {
  return Number(
    /^tidegate_process_resident_memory_bytes (\d+)/m.exec(await (await gateway.ask('/metrics')).text())?.[1],
  )
}
