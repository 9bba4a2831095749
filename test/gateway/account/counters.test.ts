import { describe, expect, it } from 'vitest'
import { TrafficCounters } from '../../../gateway/account/counters.ts'
import { route } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const answer = { status: 200, reason: '', headers: [], body: undefined }

function count(counters: TrafficCounters, facts: object, status = 200, forwardedTo?: string): void {
  const x = exchangeOf()
  x.decision = { route: route('/v1/x'), epoch: 1, effect: 'read', ...facts } as never
  x.forwardedTo = forwardedTo
  counters.closed(x, { ...answer, status })
}

describe('the counters of traffic', () => {
  it('tell by unit and epoch what was executed here, passed on or failed, once', () => {
    const counters = new TrafficCounters()
    count(counters, {})
    count(counters, { effect: 'write' }, 502)
    count(counters, {}, 200, 'cloud')
    count(counters, { epoch: 2 })
    counters.closed(exchangeOf(), answer)

    expect(counters.take()).toEqual([
      { unit: 'orders', epoch: 1, reads: 1, writes: 1, forwarded: 1, failed: 1 },
      { unit: 'orders', epoch: 2, reads: 1, writes: 0, forwarded: 0, failed: 0 },
    ])
    expect(counters.take()).toEqual([])
  })

  it("leave out an edge's copy: it says nothing of who is served where", () => {
    const counters = new TrafficCounters()
    const x = exchangeOf()
    Object.assign(x, { decision: { route: route('/v1/x'), epoch: 1, effect: 'read' }, mark: { flags: ['shadow'] } })
    counters.closed(x, answer)

    expect(counters.take()).toEqual([])
  })

  it('are bounded while nobody takes them, and go on with the rows there are', () => {
    const counters = new TrafficCounters()
    for (let epoch = 0; epoch < 40_100; epoch++) count(counters, { epoch })
    count(counters, { epoch: 7 })

    const rows = counters.take()
    expect(rows).toHaveLength(40_000)
    expect(rows[7]?.reads).toBe(2)
  })

  it('Cache M1: leave out what came from the store, but not a failure of the service that it stood in for', () => {
    const counters = new TrafficCounters()
    const x = exchangeOf()
    x.decision = { route: route('/v1/x'), epoch: 1, effect: 'read' } as never
    x.storedBy = 'onprem'
    counters.closed(x, answer)
    expect(counters.take()).toEqual([])

    x.serviceStatus = 502
    counters.closed(x, answer)
    expect(counters.take()).toEqual([{ unit: 'orders', epoch: 1, reads: 1, writes: 0, forwarded: 0, failed: 1 }])
  })
})
