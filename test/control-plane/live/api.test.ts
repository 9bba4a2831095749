import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import * as accessSchema from '../../../control-plane/api-client/access-schema.ts'
import { ApiProblem } from '../../../control-plane/api-client/client.ts'
import * as schema from '../../../control-plane/api-client/schema.ts'
import { eventually } from '../../support/eventually.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'
import { FakeGateway } from '../support/fake-gateway.ts'

const files = [...catalogOf(serviceFile('orders'))]

/** Collects a console's events until its signal aborts. */
function follow(plane: TestControlPlane, signal: AbortSignal, lastId?: number) {
  const seen: { id?: number; type: string; event: schema.ConsoleEvent }[] = []
  const done = (async () => {
    try {
      for await (const { id, event } of plane.client.events(signal, lastId)) {
        seen.push({ ...(id === undefined ? {} : { id }), type: event.type, event })
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  })()
  return { seen, done }
}

describe('the stream of events', () => {
  it('tells a console each change as it happens, and adoption every second', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    const abort = new AbortController()
    const { seen, done } = follow(plane, abort.signal)
    await eventually(() => plane.controlPlane.plane.events.listeners === 1)
    await using gateway = await FakeGateway.start({ keys: plane.keys })
    await gateway.connect(plane.url)

    await plane.client.flip('orders', { to: 'cloud', reason: 'go' }, 1)

    await eventually(() =>
      ['gateway', 'table', 'unit', 'adoption'].every((type) => seen.some((one) => one.type === type)),
    )
    const unit = seen.find(({ type }) => type === 'unit')
    expect(unit?.event).toMatchObject({ placement: { owner: 'cloud', epoch: 2 }, actor: 'admin', reason: 'go' })
    expect(unit?.id).toBe(2)
    expect(seen.find(({ type }) => type === 'adoption')?.id).toBeUndefined()
    abort.abort()
    await done
  })

  it('ends soon after the token that opened it is revoked', async () => {
    await using plane = await startControlPlane()
    const { id, token } = await plane.client.createToken({ name: 'leaver', scopes: ['read'] })
    const answer = await fetch(`${plane.url}/api/v1/events`, { headers: { authorization: `Bearer ${token}` } })
    const ended = answer.text().catch(() => 'cut')
    await eventually(() => plane.controlPlane.plane.events.listeners === 1)

    await plane.client.revokeToken(id)

    expect(await ended).toBe('cut')
    await eventually(() => plane.controlPlane.plane.events.listeners === 0)
  })

  it('is resumed where it broke off, or says that too much was missed', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    for (let at = 0; at < 3; at++) await plane.client.flip('orders', { to: 'cloud', reads: at + 1, reason: 'x' }, '*')
    const abort = new AbortController()
    const resumed = follow(plane, abort.signal, 2)
    await eventually(() => resumed.seen.length >= 2)
    expect(resumed.seen.slice(0, 2).map(({ id, type }) => [id, type])).toEqual([
      [3, 'unit'],
      [4, 'unit'],
    ])
    // The first event that is kept has the sequence 1: who saw less than that cannot be caught up.
    const lost = follow(plane, abort.signal, 0)
    await eventually(() => lost.seen.length > 0)
    expect(lost.seen[0]).toMatchObject({ type: 'reset', id: 4 })
    abort.abort()
    await Promise.all([resumed.done, lost.done])
  })

  it('ends when the control plane stops', async () => {
    const plane = await startControlPlane()
    const { done } = follow(plane, new AbortController().signal)
    await eventually(() => plane.controlPlane.plane.events.listeners === 1)
    await plane.stop()
    await done.catch((error) => expect(error).toBeInstanceOf(Error))
    expect(plane.controlPlane.lifecycle.clean).toBe(true)
  })
})

describe('status', () => {
  it('names the gateways, what they run, and the edges that do not answer', async () => {
    await using plane = await startControlPlane({ config: { edges: [{ name: 'edge-1', url: 'http://127.0.0.1:9' }] } })
    await plane.client.apply({ files })
    await using gateway = await FakeGateway.start({ keys: plane.keys })
    await gateway.connect(plane.url)
    await eventually(() => gateway.table)
    await plane.client.flip('orders', { to: 'cloud', reads: 100, reason: 'x' }, 1)

    const status = await plane.client.status()
    expect(Check(schema.StatusAnswer, status)).toBe(true)
    expect(status).toMatchObject({
      environment: 'test',
      table: { structure: 1, placements: 2 },
      services: 1,
      moving: 1,
      sites: ['onprem', 'cloud'],
      gateways: [{ site: 'onprem', state: 'live', placements: 2 }],
      edges: [{ name: 'edge-1', reachable: false }],
    })
  })
})

