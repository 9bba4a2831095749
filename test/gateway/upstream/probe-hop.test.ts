import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { probeHop } from '../../../gateway/upstream/probe-hop.ts'

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

  it('tells what was refused', async () => {
    expect(await probe(1, 200)).toMatchObject({ failed: expect.stringContaining('ECONNREFUSED') })
  })
})
