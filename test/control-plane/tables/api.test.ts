import { describe, expect, it } from 'vitest'
import { signCall } from '#routes/call.ts'
import { headers, type TableOffer } from '#routes/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { FakeGateway } from '../support/fake-gateway.ts'
import { strangersRing } from '../support/keys.ts'

const files = [...catalogOf(serviceFile('orders'))]

describe('a gateway', () => {
  it('is offered the table when it connects and on each flip, and the flip waits for its acknowledgement', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    await using gateway = await FakeGateway.start({ keys: plane.keys })
    await gateway.connect(plane.url)
    await eventually(() => gateway.table?.placements.number === 1)

    const flipped = await plane.client.flip('orders', { to: 'cloud', reason: 'go' }, 1)

    expect(flipped.gateways).toMatchObject([{ site: 'onprem', instance: gateway.instance }])
    expect(flipped.waiting).toEqual([])
    expect(gateway.placementsNumber).toBe(flipped.table)
    expect(gateway.table?.placementOf.get('orders')).toEqual(flipped.placement)
    // Only what is new was sent: the structure stays.
    expect(gateway.offers.at(-1)?.structure).toBeUndefined()
  })

  it('that does not acknowledge is named in the answer, after two seconds at most', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    await using gateway = await FakeGateway.start({ keys: plane.keys })
    await gateway.connect(plane.url)
    await eventually(async () => (await plane.client.gateways())[0]?.state === 'live')
    gateway.acknowledges = false

    const started = performance.now()
    const flipped = await plane.client.flip('orders', { to: 'cloud', reason: 'go' }, 1)

    expect(performance.now() - started).toBeLessThan(3_000)
    expect(flipped.gateways).toEqual([])
    expect(flipped.waiting).toMatchObject([{ instance: gateway.instance, because: 'it has not acknowledged yet' }])
  })

  it('is joining, live, leaving and gone by what it does', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    await using gateway = await FakeGateway.start({ keys: plane.keys, acknowledges: false })
    const state = async () => (await plane.client.gateways())[0]?.state
    await gateway.connect(plane.url)
    expect(await state()).toBe('joining')

    await eventually(() => gateway.table)
    await gateway.acknowledge()
    expect(await state()).toBe('live')

    gateway.disconnect()
    await eventually(async () => (await state()) === 'leaving')

    expect((await gateway.call('DELETE', gateway.path)).status).toBe(204)
    expect(await state()).toBe('gone')
    const again = await gateway.acknowledge()
    expect(again?.status).toBe(410)
    expect(await again?.json()).toMatchObject({ code: 'instance-removed' })
    const { internalUrl } = gateway
    const comeBack = (startedAt: number) => gateway.call('PUT', gateway.path, { internalUrl, startedAt, version: '0' })
    expect((await comeBack(Date.now() - 60_000)).status).toBe(410)
    // One that was only silent for too long may come back.
    const { store } = plane.controlPlane.plane
    const [entry] = await store.records.gateways.all()
    if (entry === undefined) throw new Error('no gateway')
    await store.records.gateways.save({ ...entry, removed: { at: Date.now(), by: 'silence' } })
    expect((await comeBack(Date.now() - 60_000)).status).toBe(200)
    await gateway.call('DELETE', gateway.path)
    // Another process under a configured id.
    expect((await comeBack(Date.now() + 60_000)).status).toBe(200)
  })

  it('keeps its writer number, and no two live ones share one', async () => {
    await using plane = await startControlPlane()
    const gateways = await Promise.all([1, 2, 3, 4].map(() => FakeGateway.start({ keys: plane.keys })))
    await Promise.all(gateways.map((gateway) => gateway.connect(plane.url)))
    expect(new Set(gateways.map(({ writerId }) => writerId)).size).toBe(4)

    const [first] = gateways
    const before = first?.writerId
    await first?.connect(plane.url)
    expect(first?.writerId).toBe(before)
    for (const gateway of gateways) await gateway[Symbol.asyncDispose]()
  })

  it('of a site that the catalog does not know is refused with the nearest name', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    await using gateway = await FakeGateway.start({ keys: plane.keys, site: 'onprm' })
    const refused = await gateway.register(plane.url)
    expect(refused.status).toBe(404)
    expect(await refused.json()).toMatchObject({
      code: 'site-unknown',
      detail: expect.stringMatching(/did you mean onprem/),
    })
  })

  it('that was never registered is told to register', async () => {
    await using plane = await startControlPlane()
    const answer = await plane.call('GET', '/api/v1/sites/onprem/gateways/nobody/table')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ code: 'instance-unknown' })
  })
})

