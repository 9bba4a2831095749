import { describe, expect, it } from 'vitest'
import type { Counters } from '#routes/messages.ts'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { TrafficCounters } from '../../../gateway/account/counters.ts'
import { MarkCounts } from '../../../gateway/account/mark-counts.ts'
import { report } from '../../../gateway/account/report.ts'
import { Adoption } from '../../../gateway/fence/adoption.ts'
import { TableHolder } from '../../../gateway/fence/table-holder.ts'
import { route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

describe('the report of the counters', () => {
  it('tells again what did not arrive, added to what came since, and nothing twice', async () => {
    let nowMs = 0
    const clock = { ...systemClock, now: () => nowMs }
    const traffic = new TrafficCounters()
    const holder = new TableHolder({ trusted: () => new Map(), clock, log: silentLog })
    const adoption = new Adoption(holder, clock)
    const marks = new MarkCounts()
    const told: Counters[] = []
    let arrives = false
    const part = report({
      adoption,
      traffic,
      marks,
      debt: () => ({}) as never,
      connected: () => true,
      send: async (counters) => {
        told.push(counters)
        return arrives
      },
      clock,
      background: new Background(silentLog),
    })
    const serve = (): void => {
      const x = exchangeOf()
      const mark = { at: 0, requestId: 'r', structure: 1, placements: 7, because: 'home', from: 'FRA', flags: [] }
      Object.assign(x, { mark, markKind: 'edge', decision: { route: route('/v1/x'), epoch: 1, effect: 'read' } })
      adoption.before(x)
      marks.requests++
      marks.skewed++
      traffic.closed(x, { status: 503, reason: '', headers: [], body: undefined })
    }

    nowMs = 1_000
    serve()
    await part.stop?.()
    arrives = true
    nowMs = 2_000
    serve()
    await part.stop?.()
    await part.stop?.()

    expect(told.slice(1).map((counters) => counters.marks)).toEqual([
      { requests: 2, skewed: 2, mismatched: 0 },
      { requests: 0, skewed: 0, mismatched: 0 },
    ])
    expect(told.slice(1).map((counters) => [counters.traffic, counters.adoption])).toEqual([
      [
        [{ unit: 'orders', epoch: 1, reads: 2, writes: 0, forwarded: 0, failed: 2 }],
        [{ placements: 7, colo: 'FRA', firstSeen: 1_000, lastSeen: 2_000, requests: 2 }],
      ],
      [[], []],
    ])
  })
})
