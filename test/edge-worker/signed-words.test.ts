import { describe, expect, it } from 'vitest'
import { headers } from '#routes/messages.ts'
import { writeSigned } from '#routes/signed-value.ts'
import { placement, policy, route } from '../support/tables.ts'
import { ask, type Isolate, isolate } from './passing-bed.ts'

const routes = [route('/v1/orders/**'), route('/v1/search', { policy: { ...policy, effect: 'read' } })]
const hour = 3_600_000

async function edgeWith(more: Parameters<typeof isolate>[3] = {}, facts: Parameters<typeof placement>[1] = {}) {
  return isolate(routes, [placement('orders', facts)], undefined, more)
}

const force = (edge: Isolate, site: string, forMs = hour) =>
  writeSigned('force', site, edge.nowMs + forMs, edge.controlRing)

const sites = (edge: Isolate) => edge.origin.sent.map(({ site }) => site)

describe("a tester's word", () => {
  it('sends what reads to the other site, by header or by cookie, and never travels on', async () => {
    const edge = await edgeWith()
    const word = await force(edge, 'cloud')
    await edge.pass(ask('GET', '/v1/orders/1', { [headers.force]: word }))
    await edge.pass(ask('GET', '/v1/orders/1', { cookie: `a=1; tidegate-force=${word}; b=2` }))
    await edge.pass(ask('POST', '/v1/search', { [headers.force]: word }, 'what reads by POST'))

    expect(sites(edge)).toEqual(['cloud', 'cloud', 'cloud'])
    expect(await edge.markOf(0)).toMatchObject({ ok: true, mark: { flags: ['force'], because: 'forced', epoch: 1 } })
    expect(edge.origin.sent[0]?.request.headers.has(headers.force)).toBe(false)
    expect(edge.origin.sent[1]?.request.headers.get('cookie')).toBe('a=1; b=2')
    expect(edge.edge.counts.forced).toBe(3)
  })

  it('counts in the cookie when the header does not verify, and in the header before the cookie', async () => {
    const edge = await edgeWith()
    const cookie = `tidegate-force=${await force(edge, 'cloud')}`
    await edge.pass(ask('GET', '/v1/orders/1', { [headers.force]: 'x', cookie }))
    await edge.pass(ask('GET', '/v1/orders/1', { [headers.force]: await force(edge, 'onprem'), cookie }))

    expect(sites(edge)).toEqual(['cloud', 'onprem'])
  })

  it.each<[string, (edge: Isolate) => Promise<string>]>([
    ['is over', (edge) => force(edge, 'cloud', -1_000)],
    ['is changed', async (edge) => (await force(edge, 'cloud')).replace('cloud', 'clout')],
    ['is of another kind', (edge) => writeSigned('sticky', 'cloud', edge.nowMs + hour, edge.controlRing)],
    ['is signed by a gateway', (edge) => writeSigned('force', 'cloud', edge.nowMs + hour, edge.gatewayRing)],
    ['names a site that this edge cannot reach', (edge) => force(edge, 'lab')],
  ])('that %s is removed and changes nothing', async (_, made) => {
    const edge = await edgeWith()
    const word = await made(edge)
    await edge.pass(ask('GET', '/v1/orders/1', { [headers.force]: word, cookie: `tidegate-force=${word}` }))

    expect(sites(edge)).toEqual(['onprem'])
    expect(await edge.markOf(0)).toMatchObject({ mark: { flags: [], because: 'steady' } })
    const sent = edge.origin.sent[0]?.request.headers
    expect([sent?.has(headers.force), sent?.has('cookie')]).toEqual([false, false])
    expect(edge.edge.counts.forced).toBe(0)
  })

  it('does not move what writes, what no route matches, or what could be read as another path', async () => {
    const hosts = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'observe' as const }]
    const edge = await edgeWith({ structure: { hosts } })
    const word = { [headers.force]: await force(edge, 'cloud') }
    await edge.pass(ask('POST', '/v1/orders/1', word, 'x'))
    await edge.pass(ask('DELETE', '/v1/orders/1', word))
    await edge.pass(ask('GET', '/nowhere', word))
    await edge.pass(ask('GET', '/v1/orders/a%2Fb', word))

    expect(sites(edge)).toEqual(['onprem', 'onprem', 'onprem', 'onprem'])
  })

  it('is not failed over: a tester sees the site that was asked for, or its failure', async () => {
    const edge = await isolate(
      routes,
      [placement('orders', { failover: { to: 'onprem', safeOnly: true } })],
      () => new Response(null, { status: 503 }),
    )
    const word = { [headers.force]: await force(edge, 'cloud') }

    expect(await edge.pass(ask('GET', '/v1/orders/1', word))).toMatchObject({ status: 503 })
    expect(sites(edge)).toEqual(['cloud'])
  })
})

describe("a client's signed key", () => {
  const half = { key: ['sticky' as const], moving: { to: 'cloud', reads: 5_000, writes: 0 } }
  const cookieOf = async (edge: Isolate, value: string, kind: 'sticky' | 'force' = 'sticky') =>
    `tidegate-sticky=${await writeSigned(kind, value, edge.nowMs + hour, edge.gatewayRing)}`

  it('keeps a client at its site while its token changes with each request', async () => {
    const edge = await edgeWith({}, half)
    const seen = new Set<string>()
    for (const client of ['anna', 'bert', 'cleo', 'dora', 'emil', 'fred']) {
      edge.origin.sent.length = 0
      for (let request = 0; request < 10; request++) {
        const authorization = `Bearer ${crypto.randomUUID()}`
        await edge.pass(ask('GET', '/v1/orders/1', { authorization, cookie: await cookieOf(edge, client) }))
      }
      expect(new Set(sites(edge)).size).toBe(1)
      for (const site of sites(edge)) seen.add(site)
    }
    expect(seen).toEqual(new Set(['onprem', 'cloud']))
  })

  it('that does not verify is none: the owner serves, and the gateway sees the cookie as it came', async () => {
    const edge = await edgeWith({}, half)
    for (const client of ['anna', 'bert', 'cleo', 'dora', 'emil', 'fred']) {
      await edge.pass(ask('GET', '/v1/orders/1', { cookie: await cookieOf(edge, client, 'force') }))
    }
    const cookie = 'b=2; tidegate-sticky=a.9999999999.k1.x'
    await edge.pass(ask('GET', '/v1/orders/1', { cookie }))

    expect(new Set(sites(edge))).toEqual(new Set(['onprem']))
    expect(edge.origin.sent.at(-1)?.request.headers.get('cookie')).toBe(cookie)
    expect(await edge.markOf(0)).toMatchObject({ mark: { because: 'no-key' } })
  })
})
