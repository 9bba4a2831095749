import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { Recorder } from '../../../gateway/account/recorder.ts'
import { redactedPath } from '../../../gateway/account/redacted-path.ts'
import { placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const hosts = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'observe' as const }]
const table = await tableOf(structure([route('/v1/orders/{id}')], { hosts }), placementSet([]))
const answer = { status: 200, reason: '', headers: ['content-length', '2'], body: undefined }

function record(recorder: Recorder, target: string): void {
  const x = exchangeOf([], { target })
  x.table = table
  x.decision = decide(table, x)
  recorder.closed(x, answer, 'done')
}

describe('the recorder', () => {
  it('tells, for each route, what its traffic uses, how often and since when', () => {
    const clock = new HeldClock()
    const recorder = new Recorder(clock)
    record(recorder, '/v1/orders/17')
    record(recorder, '/v1/orders/A7')
    clock.advance(1000)
    record(recorder, '/v1/orders/B9')

    const [row] = recorder.records('orders')

    expect(row).toMatchObject({ unit: 'orders', requests: 3 })
    expect(row?.features).toEqual([
      {
        feature: 'upper-case-path',
        count: 2,
        share: 2 / 3,
        firstSeen: clock.now() - 1000,
        lastSeen: clock.now(),
        examples: ['GET /v1/orders/A0'],
      },
    ])
    expect(recorder.records('users')).toEqual([])
  })

  it('tells the most used route first', async () => {
    const recorder = new Recorder(new HeldClock())
    const both = await tableOf(structure([route('/v1/orders/{id}'), route('/v1/users')], { hosts }), placementSet([]))
    for (const target of ['/v1/orders/1', '/v1/users', '/v1/users']) {
      const x = exchangeOf([], { target })
      x.decision = decide(both, x)
      recorder.closed(x, answer, 'done')
    }

    expect(recorder.records().map(({ requests }) => requests)).toEqual([2, 1])
  })

  it('keeps five examples at most, whatever comes', () => {
    const recorder = new Recorder(new HeldClock())

    for (let at = 1; at < 100; at++) record(recorder, `/v1/orders/${'A'.repeat(at)}`)

    expect(recorder.records()[0]?.features[0]?.examples).toHaveLength(5)
  })

  it('keeps as many routes as a report can have, and nothing of what another site executed', () => {
    const recorder = new Recorder(new HeldClock())
    const x = exchangeOf([], { target: '/v1/orders/1' })
    x.decision = decide(table, x)
    x.forwardedTo = 'cloud'
    recorder.closed(x, answer, 'done')
    expect(recorder.records()).toEqual([])

    x.forwardedTo = undefined
    for (let at = 0; at < 2_000; at++) {
      x.decision = { ...decide(table, x), route: route(`/v1/r${at}`) }
      recorder.closed(x, answer, 'done')
    }
    expect(recorder.records()).toHaveLength(1_500)
  })

  it('Cache M1: keeps nothing of answers from the store, which no service gave', () => {
    const recorder = new Recorder(new HeldClock())
    const x = exchangeOf([], { target: '/v1/orders/1' })
    x.decision = decide(table, x)
    x.storedBy = 'onprem'
    recorder.closed(x, answer, 'done')

    expect(recorder.records()).toEqual([])
  })

  it('forgets a route that left the table', () => {
    const recorder = new Recorder(new HeldClock())
    record(recorder, '/v1/orders/A')

    recorder.retain(new Map())

    expect(recorder.records()).toEqual([])
  })
})

describe('an example of a path', () => {
  it.each([
    ['/v1/orders/4711?token=secret', '/v1/orders/{id}', '/v1/orders/0000'],
    ['/v1/orders/Jane.Doe@x.de', '/v1/orders/{id}', '/v1/orders/Aaaa.Aaa@a.aa'],
    ['/v1//orders/a%2Fb%41', '/v1/orders/{id}', '/v1//orders/a%2Fa%xx'],
    ['/files/private/report', '/files/**', '/files/aaaaaaa/aaaaaa'],
  ])('shows what is odd and hides whom it is about: %s', (target, pattern, expected) => {
    expect(redactedPath(target, pattern)).toBe(expected)
  })
})
