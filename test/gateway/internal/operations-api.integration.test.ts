import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let orders: RecordingUpstream
let gateway: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  orders = await startRecordingUpstream(() => ok('fine'))
  const deployments = [
    { site: 'onprem', url: orders.url },
    { site: 'cloud', url: orders.url },
  ]
  const routes = [
    route('/v1/orders/{id}'),
    route('/v1/users', { service: 'users', policy: { ...policy, auth: { scopes: [] } } }),
  ]
  const services = [service('orders', { deployments }), service('users', { deployments })]
  const moving = { to: 'cloud', reads: 0, writes: 0 }
  const table = await bed.writeTable(
    'table',
    structure(routes, { services }),
    placementSet([placement('orders', { moving })]),
  )
  gateway = await bed.start('onprem', { table: { file: table } })
}, 30_000)
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await orders.close()
})

const json = async (reply: Response) => (await reply.json()) as Record<string, unknown>

describe('the internal API', () => {
  it('tells routes, by any part of their name', async () => {
    expect(await json(await gateway.ask('/gateway/v1/routes?q=orders'))).toEqual({
      total: 1,
      routes: [
        expect.objectContaining({ unit: 'orders', pattern: '/v1/orders/{id}', owner: 'onprem', movingTo: 'cloud' }),
      ],
    })
    expect(await json(await gateway.ask('/gateway/v1/routes'))).toMatchObject({ total: 2 })
  })

  it('tells services with their instances, and what was sent to them', async () => {
    await fetch(`${gateway.public}/v1/orders/1`)

    const { upstreams } = await json(await gateway.ask('/gateway/v1/upstreams'))
    const { retries } = await json(await gateway.ask('/gateway/v1/retries'))

    expect(upstreams).toContainEqual(expect.objectContaining({ service: 'orders', breaker: expect.anything() }))
    expect(retries).toContainEqual(expect.objectContaining({ service: 'orders', requests: 1, amplification: 1 }))
  })

  it('tells what traffic uses, by unit', async () => {
    await fetch(`${gateway.public}/v1/orders/A1`)

    const { routes } = await json(await gateway.ask('/gateway/v1/recorder?unit=orders'))

    expect(routes).toEqual([
      expect.objectContaining({
        unit: 'orders',
        features: [expect.objectContaining({ feature: 'upper-case-path', examples: ['GET /v1/orders/A0'] })],
      }),
    ])
  })

  it('asks each instance how it treats an idle connection', async () => {
    const answer = await json(await gateway.ask('/gateway/v1/hops?watch=100ms'))

    expect(answer).toMatchObject({ keepAliveMs: 910_000, leftOut: 0 })
    expect(answer['instances']).toContainEqual(
      expect.objectContaining({ service: 'orders', idleMs: 4000, probe: expect.objectContaining({ status: 200 }) }),
    )
    expect((await gateway.ask('/gateway/v1/hops?watch=1h')).status).toBe(400)
  })

  it('takes a body that is signed by the control plane, and none that is not', async () => {
    const path = '/gateway/v1/upstreams/nobody@1/eject'
    const body = JSON.stringify({ seconds: 5 })
    const call = { method: 'POST', target: path, body: Buffer.from(body), audience: 'gateway:onprem' }
    const signature = await signCall(call, bed.rings['control-gateway'], Date.now(), 'n1')
    const send = (text: string) =>
      fetch(gateway.internal + path, {
        method: 'POST',
        body: text,
        headers: { [headers.call]: signature, 'content-type': 'application/json' },
      })

    expect(await json(await send(body))).toMatchObject({ code: 'internal-request-invalid' })
    expect((await send('{"seconds":6}')).status).toBe(401)
    expect((await fetch(`${gateway.internal}/gateway/v1/routes`)).status).toBe(401)
  })
})

describe('an operator who asks how an answer came about', () => {
  const ask = async (path: string, token: string) => {
    const reply = await fetch(gateway.public + path, { headers: { [headers.explain]: token } })
    const told = reply.headers.get(headers.explained)
    return told === null ? undefined : (JSON.parse(Buffer.from(told, 'base64url').toString()) as object)
  }

  it('is told by the answer itself', async () => {
    const before = orders.requests.length
    const told = await ask('/v1/orders/7', 'operator-token')

    expect(told).toMatchObject({
      key: '/v1/orders/7',
      unit: 'orders',
      site: 'onprem',
      because: 'not-yet',
      endpoint: orders.url.slice('http://'.length),
    })
    const { head } = await orders.received(before + 1)
    expect(head).not.toContain('operator-token')
  })

  it('is told of a refusal, too', async () => {
    expect(await ask('/v1/users', 'operator-token')).toMatchObject({ code: 'token-missing', unit: 'users' })
  })

  it('is told nothing without the right', async () => {
    expect(await ask('/v1/orders/7', 'guessed')).toBeUndefined()
  })
})