describe('explaining', () => {
  it('says where a request would go and why, by the very code that routes it', async () => {
    await using plane = await startControlPlane()
    const request = { method: 'GET', url: 'https://api.example.com/v1/orders/7?x=1', headers: { 'X-Device-Id': '42' } }
    await expect(plane.client.explain(request)).rejects.toMatchObject({ code: 'no-table' })
    await plane.client.apply({ files })
    await plane.client.flip('orders', { to: 'cloud', reads: 9_999, reason: 'x' }, 1)

    const explained = await plane.client.explain(request)
    expect(Check(schema.ExplainAnswer, explained)).toBe(true)
    expect(explained).toMatchObject({
      site: 'cloud',
      because: 'bucket-moved',
      service: 'orders',
      unit: 'orders',
      epoch: 2,
      key: '/v1/orders/7',
    })
    expect(explained.sentences.length).toBeGreaterThan(2)
    expect(await plane.client.explain({ method: 'GET', url: '/nowhere' })).toMatchObject({ because: 'no-route' })
  })

  it('takes the country that an edge would have found out', async () => {
    await using plane = await startControlPlane()
    const { file, text } = serviceFile('orders')
    const german = `${text}  - path: /v1/orders/{id}\n    auth: public\n    when: { country: [DE] }\n`
    await plane.client.apply({ files: [...catalogOf({ file, text: german })] })
    const request = { method: 'GET', url: 'https://api.example.com/v1/orders/7' }
    const routeOf = async (country?: string) =>
      (await plane.client.explain(country === undefined ? request : { ...request, country })).route

    expect(await routeOf('DE')).toContain('[country#')
    expect([await routeOf('AT'), await routeOf()]).toEqual(Array(2).fill(expect.not.stringContaining('[country#')))
    await expect(routeOf('Germany')).rejects.toMatchObject({ status: 400 })
  })
})

describe('the client', () => {
  it('gives each answer in the shape that the schema says', async () => {
    await using plane = await startControlPlane()
    const { client } = plane
    const applied = await client.apply({ files })
    const flipped = await client.flip('orders', { to: 'cloud', reason: 'x' }, 1)
    const answers = [
      [schema.ApplyAnswer, applied],
      [schema.ChangeAnswer, flipped],
      [schema.DiffAnswer, await client.diff({ files })],
      [schema.CatalogAnswer, await client.catalog()],
      [schema.UnitAnswer, await client.unit('orders')],
      [schema.TableAnswer, await client.table(2)],
      [schema.AdoptionAnswer, await client.adoption(2)],
      [accessSchema.AuditVerdict, await client.verifyAudit()],
      [accessSchema.LinkAnswer, await client.createLoginLink()],
      [accessSchema.TokenCreated, await client.createToken({ name: 'x', scopes: ['read'] })],
    ] as const
    for (const [shape, answer] of answers) expect([answer, Check(shape, answer)]).toEqual([answer, true])
    const lists = [
      [schema.ServiceSummary, await client.services()],
      [schema.RouteSummary, await client.routes()],
      [schema.SiteSummary, await client.sites()],
      [schema.UnitSummary, await client.units()],
      [schema.TableEntry, await client.tables()],
      [accessSchema.AuditEntry, await client.audit()],
      [accessSchema.TokenSummary, await client.tokens()],
    ] as const
    for (const [shape, list] of lists) {
      expect(list.length).toBeGreaterThan(0)
      for (const item of list) expect([item, Check(shape, item)]).toEqual([item, true])
    }
    expect((await client.table(1)).placements).toMatchObject([{ owner: 'onprem', epoch: 1 }])
  })

  it('throws what a refusal says: code, words, fix', async () => {
    await using plane = await startControlPlane()
    const error = await plane.client.unit('nobody').catch((caught) => caught)
    expect(error).toBeInstanceOf(ApiProblem)
    expect(error).toMatchObject({
      status: 404,
      code: 'unit-unknown',
      fix: expect.any(String),
      requestId: expect.any(String),
    })
    await plane.stop()
    await expect(plane.client.units()).rejects.toMatchObject({ status: 0, code: 'unreachable' })
  })
})

describe('an adoption that is waited for', () => {
  it('is answered at the end of the wait with what is known', async () => {
    await using plane = await startControlPlane()
    await plane.client.apply({ files })
    const started = performance.now()
    expect(await plane.client.adoption(1, 1)).toMatchObject({ confirmed: false })
    expect(performance.now() - started).toBeGreaterThan(900)
  })
})
