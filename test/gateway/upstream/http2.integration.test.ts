import { once } from 'node:events'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let gateway: RunningGateway
const asked: Record<string, unknown>[] = []
let sessions = 0

/** A unary gRPC service, as far as the wire knows: a message up, a message and trailers down. */
const server = createServer()
server.on('session', () => sessions++)
server.on('stream', (stream, headers) => {
  asked.push(headers)
  const pieces: Buffer[] = []
  stream.on('error', () => {})
  stream.on('data', (piece: Buffer) => pieces.push(piece))
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-site': 'one' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
    stream.end(Buffer.concat(pieces))
  })
})

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  bed = await openBed()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const services = [service('greeter', { deployments: [{ site: 'onprem', url, protocol: 'h2c' }] })]
  const routes = [route('/greeter.Greeter/**', { service: 'greeter', policy })]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  gateway = await bed.start('onprem', { table: { file: 'table' } })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  server.close()
})

const message = '\0\0\0\0\x05hello'
const call = (...fields: string[]) =>
  [
    'POST /greeter.Greeter/Hello HTTP/1.1',
    'Host: api.example.com',
    'Connection: close',
    'Content-Type: application/grpc',
    `Content-Length: ${message.length}`,
    ...fields,
    '',
    message,
  ].join('\r\n')

async function exchange(request: string): Promise<string> {
  const client = await rawClient(gateway.port)
  client.write(request)
  const answer = await client.closed()
  client.socket.destroy()
  return answer
}

describe('a service that speaks HTTP/2 without TLS', () => {
  it('H11: answers a unary call with its message and trailers, over HTTP/1.1', async () => {
    const answer = await exchange(call('TE: trailers'))

    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*content-type: application\/grpc[\s\S]*x-site: one/)
    expect(answer.endsWith(`a\r\n${message}\r\n0\r\ngrpc-status: 0\r\ngrpc-message: fine\r\n\r\n`)).toBe(true)
    expect(asked.at(-1)).toMatchObject({ te: 'trailers', ':method': 'POST', ':authority': 'api.example.com' })
  })

  it('H11: keeps its trailers from a client that does not take them', async () => {
    expect(await exchange(call())).toMatch(/hello\r\n0\r\n\r\n$/)
  })

  it('carries many calls on one connection', async () => {
    const before = sessions

    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(call('TE: trailers'))))

    for (const answer of answers) expect(answer).toContain('grpc-status: 0')
    expect(sessions - before).toBeLessThanOrEqual(4)
  })
})
