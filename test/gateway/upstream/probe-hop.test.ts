import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { probeHop } from '../../../gateway/upstream/probe-hop.ts'
import { selfSigned } from '../../support/certificates.ts'

const tls = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const
const probe = (port: number, watchMs: number) =>
  probeHop({ origin: `http://127.0.0.1:${port}`, tls, host: 'orders', path: '/', watchMs, clock: systemClock })

async function service(keepAliveMs: number) {
  const server = createServer((_, response) => response.end('fine'))
  server.keepAliveTimeout = keepAliveMs
  // Node adds a second of its own before it closes.
  Object.assign(server, { keepAliveTimeoutBuffer: 0 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    [Symbol.dispose]: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

describe('a probe of the hop behind', () => {
  it('sees after which idle time it closes, and what it says of that', async () => {
    using server = await service(300)

    const seen = await probe(server.port, 5_000)

    expect(seen).toMatchObject({ status: 200 })
    expect(seen.closedAfterMs).toBeGreaterThanOrEqual(250)
    expect(seen.closedAfterMs).toBeLessThan(3_000)
  })

  it('stops watching in time, and says that it was open still', async () => {
    using server = await service(60_000)

    const seen = await probe(server.port, 200)

    expect(seen).toMatchObject({ status: 200, saysIdleMs: 60_000 })
    expect(seen.closedAfterMs).toBeUndefined()
  })

  it('of an address asks for no name: SNI has none, and the certificate is that of the address', async () => {
    const { key, cert } = await selfSigned('orders.internal')
    const names: (string | false | null | undefined)[] = []
    const server = createTlsServer({ key, cert }, (socket) => {
      names.push(socket.servername)
      socket.on('error', () => undefined).end('HTTP/1.1 204 No Content\r\n\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const target = { origin: `https://127.0.0.1:${port}`, host: 'orders', path: '/', watchMs: 50, clock: systemClock }

    await probeHop({ ...target, tls: { ...tls, rejectUnauthorized: false } })
    await probeHop({ ...target, tls: { ...tls, rejectUnauthorized: false, servername: 'orders.internal' } })
    server.close()

    expect(names).toEqual([false, 'orders.internal'])
  })

  it('tells what was refused', async () => {
    expect(await probe(1, 200)).toMatchObject({ failed: expect.stringContaining('ECONNREFUSED') })
  })
})
