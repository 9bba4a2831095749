import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { kindsOf, Visitors } from '../../../../bench/support/processes/visitors.ts'
import { eventually } from '../../../support/eventually.ts'

/** A server that does each thing that a gateway never may. */
async function badServer() {
  const server = createServer((request, response) => {
    if (request.url === '/v1/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('id: 1\ndata: event 1\n\nid: 2\nda')
    } else response.writeHead(503).end()
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', () => socket.terminate()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

describe('visitors', () => {
  it('count an answer that is none, a dropped WebSocket and a torn event as failures', async () => {
    const { url, stop } = await badServer()
    const visitors = new Visitors({ url, perSecond: 50, sockets: 1, streams: 1 })

    const found = (text: RegExp) => visitors.seen.failures.some((failure) => text.test(failure))
    await eventually(() => found(/: 503/) && found(/WebSocket ended with 1006/) && found(/within the event/))
    await visitors.stop()

    expect(visitors.seen.droppedSockets).toBeGreaterThan(0)
    expect(visitors.seen.resumedStreams).toBe(0)
    stop()
  })

  it('tell each kind of failure once, the most frequent first', () => {
    expect(kindsOf(['a 1', 'b 7', 'b 8'])).toEqual(['2 x b N', '1 x a N'])
  })
})
