import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Condition } from '#routes/condition.ts'
import { receiveAtEdge } from '#routes/edge-parts.ts'
import { explain } from '#routes/explain.ts'
import type { Mark } from '#routes/hop.ts'
import type { KeySource } from '#routes/placement.ts'
import { receive } from '#routes/receive.ts'
import type { EdgeTable, Table } from '#routes/table.ts'
import { choose } from '../../edge-worker/choice.ts'
import { edit, readIncoming } from '../../edge-worker/facts.ts'
import { clientAddress } from '../../gateway/intake/client-address.ts'
import { match } from '../../gateway/intake/match.ts'
import { exchangeOf } from '../gateway/exchange.ts'
import { makeSealer, placement, placementSet, policy, route, service, structure } from '../support/tables.ts'

/** What the edge decided, the gateway behind it and `explain` must decide too: all three from what each of them sees. */

const keys: KeySource[][] = [
  ['header:x-device-id', 'authorization'],
  ['cookie:sid'],
  ['claim:sub', 'address'],
  ['param:id', 'address'],
  ['address'],
]
const conditions: Condition[][] = [
  [{ from: 'country', test: 'oneOf', value: ['AT', 'DE'] }],
  [{ from: 'header:x-app-version', test: 'version', value: '>=4.2 <5' }],
  [{ from: 'cookie:sid', test: 'exists', value: true }],
  [
    { from: 'country', test: 'exists', value: false },
    { from: 'query:v', test: 'prefix', value: 'b' },
  ],
]
const routes = [
  ...conditions.map((when) => route('/v1/{id}', { unit: 'orders.some', when })),
  route('/v1/{id}'),
  route('/v1/{id}:go', { policy: { ...policy, accepts: ['encoded-slash'] } }),
  route('/**', { service: 'rest' }),
]
const moving = { to: 'cloud', reads: 5_000, writes: 0 }
const sealer = await makeSealer()
const tables = await Promise.all(keys.map(tablesFor))

/** One sealed table as an edge reads it, and as a gateway does. */
async function tablesFor(key: KeySource[]): Promise<{ atEdge: EdgeTable; atGateway: Table }> {
  const units = ['orders', 'orders.some'].map((unit) => placement(unit, { epoch: 3, key, moving }))
  const offer = {
    structure: await sealer.structure(structure(routes, { services: [service('orders'), service('rest')] })),
    placements: await sealer.placements(placementSet(units)),
  }
  const { table: atEdge } = await receiveAtEdge(undefined, offer, sealer.trusted)
  const { table: atGateway } = await receive(undefined, offer, sealer.trusted)
  if (atEdge === undefined || atGateway === undefined) throw new Error('the table of this test was refused')
  return { atEdge, atGateway }
}

const value = fc.stringMatching(/^[a-z0-9;=, .-]{0,12}$/)
const field = fc.tuple(
  fc.constantFrom(
    ...['x-device-id', 'X-Device-Id', 'cookie', 'Cookie', 'authorization', 'x-other', 'x-forwarded-for', 'connection'],
    ...['x-app-version', 'X-App-Version'],
  ),
  fc.oneof(
    value,
    value.map((text) => `sid=${text}`),
    value.map((text) => `Bearer ${text}`),
    fc.constantFrom('4.2', '4.10.1', '5', 'x-app-version', 'close, x-device-id'),
  ),
)
const question = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD'),
  target: fc.oneof(
    fc.stringMatching(/^\/v1\/[a-z0-9%.:]{0,8}(\?v=[ab%]{0,2})?$/),
    fc.constantFrom('/v1/a%2Fb:go', '/v1/a?v=b', '/v1/a?x=1&v=%62', '/v1/a'),
    fc.webUrl({ withQueryParameters: true }).map((url) => url.slice(url.indexOf('/', 8))),
  ),
  fields: fc.array(field, { maxLength: 5 }),
  /** What the edge's front said; undefined = no front is trusted. */
  address: fc.option(fc.ipV4(), { nil: undefined }),
  country: fc.constantFrom('DE', 'AT', 'FR', undefined),
  cloudflare: fc.boolean(),
  table: fc.integer({ min: 0, max: keys.length - 1 }),
})

describe('edge, gateway and explain', () => {
  it('P9: decide the same of any request', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(question, ({ method, target, fields, address, country, cloudflare, table: chosen }) => {
        const table = tables[chosen]
        if (table === undefined || !target.startsWith('/')) return
        const headers = new Headers()
        for (const [name, text] of fields) headers.append(name, text)
        headers.set('host', 'api.example.com')
        if (address !== undefined) headers.set(cloudflare ? 'cf-connecting-ip' : 'x-front-ip', address)
        const settings = {
          platform: cloudflare ? 'cloudflare' : 'self-hosted',
          trustedClientIpHeader: 'x-front-ip',
          trustedCountryHeader: undefined,
        } as const

        const received = { method, url: `http://api.example.com${target}`, headers, cf: { country } }
        const incoming = readIncoming(received, settings, () => 'r1')
        const choice = choose(table.atEdge, incoming, ['onprem', 'cloud'])
        edit(headers, incoming)
        const x = exchangeOf([...headers].flat(), { method, target: incoming.sent, peer: '192.0.2.1' })
        // As `writeMark` and `readMark` carry it.
        x.mark = {
          ...(incoming.address && { address: incoming.address }),
          ...(incoming.country && { country: incoming.country }),
        } as Mark
        // Phases that wait for nothing: what they return is undefined.
        void clientAddress(() => false).before?.(x)

        if (typeof choice === 'string') {
          // The gateway gets what the runtime would send of it, which may have become safe; then it is simply decided.
          return
        }
        void match(() => table.atGateway).before?.(x)
        const { route: found, ...decided } = choice.decision ?? {}
        expect(x.decision).toMatchObject(decided)
        expect(x.decision?.route?.id).toBe(found?.id)
        expect(explain(table.atGateway, x).decision).toEqual(x.decision)
        seen.add(found?.id ?? 'none')
      }),
      { numRuns: 3_000 },
    )
    // Every route was chosen at least once: all conditions held somewhere.
    expect(seen.size).toBe(routes.length)
  })
})
