import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signCall } from '#routes/call.ts'
import type { GatewayStatus } from '#routes/messages.ts'
import { placement, placementSet, route, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let gateway: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  const set = placementSet([placement('orders', { owner: 'cloud', epoch: 3 })])
  const when = [{ from: 'country', test: 'oneOf', value: ['DE'] }] as const
  await bed.writeTable('table', structure([route('/v1/orders/{id}'), route('/v1/orders/{id}', { when })]), set)
  const sha256 = hash('sha256', 'metrics-only', 'hex')
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    internal: {
      tokens: [
        { name: 'prometheus', sha256, scopes: ['metrics'] },
        { name: 'ops', sha256: hash('sha256', 'operator-token', 'hex'), scopes: ['status', 'explain', 'drain'] },
      ],
    },
    cache: {
      zones: [{ name: 'near', driver: 'memory' }],
      clients: [
        {
          name: 'monolith',
          sha256: hash('sha256', 'cache-token', 'hex'),
          namespaces: ['legacy'],
          verbs: ['read', 'write'],
        },
      ],
    },
  })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
})

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('the internal listener', () => {
  it.each([
    ['GET', '/health/ready'],
    ['GET', '/metrics'],
    ['GET', '/gateway/v1/status'],
    ['POST', '/gateway/v1/explain'],
    ['GET', '/gateway/v1/drain'],
    ['POST', '/gateway/v1/drain'],
    ['POST', '/gateway/v1/tokens/find'],
    ['GET', '/gateway/v1/routes'],
    ['GET', '/gateway/v1/upstreams'],
    ['GET', '/gateway/v1/retries'],
    ['GET', '/gateway/v1/recorder'],
    ['GET', '/gateway/v1/hops'],
    ['GET', '/gateway/v1/extensions'],
    ['POST', '/gateway/v1/extensions/x/off'],
    ['POST', '/gateway/v1/upstreams/x/eject'],
    ['POST', '/gateway/v1/reload'],
    ['POST', '/gateway/v1/cache/replicate'],
    ['POST', '/cache/v1/legacy:invalidate'],
    ['GET', '/cache/v1/legacy/x'],
    ['PUT', '/cache/v1/legacy/x'],
  ])('refuses %s %s without a credential, and with a wrong one', async (method, path) => {
    const type = path.includes('replicate') ? 'application/vnd.tidegate.cache-batch' : 'application/json'
    const init = { method, ...(method === 'GET' ? {} : { body: '{}', headers: { 'content-type': type } }) }

    expect([401, 415]).toContain((await fetch(gateway.internal + path, init)).status)
    expect([401, 415]).toContain(
      (await fetch(gateway.internal + path, { ...init, headers: { ...init.headers, ...bearer('wrong') } })).status,
    )
  })

  it('tells the living from the dead without one', async () => {
    expect((await fetch(`${gateway.internal}/health/live`)).status).toBe(200)
  })

  it('gives each token its scopes and no more', async () => {
    expect((await fetch(`${gateway.internal}/metrics`, { headers: bearer('metrics-only') })).status).toBe(200)
    const refused = await fetch(`${gateway.internal}/gateway/v1/status`, { headers: bearer('metrics-only') })

    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'internal-scope-missing' }])
  })

  it('believes the control plane by its signature, and no other program or site', async () => {
    const target = '/gateway/v1/status'
    const signed = async (purpose: 'control-gateway' | 'gateway-gateway', audience: string) => {
      const call = { method: 'GET', target, body: new Uint8Array(), audience }
      return fetch(gateway.internal + target, {
        headers: { 'x-tidegate-call': await signCall(call, bed.rings[purpose], Date.now(), 'n1') },
      })
    }

    const answer = await signed('control-gateway', 'gateway:onprem')
    expect(answer.status).toBe(200)
    const status = (await answer.json()) as GatewayStatus
    expect(status).toMatchObject({
      site: 'onprem',
      state: 'ready',
      held: { epochs: { orders: 3 } },
      cache: { zones: [{ name: 'near' }] },
    })
    expect((await signed('control-gateway', 'gateway:cloud')).status).toBe(401)
    expect((await signed('gateway-gateway', 'gateway:onprem')).status).toBe(401)
  })

  it('explains a request in words, by the functions that decide', async () => {
    const body = JSON.stringify({ method: 'GET', url: 'https://api.example.com/v1/orders/7' })
    const answer = await gateway.ask('/gateway/v1/explain', { method: 'POST', body })

    const explained = (await answer.json()) as { site: string; here: boolean; sentences: string[] }
    expect(explained).toMatchObject({ site: 'cloud', here: false, unit: 'orders', epoch: 3 })
    expect(explained.sentences.at(-1)).toBe('This gateway serves onprem: it forwards the request once to cloud.')
  })

  it.each([
    ['DE', expect.stringContaining('[country#')],
    ['AT', expect.not.stringContaining('[country#')],
    ['de', undefined],
  ])('explains a request of the country %s', async (country, routeId) => {
    const body = JSON.stringify({ method: 'GET', url: 'https://api.example.com/v1/orders/7', country })
    const answer = await gateway.ask('/gateway/v1/explain', { method: 'POST', body })

    expect(answer.status).toBe(routeId === undefined ? 400 : 200)
    expect(((await answer.json()) as { route?: string }).route).toEqual(routeId)
  })

  it('keeps values for the monolith', async () => {
    const url = `${gateway.internal}/cache/v1/legacy/x`
    const put = await fetch(url, {
      method: 'PUT',
      body: 'value',
      headers: { ...bearer('cache-token'), 'x-tidegate-ttl': '60' },
    })

    expect([200, 201, 204]).toContain(put.status)
    expect(await (await fetch(url, { headers: bearer('cache-token') })).text()).toBe('value')
  })

  it('tells bounded metrics of traffic', async () => {
    await (await fetch(`${gateway.public}/nowhere`)).text()

    const text = await (await fetch(`${gateway.internal}/metrics`, { headers: bearer('metrics-only') })).text()

    expect(text).toMatch(/tidegate_requests_total\{route="none",class="4xx",from="service"\} \d/)
    expect(text).toMatch(/tidegate_problems_total\{code="route-unknown"\} \d/)
  })

  it('is not served on the public listener', async () => {
    expect((await fetch(`${gateway.public}/gateway/v1/status`, { headers: bearer('operator-token') })).status).toBe(404)
  })
})
