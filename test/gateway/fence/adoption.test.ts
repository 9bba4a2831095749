import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { Adoption } from '../../../gateway/fence/adoption.ts'
import { TableHolder } from '../../../gateway/fence/table-holder.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const adoption = () =>
  new Adoption(new TableHolder({ trusted: () => new Map(), clock: systemClock, log: silentLog }), systemClock)

function marked(from: string, placements: number) {
  const mark: Mark = { at: 0, requestId: 'r', structure: 1, placements, because: 'home', from, flags: [] }
  return Object.assign(exchangeOf(), { mark, markKind: 'edge' as const })
}

const answered = (status: number) => ({ status, reason: '', headers: [] as string[], body: undefined })

describe('an edge that is behind', () => {
  const ahead = async () => {
    const table = await tableOf(structure([route('/v1/**')], { number: 2 }), placementSet([], { number: 9 }))
    return new Adoption({ current: table } as TableHolder, systemClock)
  }

  it('is told so with its answer', async () => {
    expect((await ahead()).after(marked('FRA', 8), answered(200)).headers).toEqual(['x-tidegate-table', 's=2;p=9'])
  })

  it('Edge D7: is not told so with a 101, which it hands to its client as it is', async () => {
    expect((await ahead()).after(marked('FRA', 8), answered(101)).headers).toEqual([])
  })
})

describe('the rows of a report on edges', () => {
  it('leave out copies, of which no client knows', () => {
    const rows = adoption()
    const copy = marked('FRA', 7)
    rows.before(Object.assign(copy, { mark: { ...copy.mark, flags: ['shadow'] } }))

    expect(rows.take()).toEqual([])
  })

  it('count each colo and number', () => {
    const rows = adoption()
    for (const [colo, number] of [
      ['FRA', 7],
      ['FRA', 7],
      ['FRA', 6],
      ['SIN', 7],
    ] as const)
      rows.before(marked(colo, number))

    expect(rows.take().map(({ colo, placements, requests }) => [colo, placements, requests])).toEqual([
      ['FRA', 7, 2],
      ['FRA', 6, 1],
      ['SIN', 7, 1],
    ])
    expect(rows.take()).toEqual([])
  })

  it('stay few whatever an edge calls itself, and lose neither a request nor the lowest number', () => {
    const rows = adoption()
    for (let made = 0; made < 2_500; made++) rows.before(marked(`colo-${made}`, 10_000 - made))

    const taken = rows.take()

    expect(taken.length).toBe(2_001)
    expect(taken.at(-1)).toMatchObject({ colo: 'other', placements: 7_501, requests: 500 })
  })

  it('have names that the control plane takes, or one edge could suppress the report of a whole gateway', () => {
    const rows = adoption()
    rows.before(marked('c'.repeat(4_000), 7))

    expect(rows.take()[0]?.colo).toHaveLength(64)
  })
})
