import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { Mark } from '#routes/hop.ts'
import { fenceVerdict } from '../../../gateway/fence/verdict.ts'
import { placement, placementSet, request, route, structure, tableOf } from '../../support/tables.ts'

const table = await tableOf(
  structure([route('/v1/**')], { number: 5 }),
  placementSet([placement('orders', { epoch: 5 })], { number: 5 }),
)
const mark = (facts: Partial<Mark> = {}): Mark => ({
  at: 0,
  requestId: 'r',
  structure: 5,
  placements: 5,
  because: 'steady',
  from: 'edge',
  flags: [],
  unit: 'orders',
  epoch: 5,
  ...facts,
})
const judge = (
  site: string,
  method: string,
  target: string,
  facts: { mark?: Mark; markKind?: 'edge' | 'hop'; waited?: boolean } = {},
  held = table,
) =>
  fenceVerdict({
    site,
    table: held,
    decision: decide(held, request(method, target)),
    mark: facts.mark,
    markKind: facts.markKind,
    waited: facts.waited ?? false,
  })

describe('the fence', () => {
  it('executes what its site owns and forwards the rest', () => {
    expect(judge('onprem', 'POST', '/v1/x')).toEqual({ kind: 'execute' })
    expect(judge('cloud', 'POST', '/v1/x')).toEqual({ kind: 'forward', to: 'onprem' })
  })

  it('waits for whoever knows a newer epoch, then never writes under the older one', () => {
    const ahead = { mark: mark({ epoch: 6 }), markKind: 'edge' as const }

    expect(judge('onprem', 'POST', '/v1/x', ahead)).toEqual({ kind: 'wait' })
    expect(judge('onprem', 'POST', '/v1/x', { ...ahead, waited: true })).toEqual({ kind: 'refuse' })
    expect(judge('onprem', 'GET', '/v1/x', { ...ahead, waited: true })).toEqual({ kind: 'execute' })
  })

  it('waits for a route that the sender knows, and is 404 for one that nobody does', () => {
    const knows = mark({ structure: 6, route: 'new:GET:/new', unit: 'new' })

    expect(judge('onprem', 'GET', '/new', { mark: knows, markKind: 'edge' })).toEqual({ kind: 'wait' })
    expect(judge('onprem', 'GET', '/new', { mark: knows, markKind: 'edge', waited: true })).toEqual({ kind: 'unknown' })
    expect(judge('onprem', 'GET', '/new')).toEqual({ kind: 'unknown' })
  })

  it('lets a signed tester read elsewhere, and never write', () => {
    const forced = { mark: mark({ flags: ['force'] }), markKind: 'edge' as const }

    expect(judge('cloud', 'GET', '/v1/x', forced)).toEqual({ kind: 'execute' })
    expect(judge('cloud', 'POST', '/v1/x', forced)).toEqual({ kind: 'forward', to: 'onprem' })
  })

  it('passes a tester on where the service does not run', async () => {
    const forced = { mark: mark({ flags: ['force'] }), markKind: 'edge' as const }
    const facts = structure([route('/v1/**')], { number: 5 })
    const services = facts.services.map((service) => ({
      ...service,
      deployments: service.deployments.filter(({ site }) => site === 'onprem'),
    }))
    const atHome = await tableOf(
      { ...facts, services },
      placementSet([placement('orders', { epoch: 5 })], { number: 5 }),
    )

    expect(judge('cloud', 'GET', '/v1/x', forced, atHome)).toEqual({ kind: 'forward', to: 'onprem' })
  })

  describe('for a failover', () => {
    const failed = { mark: mark({ flags: ['failover'] }), markKind: 'edge' as const }

    it('reads at the site that the placement held here names for it, and there alone', async () => {
      const failover = { to: 'cloud', safeOnly: true } as const
      const named = await tableOf(
        structure([route('/v1/**')], { number: 5 }),
        placementSet([placement('orders', { epoch: 5, failover })], { number: 5 }),
      )

      expect(judge('cloud', 'GET', '/v1/x', failed, named)).toEqual({ kind: 'execute' })
      expect(judge('other', 'GET', '/v1/x', failed, named)).toEqual({ kind: 'forward', to: 'onprem' })
      expect(judge('cloud', 'POST', '/v1/x', failed, named)).toEqual({ kind: 'forward', to: 'onprem' })
    })

    it('forwards as usual where this table names none, however new the edge thinks it is', () => {
      expect(judge('cloud', 'GET', '/v1/x', failed)).toEqual({ kind: 'forward', to: 'onprem' })
    })
  })

  it("reads an edge's copy where it came, and neither forwards it nor lets it write or wait", () => {
    const copy = (facts: Partial<Mark> = {}) => ({
      mark: mark({ flags: ['shadow'], ...facts }),
      markKind: 'edge' as const,
    })

    expect(judge('cloud', 'GET', '/v1/x', copy())).toEqual({ kind: 'execute' })
    expect(judge('cloud', 'POST', '/v1/x', copy())).toEqual({ kind: 'refuse' })
    expect(judge('cloud', 'GET', '/v1/x', copy({ epoch: 6 }))).toEqual({ kind: 'refuse' })
    expect(judge('cloud', 'GET', '/nowhere', copy())).toEqual({ kind: 'unknown' })
  })

  it('never forwards what a peer forwarded, and never writes what its site does not own, whatever the mark says', () => {
    const anyMark = fc.record({
      epoch: fc.nat(9),
      structure: fc.nat(9),
      placements: fc.nat(9),
      flags: fc.subarray(['force', 'failover', 'shadow'] as const),
    })
    fc.assert(
      fc.property(
        fc.constantFrom('onprem', 'cloud'),
        fc.constantFrom('GET', 'POST'),
        anyMark,
        fc.constantFrom('edge', 'hop'),
        fc.boolean(),
        (site, method, facts, markKind, waited) => {
          const verdict = judge(site, method, '/v1/x', { mark: mark(facts), markKind: markKind as 'edge', waited })

          if (facts.flags.includes('shadow')) expect(['forward', 'wait']).not.toContain(verdict.kind)
          if (markKind === 'hop') expect(verdict.kind).not.toBe('forward')
          if (method === 'POST' && verdict.kind === 'execute')
            expect([site, facts.epoch <= 5]).toEqual(['onprem', true])
          if (waited) expect(verdict.kind).not.toBe('wait')
        },
      ),
    )
  })
})
