import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import { seededRandom } from '#server-kit/random.ts'
import { eventually } from '../../support/eventually.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

const answers = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
  'HTTP/1.1 888 Odd\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nsurplus!!',
  'HTTP/1.0 200 \xff\xfe\r\nX-Y: \xff\r\n\r\nuntil close',
]
const requests = [
  'GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HEAD /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n',
  'PUT /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  'GET http://a/v1/x HTTP/1.1\r\nHost: a\r\nX-Tidegate-Hop: v=1;k=k1;m=x\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /v1/x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
]
const seed = 7
const connections = 3_000
const atOnce = 60

let bed: Bed
let upstream: Server
let gateway: RunningGateway

const random = seededRandom(seed)
const below = (limit: number): number => Math.floor(random.next() * limit)
const oneOf = (texts: readonly string[]): string => texts[below(texts.length)] ?? ''

/** None to two bytes changed, left out, put in, or a part said again. */
function mutated(text: string): Buffer {
  let bytes = Buffer.from(text, 'latin1')
  for (let left = below(3); left > 0; left--) {
    const at = below(bytes.length)
    const before = bytes.subarray(0, at)
    const pieces = [
      [before, Buffer.from([below(256)]), bytes.subarray(at + 1)],
      [before, bytes.subarray(at + 1 + below(3))],
      [before, Buffer.from([below(256)]), bytes.subarray(at)],
      [before, bytes.subarray(below(bytes.length))],
    ]
    bytes = Buffer.concat([...(pieces[below(pieces.length)] ?? []), Buffer.from('\n')])
  }
  return bytes
}

beforeAll(async () => {
  bed = await openBed()
  upstream = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      if (socket.destroyed) return
      socket.write(mutated(oneOf(answers)))
      if (below(3) === 0) socket.end()
      else if (below(6) === 0) socket.resetAndDestroy()
    })
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  const cache: CachePolicy = { profile: 'api', ttlMs: 1_000, per: 'everyone', key: {}, tags: [] }
  const quick = { ...policy, cache, timeout: { connectMs: 200, firstByteMs: 150, totalMs: 300 } }
  const services = [service('orders', { deployments: [{ site: 'onprem', url }] })]
  await bed.writeTable('table', structure([route('/v1/**', { policy: quick })], { services }), placementSet([]))
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    cache: { zones: [{ name: 'near', driver: 'memory' }] },
  })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  upstream.close()
})

function spoil(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(gateway.port, '127.0.0.1')
    const limit = setTimeout(() => socket.destroy(), 200)
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(limit)
      resolve()
    })
    for (let left = 1 + below(3); left > 0; left--) socket.write(mutated(oneOf(requests)))
    if (below(4) === 0) socket.end()
    else if (below(5) === 0) setTimeout(() => socket.resetAndDestroy(), below(20))
    socket.on('data', () => {
      if (below(3) === 0) socket.destroy()
    })
  })
}

describe(`spoilt requests and spoilt answers (seed ${seed})`, () => {
  it('C9: end no process, leave nothing under way, and meet no fault of ours', async () => {
    let left = connections
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) await spoil()
      }),
    )

    const under = async () =>
      (await (await gateway.ask('/gateway/v1/drain')).json()) as { state: string; inFlight: number }
    await eventually(async () => (await under()).inFlight === 0)
    expect((await under()).state).toBe('ready')
    expect(gateway.process.output()).not.toMatch(/"level":"error"/)
    const metrics = await (await gateway.ask('/metrics')).text()
    expect(metrics).not.toContain('code="gateway-failed"')
    expect(Number(/tidegate_problems_total\{code="upstream-invalid"\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThan(10)
  })
})
