import { expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { Mark } from '#routes/hop.ts'
import { MarkCounts } from '../../../gateway/account/mark-counts.ts'
import { routeComparison } from '../../../gateway/intake/route-comparison.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const known = route('/v1/**')
const other = route('/v1/**', { when: [{ from: 'country', test: 'equals', value: 'AT' }] })
const table = await tableOf(structure([known, other], { number: 5 }), placementSet([]))

function compared(facts: Partial<Mark>, strict = false, target = '/v1/x', markKind: 'edge' | 'hop' = 'edge') {
  const x = exchangeOf([], { target })
  const mark = { at: 0, requestId: 'r', structure: 5, placements: 1, because: 'home', from: 'FRA', flags: [], ...facts }
  Object.assign(x, { mark, markKind, table })
  x.decision = decide(table, x)
  const seen: string[] = []
  const counts = new MarkCounts()
  const differences = { inc: ({ difference }: { difference: string }) => seen.push(difference) }
  expect(routeComparison({ strict, counts, differences }).before?.(x)).toBeUndefined()
  return { seen, counts: counts.take() }
}

it('the route that an edge signed is the one that the gateway finds, or is counted as another', () => {
  expect(compared({ route: known.id })).toEqual({ seen: [], counts: { requests: 1, skewed: 0, mismatched: 0 } })
  expect(compared({ route: other.id })).toEqual({
    seen: ['mismatch'],
    counts: { requests: 1, skewed: 0, mismatched: 1 },
  })
  expect(compared({})).toMatchObject({ seen: ['mismatch'] })
  expect(compared({}, true, '/nowhere')).toMatchObject({ seen: [] })
})

it('a gateway that only edges may use refuses a request that the two read differently', () => {
  expect(() => compared({ route: other.id }, true)).toThrow(
    expect.objectContaining({ code: 'route-mismatch', status: 421 }),
  )
  expect(() => compared({ route: known.id }, true)).not.toThrow()
})

it("an edge's country selects the route at the gateway, too", () => {
  expect(compared({ route: other.id, country: 'AT' }, true)).toMatchObject({ seen: [] })
  expect(() => compared({ route: known.id, country: 'AT' }, true)).toThrow()
})

it.each([4, 6])(
  'an edge with structure %i is another case: nothing is refused, so that a new structure may spread',
  (number) => {
    expect(compared({ route: 'other', structure: number }, true)).toEqual({
      seen: ['structure-skew'],
      counts: { requests: 1, skewed: 1, mismatched: 0 },
    })
  },
)

it("a peer's mark is not compared: it came from this program", () => {
  expect(compared({ route: 'other' }, true, '/v1/x', 'hop').counts.requests).toBe(0)
})
