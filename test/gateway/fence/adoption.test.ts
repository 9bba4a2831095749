import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { Adoption } from '../../../gateway/fence/adoption.ts'
import { TableHolder } from '../../../gateway/fence/table-holder.ts'
import { exchangeOf } from '../exchange.ts'

const adoption = () =>
  new Adoption(new TableHolder({ trusted: () => new Map(), clock: systemClock, log: silentLog }), systemClock)

function marked(from: string, placements: number) {
  const mark: Mark = { at: 0, requestId: 'r', structure: 1, placements, because: 'home', from, flags: [] }
  return Object.assign(exchangeOf(), { mark, markKind: 'edge' as const })
}

describe('the rows of a report on edges', () => {
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
