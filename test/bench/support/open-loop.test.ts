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

  it('has nothing under way while it pauses, and sends what came due meanwhile when it goes on', async () => {
    const open = new Set<unknown>()
    await using server = await startServer((_, response) => {
      open.add(response)
      setTimeout(() => {
        open.delete(response)
        response.end('done')
      }, 20)
    })
    let seen = 0
    const load = new OpenLoop({ url: server.url, perSecond: 500, next: numbered(), seen: () => seen++ }).start()
    await eventually(() => seen > 10)

    await load.pause()

    expect(open.size).toBe(0)
    expect(seen).toBe(load.sent)
    const begun = performance.now()
    await eventually(() => performance.now() - begun > 100)
    expect(seen).toBe(load.sent)
    const before = load.sent
    load.resume()
    await eventually(() => load.sent >= before + 50, { deadlineMs: 1_000, what: 'what came due' })
    await load.stop()
  })

  it('sends a GET again whose connection broke unanswered, and no other request', async () => {
    const met = new Set<string>()
    await using server = await startServer((request, response) => {
      const id = `${request.method} ${request.url}`
      if (met.has(id)) response.end('done')
      else request.socket.destroy()
      met.add(id)
    })
    const seen: Outcome<Numbered>[] = []
    let number = 0
    const next = (): Numbered => ({
      method: number % 2 === 0 ? 'GET' : 'POST',
      path: `/${number}`,
      headers: {},
      number: number++,
    })
    const load = new OpenLoop({
      url: server.url,
      perSecond: 100,
      again: true,
      next,
      seen: (one) => seen.push(one),
    }).start()

    await eventually(() => seen.length >= 10)
    await load.stop()

    const ofGets = seen.filter(({ shot }) => shot.method === 'GET')
    const ofPosts = seen.filter(({ shot }) => shot.method === 'POST')
    expect(ofGets.every(({ status, again }) => status === 200 && again === true)).toBe(true)
    expect(ofPosts.every(({ status, broken, again }) => status === 0 && broken && again === undefined)).toBe(true)
    expect(Math.min(ofGets.length, ofPosts.length)).toBeGreaterThan(3)
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