describe('an edge that polls', () => {
  it('gets what it lacks, and 304 when nothing is new', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    const ring = plane.keys.keys.rings['edge-control']
    const poll = (query: string, etag?: string) =>
      plane.call('GET', `/api/v1/edge/table${query}`, undefined, {
        ring,
        ...(etag === undefined ? {} : { headers: { 'if-none-match': etag } }),
      })

    const first = await poll('?structure=0&placements=0')
    const whole = (await first.json()) as TableOffer
    expect(whole.structure?.kind).toBe('structure')
    expect(whole.placements?.kind).toBe('placements')

    const etag = first.headers.get('etag') ?? ''
    const same = await poll('?structure=1&placements=1', etag)
    expect(same.status).toBe(304)
    expect(same.headers.get('etag')).toBe(etag)

    await plane.client.flip('orders', { to: 'cloud', reason: 'go' }, 1)
    const next = await poll('?structure=1&placements=1', etag)
    expect(next.status).toBe(200)
    const offer = (await next.json()) as TableOffer
    expect(offer.structure).toBeUndefined()
    expect(offer.placements?.body).toContain('"epoch":2')
  })
})

describe('a signed call', () => {
  const counters = { at: Date.now(), adoption: [], traffic: [], debt: { deletes: 0, sets: 0, oldestAgeMs: 0 } }

  it('with another key, for another audience or with a changed body is refused', async () => {
    await using plane = await startControlPlane()
    const path = '/api/v1/sites/onprem/gateways/g1'
    const body = { internalUrl: 'http://127.0.0.1:1', startedAt: 1, version: '0' }
    const stranger = await plane.call('PUT', path, body, { ring: await strangersRing('control-gateway') })
    expect(stranger.status).toBe(401)
    // The key of one pair of programs is worth nothing for another.
    expect((await plane.call('PUT', path, body, { ring: plane.keys.keys.rings['edge-control'] })).status).toBe(401)
    const elsewhere = await plane.call('PUT', path, body, { audience: 'gateway:onprem' })
    expect(await elsewhere.json()).toMatchObject({
      code: 'call-refused',
      detail: expect.stringMatching(/other-audience/),
    })

    const call = { method: 'PUT', target: path, body: new TextEncoder().encode('{}'), audience: 'control-plane' }
    const signature = await signCall(call, plane.keys.keys.rings['control-gateway'], Date.now(), 'n')
    const changed = await fetch(plane.url + path, {
      method: 'PUT',
      headers: { [headers.call]: signature, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(await changed.json()).toMatchObject({ detail: expect.stringMatching(/body-differs/) })
  })

  it('that adds to something is taken once', async () => {
    await using plane = await startControlPlane()
    await using gateway = await FakeGateway.start({ keys: plane.keys })
    await gateway.register(plane.url)
    const target = `${gateway.path}/counters`
    const text = JSON.stringify(counters)
    const call = { method: 'POST', target, body: new TextEncoder().encode(text), audience: 'control-plane' }
    const signature = await signCall(call, plane.keys.keys.rings['control-gateway'], Date.now(), 'once')
    const send = () =>
      fetch(plane.url + target, {
        method: 'POST',
        headers: { [headers.call]: signature, 'content-type': 'application/json' },
        body: text,
      })
    expect((await send()).status).toBe(204)
    const replayed = await send()
    expect(replayed.status).toBe(401)
    expect(await replayed.json()).toMatchObject({ code: 'call-replayed' })
  })
})

describe('adoption', () => {
  it('is counted from the requests that gateways saw, and names the stragglers', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    await using gateway = await FakeGateway.start({ keys: plane.keys })
    await gateway.connect(plane.url)
    await eventually(() => gateway.table)
    const { table } = await plane.client.flip('orders', { to: 'cloud', reason: 'go' }, 1)
    const now = Date.now()
    const row = (colo: string, placements: number) => ({ placements, colo, firstSeen: now, lastSeen: now, requests: 3 })
    const report = {
      at: now,
      adoption: [row('FRA', table), row('SIN', table - 1)],
      traffic: [{ unit: 'orders', epoch: 2, reads: 5, writes: 5, forwarded: 1, failed: 0 }],
      debt: { deletes: 0, sets: 0, oldestAgeMs: 0 },
    }
    expect((await gateway.call('POST', `${gateway.path}/counters`, report)).status).toBe(204)

    const adoption = await plane.client.adoption(table)

    expect(adoption).toMatchObject({ placements: table, confirmed: false })
    expect(adoption.colos.map(({ colo, lowest }) => [colo, lowest])).toEqual([
      ['FRA', table],
      ['SIN', table - 1],
    ])
    expect(adoption.stragglers).toEqual([{ kind: 'edge', name: 'SIN', placements: table - 1 }])
    expect((await plane.client.unit('orders')).traffic).toMatchObject([{ site: 'onprem', reads: 1, writes: 1 }])
    await expect(plane.client.adoption(999)).rejects.toMatchObject({ status: 404, code: 'table-unknown' })
  })
})
