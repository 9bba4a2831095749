import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { LeapingClock, openServiceBed, type ServiceBed, sayOk, startInstance } from './service-bed.ts'

const post = { method: 'POST', body: 'once' }

async function ask(bed: ServiceBed, init: RequestInit = {}): Promise<number> {
  const answer = await fetch(`${bed.url}/v1/x`, init)
  await answer.text()
  return answer.status
}

const connections = (bed: ServiceBed) => bed.status().endpoints[0]?.connections

describe('the connections to an instance', () => {
  it('are used again, the youngest first, and closed when they are idle beyond the limit', async () => {
    const clock = new LeapingClock()
    await using a = await startInstance(sayOk)
    a.server.keepAliveTimeout = 3_000
    await using bed = await openServiceBed({ deployment: { url: a.url }, clock })

    await Promise.all([ask(bed), ask(bed), ask(bed)])
    for (let at = 0; at < 10; at++) await ask(bed)

    expect(connections(bed)).toMatchObject({ open: 3, opened: 3 })
    expect(bed.status().endpoints[0]?.idle).toEqual({ limitMs: 2_000, learnedMs: null })
    clock.leap(2_000)
    await ask(bed)
    expect(connections(bed)).toMatchObject({ opened: 4 })
    await eventually(() => connections(bed)?.open === 1)
  })

  it('C4: carry a request that may not be sent twice only while they are younger than half the limit', async () => {
    const clock = new LeapingClock()
    await using a = await startInstance(sayOk)
    a.server.keepAliveTimeout = 5_000
    await using bed = await openServiceBed({ deployment: { url: a.url }, clock })

    await ask(bed)
    clock.leap(500)
    await ask(bed, post)
    const reused = connections(bed)?.opened
    clock.leap(2_100)
    await ask(bed, post)
    const fresh = connections(bed)?.opened
    clock.leap(2_100)
    await ask(bed)

    expect([reused, fresh, connections(bed)?.opened]).toEqual([1, 2, 2])
  })

  it('C4: are kept for half as long once the instance closed one itself, and then only young ones carry a POST', async () => {
    await using a = await startInstance(sayOk)
    // Node adds a second of its own to what it tells, for its clients' sake.
    a.server.keepAliveTimeout = 0
    const sockets = new Set<Socket>()
    a.server.on('connection', (socket) => sockets.add(socket))
    await using bed = await openServiceBed({ deployment: { url: a.url } })

    await ask(bed)
    await new Promise((resolve) => setTimeout(resolve, 300))
    for (const socket of sockets) socket.end()
    await eventually(() => bed.status().endpoints[0]?.idle.learnedMs)

    const { limitMs, learnedMs } = bed.status().endpoints[0]?.idle ?? { limitMs: 0, learnedMs: 0 }
    expect(learnedMs).toBeGreaterThanOrEqual(290)
    expect(limitMs).toBeLessThanOrEqual((learnedMs ?? 0) / 2 + 1)
    expect(await bed.metrics()).not.toMatch(/stale_reuse_total\{/)
  })

  it('C4: that die under a GET cost one replay on a fresh one, counted; under a POST nothing is sent twice', async () => {
    // Closes each connection when the second request comes on it: what a client sees of one closed while idle.
    const seen: string[] = []
    const server = createServer((socket) => {
      let requests = 0
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        const head = chunk.toString('latin1')
        if (!/^(?:GET|POST) /.test(head)) return
        seen.push(head.slice(0, 4).trim())
        if (++requests > 1) socket.resetAndDestroy()
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await using bed = await openServiceBed({ deployment: { url } })
    await using other = await openServiceBed({ deployment: { url } })

    const gets = [await ask(bed), await ask(bed)]
    const replayed = [...seen]
    const posts = [await ask(other, post), await ask(other, post)]
    server.close()

    expect(gets).toEqual([200, 200])
    expect(replayed).toEqual(['GET', 'GET', 'GET'])
    expect(posts).toEqual([200, 502])
    expect(seen.slice(3)).toEqual(['POST', 'POST'])
    expect(await bed.metrics()).toContain('tidegate_upstream_stale_reuse_total{deployment="orders"} 1')
  })

  it('are as many as configured: further requests wait their turn', async () => {
    let atOnce = 0
    let most = 0
    await using a = await startInstance((_, response) => {
      most = Math.max(most, ++atOnce)
      setTimeout(() => {
        atOnce--
        response.end('ok')
      }, 20)
    })
    await using bed = await openServiceBed({ deployment: { url: a.url }, settings: { connections: 2 } })

    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => ask(bed, at % 2 === 0 ? {} : post)))

    expect(answers).toEqual(Array(10).fill(200))
    expect(most).toBe(2)
  })

  it('F14: give a request that waited its own answer, and not what came behind the one before', async () => {
    let connection: Socket | undefined
    const answer = (text: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        if (chunk.includes('GET /v1/first ')) connection = socket
        else socket.write(answer('mine'))
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await using bed = await openServiceBed({ deployment: { url }, settings: { connections: 1 } })
    const textOf = async (path: string) => (await fetch(bed.url + path)).text()

    const first = textOf('/v1/first')
    await eventually(() => connection)
    const second = textOf('/v1/second')
    await eventually(() => connections(bed)?.waiting === 1)
    connection?.write(answer('first'))
    // A packet of its own, there before the one who waited could be heard of.
    const poison = (): unknown =>
      connections(bed)?.waiting === 0 ? connection?.write(answer('poison')) : setImmediate(poison)
    poison()

    expect([await first, await second]).toEqual(['first', 'mine'])
    server.close()
  })
})
