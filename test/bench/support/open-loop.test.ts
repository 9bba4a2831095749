import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { OpenLoop, type Outcome, type Shot } from '../../../bench/support/open-loop.ts'
import { eventually } from '../../support/eventually.ts'

async function startServer(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Numbered extends Shot {
  readonly number: number
}

function numbered(): () => Numbered {
  let number = 0
  return () => ({ method: 'GET', path: '/', headers: {}, number: number++ })
}

describe('an open loop', () => {
  it('sends at its rate though nothing is answered, as the clients of the world do', async () => {
    const waiting: (() => void)[] = []
    await using server = await startServer((_, response) => waiting.push(() => response.end('late')))
    const seen: Outcome<Numbered>[] = []
    const load = new OpenLoop({ url: server.url, perSecond: 200, next: numbered(), seen: (one) => seen.push(one) })
    const begun = performance.now()
    load.start()

    await eventually(() => waiting.length >= 40, { what: '40 requests at once' })
    const seconds = (performance.now() - begun) / 1_000

    expect(seen).toEqual([])
    expect(load.sent / seconds).toBeLessThan(400)
    const stopped = load.stop()
    await eventually(() => {
      for (const answer of waiting.splice(0)) answer()
      return seen.length === load.sent
    })
    await stopped
    expect(seen.every(({ status, body }) => status === 200 && body === 'late')).toBe(true)
  })

  it('gives back each request with its answer, and how long that took', async () => {
    await using server = await startServer((_, response) => response.writeHead(201, { 'x-site': 'cloud' }).end('done'))
    const seen: Outcome<Numbered>[] = []
    const load = new OpenLoop({
      url: server.url,
      perSecond: 500,
      next: numbered(),
      seen: (one) => seen.push(one),
    }).start()

    await eventually(() => seen.length >= 5)
    await load.stop()

    expect(seen.map(({ shot }) => shot.number).sort((a, b) => a - b)).toEqual(Array.from(seen.keys()))
    expect(seen[0]).toMatchObject({ status: 201, body: 'done', headers: { 'x-site': 'cloud' } })
    expect(seen.every(({ sentAt, answeredAt }) => answeredAt >= sentAt)).toBe(true)
  })

  it('tells a request without an answer as one, and goes on', async () => {
    await using server = await startServer((request) => request.socket.destroy())
    const seen: Outcome<Numbered>[] = []
    const load = new OpenLoop({
      url: server.url,
      perSecond: 500,
      next: numbered(),
      seen: (one) => seen.push(one),
    }).start()

    await eventually(() => seen.length >= 5)
    await load.stop()

    expect(seen.every(({ status, error }) => status === 0 && error !== undefined)).toBe(true)
  })
})
