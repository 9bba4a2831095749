import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { Answer } from '../../../gateway/answer.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { Connections } from '../../../gateway/front/connections.ts'
import { type Front, fastifyFront } from '../../../gateway/front/fastify-front.ts'
import { parserCodes } from '../../../gateway/front/listener.ts'
import { RequestIds } from '../../../gateway/front/request-ids.ts'
import { Streams } from '../../../gateway/front/streams.ts'
import { Tunnels } from '../../../gateway/front/tunnels.ts'
import { eventually } from '../../support/eventually.ts'
import { rawClient } from '../bed.ts'

let front: Front | undefined

afterEach(async () => {
  front?.server.closeAllConnections()
  await front?.app.close()
})

/** A listener whose requests `answer` answers; gives its port. */
async function listening(
  answer: (x: Exchange) => Promise<Answer>,
  closed: (x: Exchange, ending: string) => void = () => undefined,
  maxInFlight = 1_000,
): Promise<number> {
  front = fastifyFront({
    pipeline: { answer, closed: (x, _, ending) => closed(x, ending) },
    clock: systemClock,
    background: new Background(silentLog),
    ids: new RequestIds(systemRandom),
    maxInFlight,
    connections: new Connections({ total: 100, perAddress: 100, isTrusted: () => false }),
    pace: { idleMs: 15_000, windowMs: 30_000, bytesPerSecond: 500 },
    streams: new Streams(),
    tunnels: new Tunnels(systemRandom),
    takingMs: 60_000,
    idleMs: 60_000,
    headMs: 10_000,
    headBytes: 32_768,
    targetBytes: 8_192,
    refused: createMetrics().counter('tidegate_refused_total', 'Refused.', { code: parserCodes }),
  })
  front.app.server.listen(0, '127.0.0.1')
  await front.app.ready()
  if (!front.server.listening) await once(front.server, 'listening')
  return (front.server.address() as AddressInfo).port
}

const ok = (body: string): Answer => ({
  status: 200,
  reason: '',
  headers: ['content-length', String(body.length)],
  body: Buffer.from(body),
})
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

it('a process that has too much to do tells an edge that no other site is to get it, and a client nothing of the kind', async () => {
  const port = await listening(async () => ok('fine'), undefined, 0)
  const ask = async (field: string) => {
    const client = await rawClient(port)
    client.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${field}\r\n`)
    return client.closed()
  }

  expect(await ask('x-tidegate-edge: v=1\r\n')).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nx-tidegate-failover: no\r\n/)
  expect(await ask('')).toMatch(/^HTTP\/1\.1 503 /)
  expect(await ask('')).not.toMatch(/x-tidegate/)
})

describe('F8: requests behind one that takes long', () => {
  const behindSlow = async (count: number) => {
    const slow = Promise.withResolvers<Answer>()
    const port = await listening((x) => (x.target === '/slow' ? slow.promise : Promise.resolve(ok(x.target))))
    let parsed = 0
    front?.server.on('request', () => parsed++)
    const client = await rawClient(port)
    client.write(get('/slow') + Array.from({ length: count }, (_, at) => get(`/${at}`)).join(''))
    return { slow, client, parsed: () => parsed }
  }

  it('wait for it, a thousand of them, and are answered in order', async () => {
    const { slow, client, parsed } = await behindSlow(1_000)
    await eventually(() => parsed() === 1_001)

    slow.resolve(ok('/slow'))

    await client.until(/\/999$/)
    const targets = client.received().match(/(?<=\r\n\r\n)\/\w+?(?=HTTP|$)/g)
    expect(targets).toEqual(['/slow', ...Array.from({ length: 1_000 }, (_, at) => `/${at}`)])
    client.socket.destroy()
  })

  it('beyond a thousand end the connection, and are not even read', async () => {
    const { client, parsed } = await behindSlow(100_000)

    await client.closed()

    expect(parsed()).toBeLessThan(5_000)
    client.socket.destroy()
  })
})

describe('an answer that cannot be written', () => {
  it('ends its connection, leaves its service and is told as ended', async () => {
    const endings: string[] = []
    let cancelled = 0
    const body: Answer['body'] = { flow: () => undefined, resume: () => undefined, cancel: () => void cancelled++ }
    const port = await listening(
      async () => ({ status: 200, reason: '', headers: ['x-broken', 'a\nb'], body }),
      (_, ending) => endings.push(ending),
    )
    const client = await rawClient(port)
    client.write(get('/'))

    expect(await client.closed()).toBe('')
    expect(endings).toEqual(['upstream-truncated'])
    expect(cancelled).toBe(1)
    client.socket.destroy()
  })
})
