import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headers, paths } from '#routes/messages.ts'
import { Colo, Isolate } from './colo.ts'

let colo: Colo
let isolate: Isolate
beforeEach(async () => {
  colo = await Colo.open()
  await colo.controlPlaneSays(2)
  isolate = await colo.isolate(1)
})
afterEach(() => vi.restoreAllMocks())

const status = `${paths.edge}/status`

describe('a signed call to an edge', () => {
  it('status: tells place, script version, source, age and what was refused', async () => {
    await isolate.served()

    const told = await isolate.status()
    expect(told).toMatchObject({
      name: 'edge-test',
      colo: 'FRA',
      scriptVersion: 'version-7',
      source: 'control-plane',
      held: { structure: { number: 1 }, placements: { number: 2 }, epochs: { orders: 2 } },
      refusals: [],
      counts: { requests: 1, failovers: 0 },
    })
    expect(told.ageMs).toBeLessThan(5_000)
    expect(told.isolate).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('status: is told, too, when the supervisor beside it says nothing', async () => {
    const broken = { fetch: () => Promise.reject(new Error('refused')) }
    colo.more = { TABLES: broken, TABLES_TOKEN: 'word' }

    const told = await isolate.status()
    expect(told).toMatchObject({ source: 'bundle', held: { placements: { number: 1 } }, refusals: [] })
    expect(told.ageMs).toBeUndefined()
  })

  it('table: gives the held documents as they were sealed, and none where there are none', async () => {
    await isolate.served()
    expect(await (await isolate.call(`${paths.edge}/table`)).json()).toEqual(await colo.offer(2))

    const nothing = new Isolate(await Colo.open(), {})
    expect(await (await nothing.call(`${paths.edge}/table`)).json()).toEqual({})
  })

  it('probe: makes a marked round trip to each site, and tells which one gives no answer', async () => {
    isolate.answer = (_, site) => (site === 'cloud' ? Promise.reject(new Error('refused')) : new Response('ok'))

    const { sites } = (await (await isolate.call(`${paths.edge}/probe`)).json()) as { sites: unknown[] }

    expect(sites).toMatchObject([
      { site: 'onprem', status: 200 },
      { site: 'cloud', failed: 'origin-unreachable' },
    ])
    expect(isolate.origin.sent.every(({ request }) => request.headers.has(headers.edge))).toBe(true)
  })
})

describe('anything else under the edge’s own path', () => {
  it.each([
    ['a call that was signed too long ago', { at: Date.now() - 61_000 }],
    ['one that was signed for another target', { target: `${paths.edge}/table` }],
    ['one for another program', { audience: 'control-plane' }],
    ['one with another method under the signature', { method: 'POST' }],
    ['one with a body under the signature', { body: new Uint8Array(1) }],
    ['one by the ring of gateways', { by: 'edge-gateway' as const }],
  ])('%s is ordinary traffic, and the signature goes no further', async (_, signed) => {
    const response = await isolate.call(status, signed)

    expect(await response.text()).toBe('ok')
    const [sent] = isolate.origin.sent
    expect(sent?.request.url).toContain(status)
    expect(sent?.request.headers.has(headers.call)).toBe(false)
  })

  it('is ordinary traffic without a signature, under every name and method', async () => {
    for (const [path, method] of [
      [status, 'GET'],
      [`${paths.edge}/table`, 'GET'],
      [`${paths.edge}/probe`, 'POST'],
    ] as const) {
      const { response, settled } = await isolate.fetch(path, { method })
      await settled
      expect(await response.text()).toBe('ok')
    }
    expect(isolate.origin.sent).toHaveLength(3)
  })

  it('is ordinary traffic under a name that an edge does not know, signed or not', async () => {
    expect(await (await isolate.call(`${paths.edge}/echo`)).text()).toBe('ok')
  })
})
