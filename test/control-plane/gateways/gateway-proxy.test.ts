import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import { selfSigned } from '../../support/certificates.ts'
import { type Answer, ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { serviceFile, sitesFile, teamsFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { FakeGateway } from '../support/fake-gateway.ts'

let plane: TestControlPlane
let gateway: FakeGateway
let internal: RecordingUpstream
let answer: Answer

beforeEach(async () => {
  plane = await startControlPlane()
  await plane.client.apply({ files: [sitesFile, teamsFile, serviceFile('orders')] })
  answer = ok('{"state":"ready"}', ['content-type: application/json'])
  internal = await startRecordingUpstream(() => answer)
  gateway = await FakeGateway.start({ keys: plane.keys })
  gateway.internalUrl = internal.url
  await gateway.connect(plane.url)
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await internal.close()
  await plane.stop()
})

const fieldOf = (head: string, name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim()

describe('a call to a gateway through the control plane', () => {
  it('is signed by us, and the credential of the operator stays here', async () => {
    const reply = await plane.fetch('/api/v1/sites/onprem/gateway/status?documents=1')

    expect(reply.status).toBe(200)
    expect(await reply.json()).toEqual({ state: 'ready' })
    const { head } = await internal.received(1)
    expect(head).toMatch(/^GET \/gateway\/v1\/status\?documents=1 HTTP\/1\.1\r\n/)
    expect(head.toLowerCase()).not.toMatch(/authorization|cookie/)
    const call = { method: 'GET', target: '/gateway/v1/status?documents=1', body: Buffer.alloc(0) }
    const ring = plane.keys.keys.rings['control-gateway']
    const value = fieldOf(head, headers.call)
    expect(await checkCall(value, { ...call, audience: 'gateway:onprem' }, ring, Date.now())).toBe('valid')
  })

  it('carries a body that is signed too', async () => {
    const body = '{ "method": "GET",  "url": "http://api.example.com/v1/x" }'
    const fields = { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json' }
    const init = { method: 'POST', body, headers: fields }

    await plane.fetch('/api/v1/sites/onprem/gateway/explain', init)

    const { head, body: sent } = await internal.received(1)
    const ring = plane.keys.keys.rings['control-gateway']
    const call = { method: 'POST', target: '/gateway/v1/explain', body: sent, audience: 'gateway:onprem' }
    expect(JSON.parse(sent.toString())).toEqual(JSON.parse(body))
    expect(await checkCall(fieldOf(head, headers.call), call, ring, Date.now())).toBe('valid')
  })

  it.each(['./status', '%2e/status', 'status;a', 'status%00', '%2fstatus', 'status/%2e%2e/tokens/find', 'tokens/find'])(
    'X1: never reaches what is not offered: %s',
    async (path) => {
      const reply = await rawGet(`/api/v1/sites/onprem/gateway/${path}`)

      expect(reply).toMatch(/^HTTP\/1\.1 404 /)
      expect(internal.requests).toHaveLength(0)
    },
  )

  it('X2: is sent once, whatever the answer', async () => {
    answer = { bytes: 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n' }

    const reply = await plane.fetch('/api/v1/sites/onprem/gateway/status')

    expect(reply.status).toBe(503)
    expect(internal.requests).toHaveLength(1)
  })

  it('X3: never goes to a gateway whose certificate nobody signed', async () => {
    const { key, cert } = await selfSigned('localhost')
    let reached = 0
    const server: Server = createServer({ key, cert }, (_, response) => {
      reached++
      response.end('{}')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    gateway.internalUrl = `https://localhost:${(server.address() as AddressInfo).port}`
    await gateway.register(plane.url)

    const reply = await plane.fetch('/api/v1/sites/onprem/gateway/status')

    expect(reply.status).toBe(502)
    expect(reached).toBe(0)
    server.closeAllConnections()
    server.close()
  })

  it('X4: says that a gateway was not reached by 502, without its address', async () => {
    const { port } = new URL(internal.url)
    await internal.close()

    const reply = await plane.fetch('/api/v1/sites/onprem/gateway/status')
    const text = await reply.text()

    expect(reply.status).toBe(502)
    expect(JSON.parse(text)).toMatchObject({ code: 'gateway-unreachable' })
    expect(text).not.toContain(port)
  })

  it('brings back no field of the connection behind', async () => {
    const fields = ['content-type: application/json', 'Connection: x-secret', 'X-Secret: 1', 'Keep-Alive: timeout=99']
    answer = ok('{}', [...fields, 'Set-Cookie: a=1'])

    const reply = await plane.fetch('/api/v1/sites/onprem/gateway/status')

    expect(reply.headers.get('x-secret')).toBeNull()
    expect(reply.headers.get('set-cookie')).toBeNull()
    expect(reply.headers.get('keep-alive')).not.toBe('timeout=99')
  })

  it('that changes something needs more than reading', async () => {
    const { token } = await plane.client.createToken({ name: 'reader', scopes: ['read'] })
    const send = (method: string, path: string) =>
      fetch(`${plane.url}/api/v1/sites/onprem/gateway/${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
      })

    expect((await send('GET', 'status')).status).toBe(200)
    expect((await send('POST', 'explain')).status).toBe(200)
    expect((await send('POST', 'drain')).status).toBe(403)
    expect((await send('POST', 'explain/drain')).status).toBe(403)
    expect((await send('POST', '%65xplain')).status).toBe(404)
    expect((await fetch(`${plane.url}/api/v1/sites/onprem/gateway/status`)).status).toBe(401)
  })

  it('to a site without a live process says so', async () => {
    const reply = await plane.fetch('/api/v1/sites/cloud/gateway/status')

    expect(reply.status).toBe(503)
    expect(await reply.json()).toMatchObject({ code: 'gateway-away' })
  })
})

/** A client of HTTP would normalise the very path. */
async function rawGet(path: string): Promise<string> {
  const { hostname, port } = new URL(plane.url)
  const socket = connect(Number(port), hostname)
  socket.end(
    `GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${plane.adminToken}\r\nConnection: close\r\n\r\n`,
  )
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
