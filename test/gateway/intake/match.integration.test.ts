import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let gateway: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(() => ok('done'))
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  const host = 'api.example.com'
  const routes = [
    route('/v1/orders', { host, methods: ['GET', 'POST'] }),
    route('/v1/files/**', { host, policy: { ...policy, accepts: ['encoded-slash'] } }),
    route('/v1/vault/**', { host, policy: { ...policy, auth: { scopes: [] } } }),
    route('/v1/**', { host, methods: ['GET', 'PUT'], policy }),
  ]
  await bed.writeTable('table', structure(routes, { services }), placementSet([]))
  gateway = await bed.start('onprem', { table: { file: 'table' } })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

/** The whole answer to one request line, bytes as a test wrote them. */
async function ask(line: string, host = 'api.example.com'): Promise<string> {
  const client = await rawClient(gateway.port)
  client.write(`${line} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  return client.closed()
}

describe('on the wire', () => {
  it('P1, P8: what the service gets is the target byte for byte', async () => {
    const target = '/v1/%6frders/%7e.%c3%a9?a=%41&a=+&&b=??%zz'
    const before = upstream.requests.length

    expect(await ask(`GET ${target}`)).toMatch(/^HTTP\/1.1 200 /)
    expect(upstream.requests[before]?.head.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`)
  })

  it('P3: an encoded slash that its route accepts reaches the service as it is', async () => {
    const before = upstream.requests.length

    expect(await ask('GET /v1/files/a%2fb')).toMatch(/^HTTP\/1.1 200 /)
    expect(upstream.requests[before]?.head).toMatch(/^GET \/v1\/files\/a%2fb /)
  })

  it('P2, P7: an unsafe target is 400 and reaches no service', async () => {
    const before = upstream.requests.length

    for (const target of [
      '/v1/../v1/vault',
      '/v1/%2e%2e/x',
      '/v1//x',
      '/v1/a%2fb',
      '/v1/%zz',
      '/v1/%00',
      '/v1/%252e',
    ]) {
      const answer = await ask(`GET ${target}`)
      expect(answer).toMatch(/^HTTP\/1.1 400 /)
      expect(answer).toContain('"code":"target-unsafe"')
    }
    expect(upstream.requests.length).toBe(before)
  })

  it('P5, P6: a spelling that the service may read as a guarded path is asked for the credentials of that path', async () => {
    const before = upstream.requests.length

    for (const target of ['/v1/vault', '/v1/VAULT/1', '/v1/vault;a', '/v1/;/vault', '/v1/%2576ault']) {
      expect([target, (await ask(`GET ${target}`)).slice(0, 12)]).toEqual([target, 'HTTP/1.1 401'])
    }
    expect(upstream.requests.length).toBe(before)
  })

  it('tells the methods of a path to a request with another', async () => {
    const answer = await ask('DELETE /v1/orders')

    expect(answer).toMatch(/^HTTP\/1.1 405 /)
    expect(answer).toMatch(/\r\nallow: GET, HEAD, OPTIONS, POST, PUT\r\n/i)
    expect(answer).toContain('"code":"method-unknown"')
    expect(await ask('OPTIONS /v1/orders')).toMatch(
      /^HTTP\/1.1 204 [\s\S]*\r\nallow: GET, HEAD, OPTIONS, POST, PUT\r\n/i,
    )
  })

  it('T2: answers 421 for a host that the table does not have, and 404 for a path that nobody has', async () => {
    expect(await ask('GET /v1/orders', 'other.test')).toMatch(/^HTTP\/1.1 421 [\s\S]*"code":"host-unknown"/)
    expect(await ask('GET http://other.test/v1/orders', 'other.test')).toMatch(/^HTTP\/1.1 421 /)
    expect(await ask('GET /elsewhere')).toMatch(/^HTTP\/1.1 404 [\s\S]*"code":"route-unknown"/)
  })
})
