import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { openPool } from '../../../gateway/upstream/peer-pool.ts'
import { selfSigned } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'

const named: unknown[] = []
const server = createServer(await selfSigned('localhost'))
// The certificate is nobody's that this process believes: how far a handshake gets is enough to see whom it asks for.
server.on('tlsClientError', (_, socket: TLSSocket) => named.push((socket as { servername?: unknown }).servername))
server.on('secureConnection', (socket) => named.push((socket as { servername?: unknown }).servername))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo

afterAll(() => void server.close())

describe('a peer over TLS', () => {
  it.each([
    ['localhost', 'localhost'],
    ['127.0.0.1', null],
  ])('at %s is asked for its own certificate, whatever host the client named', async (host, expected) => {
    const seen = named.length
    const pool = openPool(`https://${host}:${port}`, { connections: 1, idleMs: 1_000, connectMs: 2_000 })

    await expect(
      pool.request({ method: 'GET', path: '/', headers: { host: 'api.example.com' } }),
    ).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })

    await eventually(() => named.length > seen)
    expect(named[seen]).toBe(expected)
    await pool.destroy()
  })
})
