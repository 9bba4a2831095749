import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explain } from '#routes/explain.ts'
import type { Mark } from '#routes/hop.ts'
import type { KeySource } from '#routes/placement.ts'
import { choose } from '../../edge-worker/choice.ts'
import { readIncoming } from '../../edge-worker/facts.ts'
import { clientAddress } from '../../gateway/intake/client-address.ts'
import { match } from '../../gateway/intake/match.ts'
import { exchangeOf } from '../gateway/exchange.ts'
import { placement, placementSet, route, service, structure, tableOf } from '../support/tables.ts'

/** What the edge decided, the gateway behind it and `explain` must decide too: all three from what each of them sees. */

const keys: KeySource[][] = [
  ['header:x-device-id', 'authorization'],
  ['cookie:sid'],
  ['claim:sub', 'address'],
  ['param:id', 'address'],
  ['address'],
]
const tables = await Promise.all(
  keys.map((key) =>
    tableOf(
      structure([route('/v1/{id}'), route('/v1/{id}:go'), route('/**', { service: 'rest' })], {
        services: [service('orders'), service('rest')],
      }),
      placementSet([placement('orders', { epoch: 3, key, moving: { to: 'cloud', reads: 5_000, writes: 0 } })]),
    ),
  ),
)

const value = fc.stringMatching(/^[a-z0-9;=, .-]{0,12}$/)
const field = fc.tuple(
  fc.constantFrom('x-device-id', 'X-Device-Id', 'cookie', 'Cookie', 'authorization', 'x-other', 'x-forwarded-for'),
  fc.oneof(
    value,
    value.map((text) => `sid=${text}`),
    value.map((text) => `Bearer ${text}`),
  ),
)
const question = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD'),
  target: fc.oneof(
    fc.stringMatching(/^\/v1\/[a-z0-9%.:]{0,8}$/),
    fc.webUrl({ withQueryParameters: true }).map((url) => url.slice(url.indexOf('/', 8))),
  ),
  fields: fc.array(field, { maxLength: 5 }),
  /** What the edge's front said; undefined = no front is trusted. */
  address: fc.option(fc.ipV4(), { nil: undefined }),
  table: fc.integer({ min: 0, max: keys.length - 1 }),
})

describe('edge, gateway and explain', () => {
  it('decide the same of any request', () => {
    fc.assert(
      fc.property(question, ({ method, target, fields, address, table: chosen }) => {
        const table = tables[chosen]
        if (table === undefined || !target.startsWith('/')) return
        const headers = new Headers()
        for (const [name, text] of fields) headers.append(name, text)
        headers.set('host', 'api.example.com')
        if (address !== undefined) headers.set('x-front-ip', address)
        const settings = { platform: 'self-hosted', trustedClientIpHeader: 'x-front-ip' } as const

        const incoming = readIncoming({ method, url: `http://api.example.com${target}`, headers }, settings, () => 'r1')
        const choice = choose(table, incoming, ['onprem', 'cloud'])
        const x = exchangeOf([...incoming.forwarded].flat(), { method, target: incoming.sent, peer: '192.0.2.1' })
        x.mark = { ...(incoming.address && { address: incoming.address }) } as Mark
        // Phases that wait for nothing: what they return is undefined.
        void clientAddress(() => false).before?.(x)

        if (choice === 'target-unsafe') {
          // The gateway gets what the runtime would send of it, which may have become safe; then it is simply decided.
          return
        }
        void match(() => table).before?.(x)
        expect(x.decision).toEqual(choice.decision)
        expect(explain(table, x).decision).toEqual(choice.decision)
      }),
      { numRuns: 2_000 },
    )
  })
})
