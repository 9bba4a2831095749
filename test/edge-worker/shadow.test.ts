import { describe, expect, it } from 'vitest'
import { bucketOf } from '#routes/bucket.ts'
import { headers } from '#routes/messages.ts'
import type { Shadow } from '#routes/policy.ts'
import { placement, policy, route } from '../support/tables.ts'
import { ask, isolate } from './passing-bed.ts'

const routes = [
  route('/v1/orders/**'),
  route('/v1/live', { policy: { ...policy, stream: true } }),
  route('/v1/sold', { policy: { ...policy, effect: 'write' } }),
]
const shadow: Shadow = { to: 'cloud', sample: 10_000, again: 0, maxInFlight: 2, at: 'edge' }

type Answer = Parameters<typeof isolate>[2]

const edgeWith = (wanted: Partial<Shadow> = {}, answer?: Answer) =>
  isolate(routes, [placement('orders', { shadow: { ...shadow, ...wanted } })], answer)

const sitesOf = (edge: Awaited<ReturnType<typeof isolate>>) => edge.origin.sent.map(({ site }) => site).toSorted()

describe('a copy for warming', () => {
  it('goes to the other site beside the request, and each of both says what it is', async () => {
    const edge = await edgeWith()
    await edge.pass(ask('GET', '/v1/orders/1?x=1', { accept: 'a/b' }))
    await Promise.all(edge.kept)

    const copy = edge.origin.sent.findIndex(({ site }) => site === 'cloud')
    const asked = 1 - copy
    expect(sitesOf(edge)).toEqual(['cloud', 'onprem'])
    expect(await edge.markOf(copy)).toMatchObject({ ok: true, mark: { flags: ['shadow'], unit: 'orders' } })
    expect(await edge.markOf(asked)).toMatchObject({ ok: true, mark: { flags: ['shadowed'] } })
    expect(edge.origin.sent[copy]?.request.headers.get(headers.shadow)).toBe('1')
    expect(edge.origin.sent[copy]?.request.headers.get('accept')).toBe('a/b')
    expect(edge.origin.sent[asked]?.request.headers.has(headers.shadow)).toBe(false)
    expect(edge.edge.counts).toMatchObject({ requests: 1, shadows: 1, shadowsDropped: 0 })
  })

  it('is never waited for, and is dropped, not queued, when the other site hangs', async () => {
    const hanging = Promise.withResolvers<Response>()
    const edge = await edgeWith({}, (_, site) => (site === 'cloud' ? hanging.promise : new Response('ok')))

    for (let request = 0; request < 5; request++) {
      expect(await edge.pass(ask('GET', '/v1/orders/1'))).toMatchObject({ status: 200 })
    }
    expect(edge.edge.counts).toMatchObject({ shadows: 2, shadowsDropped: 3 })
    expect(sitesOf(edge).filter((site) => site === 'cloud')).toHaveLength(2)
    // Those whose copy was dropped do not say that there was one: the owner's gateway may copy them.
    expect(await edge.markOf(edge.origin.sent.length - 1)).toMatchObject({ mark: { flags: [] } })

    const answered = new Response('long')
    hanging.resolve(answered)
    await Promise.all(edge.kept)
    expect(answered.bodyUsed).toBe(true)
    await edge.pass(ask('GET', '/v1/orders/1'))
    expect(edge.edge.counts.shadows).toBe(3)
  })

  it('that fails changes nothing, and its site is not held for out', async () => {
    const edge = await edgeWith({}, (_, site) => new Response(site, { status: site === 'cloud' ? 503 : 200 }))
    for (let request = 0; request < 6; request++) {
      expect(await edge.pass(ask('GET', '/v1/orders/1'))).toMatchObject({ status: 200 })
      await Promise.all(edge.kept)
    }

    expect(edge.edge.outliers.avoids('cloud', edge.nowMs)).toBe(false)
  })

  it.each<[string, Request]>([
    ['a POST', ask('POST', '/v1/orders/1', {}, 'x')],
    ['an OPTIONS', ask('OPTIONS', '/v1/orders/1')],
    ['a GET that writes', ask('GET', '/v1/sold')],
    ['a stream', ask('GET', '/v1/live')],
    ['an upgrade', ask('GET', '/v1/orders/1', { upgrade: 'websocket', 'sec-websocket-key': 'k' })],
    ['a path without a route', ask('GET', '/nowhere')],
  ])('is made of no %s', async (_, request) => {
    const edge = await edgeWith()
    await edge.pass(request)

    expect(edge.origin.sent).toHaveLength(1)
    expect(edge.edge.counts).toMatchObject({ shadows: 0, shadowsDropped: 0 })
  })

  it('is left to the gateway where the placement does not say "edge", and is not sent to the site that serves', async () => {
    const { at: _, ...atGateway } = shadow
    const edge = await isolate(routes, [placement('orders', { shadow: atGateway })])
    await edge.pass(ask('GET', '/v1/orders/1'))
    const same = await edgeWith({ to: 'onprem' })
    await same.pass(ask('GET', '/v1/orders/1'))
    const unknown = await edgeWith({ to: 'lab' })
    await unknown.pass(ask('GET', '/v1/orders/1'))

    expect([edge, same, unknown].map(({ origin }) => origin.sent.length)).toEqual([1, 1, 1])
  })

  it('is sent of the clients whose bucket is in the sample, by the salt of gateways, and of none without a key', async () => {
    const sample = 5_000
    const edge = await edgeWith({ sample, maxInFlight: 1_000 })
    const devices = Array.from({ length: 60 }, (_, device) => `device-${device}`)
    for (const device of devices) {
      edge.origin.sent.length = 0
      await edge.pass(ask('GET', '/v1/orders/1', { 'x-device-id': device }))
      await Promise.all(edge.kept)

      expect(edge.origin.sent.length === 2).toBe(bucketOf('wave-1:shadow', device) < sample)
    }
    edge.origin.sent.length = 0
    await edge.pass(ask('GET', '/v1/orders/1'))
    expect(edge.origin.sent).toHaveLength(1)
  })

  it('is not made of what goes round an outage: other sites have enough to do', async () => {
    for (const to of ['cloud', 'lab']) {
      const beside = { shadow: { ...shadow, to }, failover: { to: 'cloud', safeOnly: true as const } }
      const sites = ['onprem', 'cloud', 'lab']
      const edge = await isolate(routes, [placement('orders', beside)], undefined, { sites })
      for (let failure = 0; failure < 5; failure++) edge.edge.outliers.add('onprem', true, edge.nowMs)
      await edge.pass(ask('GET', '/v1/orders/1'))

      expect(sitesOf(edge)).toEqual(['cloud'])
      expect(await edge.markOf(0)).toMatchObject({ mark: { flags: ['failover'] } })
      expect(edge.edge.counts.shadows).toBe(0)
    }
  })
})
