import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { LeavingRoutes } from '../../../gateway/account/leaving-routes.ts'

const table = (...routes: string[]) => new Map(routes.map((route) => [route, true]))

describe('a route that left the table', () => {
  it('is gone ten minutes later, once', () => {
    const clock = new HeldClock()
    const leaving = new LeavingRoutes(clock)
    leaving.follow(table('a', 'b'))
    leaving.follow(table('b'))

    clock.advance(599_999)
    expect(leaving.gone()).toEqual([])
    clock.advance(1)
    expect(leaving.gone()).toEqual(['a'])
    expect(leaving.gone()).toEqual([])
  })

  it('is known also from the table that was there at the start', () => {
    const clock = new HeldClock()
    const leaving = new LeavingRoutes(clock, table('a', 'b'))
    leaving.follow(table('b'))
    clock.advance(600_000)

    expect(leaving.gone()).toEqual(['a'])
  })

  it('stays when it comes back in time', () => {
    const clock = new HeldClock()
    const leaving = new LeavingRoutes(clock)
    leaving.follow(table('a'))
    leaving.follow(table())
    clock.advance(300_000)
    leaving.follow(table('a'))
    clock.advance(600_000)

    expect(leaving.gone()).toEqual([])
  })
})
