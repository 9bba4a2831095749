import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { headers } from '#routes/messages.ts'
import type { Placement } from '#routes/placement.ts'
import { writeSigned } from '#routes/signed-value.ts'
import { ask, isolate } from '../edge-worker/passing-bed.ts'
import { placement, policy, route } from '../support/tables.ts'

/** Reads may be tested, copied and asked twice. What writes goes once, to the site that `decide` names, whatever is set. */

const sites = ['onprem', 'cloud', 'lab']
const site = fc.constantFrom(...sites)
const routes = [
  route('/v1/orders/**'),
  route('/v1/orders/seen', { policy: { ...policy, effect: 'write' } }),
  route('/v1/orders/find', { policy: { ...policy, effect: 'read' } }),
]
const share = fc.constantFrom(0, 5_000, 10_000)
const placed: fc.Arbitrary<Placement> = fc
  .record({
    owner: site,
    moving: fc.option(
      fc.record({ to: site, reads: share, writes: share }).filter(({ reads, writes }) => writes <= reads),
      { nil: undefined },
    ),
    failover: fc.option(fc.record({ to: site, safeOnly: fc.constant(true as const) }), { nil: undefined }),
    shadow: fc.option(
      fc.record({
        to: site,
        sample: fc.constantFrom(5_000, 10_000),
        again: fc.constant(0),
        maxInFlight: fc.constantFrom(1, 100),
        at: fc.constant('edge' as const),
      }),
      { nil: undefined },
    ),
  })
  .map((facts) => placement('orders', JSON.parse(JSON.stringify(facts)) as Partial<Placement>))
const asked = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'PURGE'),
  path: fc.constantFrom('/v1/orders/1', '/v1/orders/2', '/v1/orders/seen', '/v1/orders/find', '/elsewhere'),
  body: fc.boolean(),
  forced: fc.option(site, { nil: undefined, freq: 2 }),
  upgrade: fc.constantFrom(true, false, false),
  device: fc.constantFrom('a', 'b', 'c', 'd'),
})

it('what writes goes to the site that was decided, once and unflagged, under any table and with every site in trouble', {
  timeout: 60_000,
}, async () => {
  const seen = { writes: 0, forced: 0, failovers: 0, shadows: 0 }
  await fc.assert(
    fc.asyncProperty(
      placed,
      fc.array(asked, { minLength: 1, maxLength: 12 }),
      site,
      async (unit, requests, failing) => {
        const answer = (_: Request, to: string) => new Response(null, { status: to === failing ? 503 : 200 })
        const bed = await isolate(routes, [unit], answer, { sites })
        for (const { method, path, body, forced, upgrade, device } of requests) {
          const more: Record<string, string> = {
            'x-device-id': device,
            ...(upgrade && { upgrade: 'websocket', 'sec-websocket-key': 'k' }),
          }
          if (forced) more[headers.force] = await writeSigned('force', forced, bed.nowMs + 1_000, bed.controlRing)
          const request = ask(method, path, more, body && method !== 'GET' && method !== 'HEAD' ? 'x' : undefined)
          const before = bed.origin.sent.length
          await bed.pass(request)
          await Promise.all(bed.kept)
          const sent = bed.origin.sent.slice(before)

          const table = bed.edge.table.table
          if (table === undefined) throw new Error('the table of this test was refused')
          const facts = { method, host: 'api.example.com', target: path, header: (name: string) => more[name] }
          const decided = decide(table, facts)
          if (decided.effect !== 'write') continue
          seen.writes++
          expect(sent.map(({ site: to }) => to)).toEqual([decided.site])
          expect(await bed.markOf(before)).toMatchObject({ ok: true, mark: { flags: [] } })
        }
        const { counts } = bed.edge
        seen.forced += counts.forced
        seen.failovers += counts.failovers
        seen.shadows += counts.shadows
      },
    ),
    { numRuns: 250 },
  )
  // Each feature was at work beside them.
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(10)
})
