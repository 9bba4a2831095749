import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, rawClient } from '../bed.ts'

let bed: Bed
const open: ServerResponse[] = []
const gone: ServerResponse[] = []
const server = createServer((request, response) => {
  response.writeHead(200, {
    'content-type': request.url === '/events' ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson',
  })
  response.flushHeaders()
  open.push(response)
  response.once('close', () => gone.push(response))
})

const timeout = { connectMs: 500, firstByteMs: 1_000, totalMs: 300 }

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  bed = await openBed()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const services = [service('orders', { deployments: [{ site: 'onprem', url }] })]
  const routes = [
    route('/events', { policy: { ...policy, timeout } }),
    route('/stream', { policy: { ...policy, stream: true, timeout } }),
    route('/whole', { policy: { ...policy, timeout } }),
  ]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

const start = () => bed.start('onprem', { table: { file: 'table' }, home: bed.folder.file(`home-${open.length}`) })

async function ask(port: number, path: string) {
  const seen = open.length
  const client = await rawClient(port)
  client.write(`GET ${path} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`)
  await client.until(/\r\n\r\n/)
  return { client, service: await eventually(() => open[seen]) }
}

describe('a stream', () => {
  it('U3: shows its head at once, each piece within 50 ms, and outlives the total time-out', async () => {
    await using gateway = await start()
    for (const path of ['/events', '/stream']) {
      const { client, service: at } = await ask(gateway.port, path)
      const waits: number[] = []
      for (let tick = 0; tick < 8; tick++) {
        const sentMs = performance.now()
        at.write(`data: ${tick}\n\n`)
        await client.until(new RegExp(`data: ${tick}\n`))
        waits.push(performance.now() - sentMs)
        await new Promise((resolve) => setTimeout(resolve, 60))
      }

      expect(Math.min(...waits)).toBeLessThan(50)
      client.socket.destroy()
    }
  })

  it('without the word for it ends with the total time of its route', async () => {
    await using gateway = await start()
    const { client, service: at } = await ask(gateway.port, '/whole')
    at.write('x\n')

    expect(await client.closed(2_000)).not.toMatch(/0\r\n\r\n$/)
    client.socket.destroy()
  })
})

describe('a gateway that ends', () => {
  it('U3: ends an event stream behind the event that is under way, cleanly, and at the service too', async () => {
    const gateway = await start()
    const between = await ask(gateway.port, '/events')
    const within = await ask(gateway.port, '/events')
    between.service.write('id: 1\ndata: one\n\n')
    within.service.write('id: 1\ndata: one\n\nid: 2\ndata: half')
    await between.client.until(/one\n\n/)
    await within.client.until(/half/)

    const ended = gateway.process.stop()
    expect(await between.client.closed()).toMatch(/data: one\n\n\r\n0\r\n\r\n$/)
    expect(within.client.received()).toMatch(/half\r\n$/)
    within.service.write(' of it\n\nid: 3\ndata: never seen\n\n')

    const answer = await within.client.closed()
    expect(answer).toMatch(/ of it\n\n\r\n0\r\n\r\n$/)
    expect(answer).not.toContain('never seen')
    expect((await ended).code).toBe(0)
    await eventually(() => gone.includes(between.service) && gone.includes(within.service))
  })
})
