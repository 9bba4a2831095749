import { describe, expect, it } from 'vitest'
import { bucketOf } from '#routes/bucket.ts'
import { decide } from '#routes/decide.ts'
import type { Mark } from '#routes/hop.ts'
import type { Placement } from '#routes/placement.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { shadowOf } from '../../../gateway/transform/shadow-sample.ts'
import { placement, placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf, type RequestLine } from '../exchange.ts'

const sealed = await tableOf(structure([route('/v1/**')]), placementSet([placement('orders')]))
const shadow = { to: 'cloud', sample: 10_000, again: 0, maxInFlight: 10 }

function copied(change: (x: Exchange) => void = () => {}, line: RequestLine = {}, placed: Partial<Placement> = {}) {
  const x = exchangeOf(['x-device-id', 'd1'], line)
  x.table = { ...sealed, placementOf: new Map([['orders', placement('orders', { shadow, ...placed })]]) }
  x.decision = decide(x.table, x)
  change(x)
  return shadowOf(x, 'onprem') !== undefined
}

const mark = (flags: Mark['flags']): Mark => ({
  at: 0,
  requestId: 'r',
  structure: 1,
  placements: 1,
  because: 'steady',
  from: 'FRA',
  flags,
})

describe('a request', () => {
  it('that only reads is copied, by GET and HEAD', () => {
    expect(copied()).toBe(true)
    expect(copied(() => {}, { method: 'HEAD' })).toBe(true)
  })

  it('is not copied where edges copy', () => {
    expect(copied(() => {}, {}, { shadow: { ...shadow, at: 'edge' } })).toBe(false)
  })

  it.each(['POST', 'OPTIONS', 'DELETE', 'QUERY'])('by %s is not copied', (method) => {
    expect(copied(() => {}, { method })).toBe(false)
  })

  it.each<[string, (x: Exchange) => void]>([
    ['was copied by an edge', (x) => (x.mark = mark(['shadowed']))],
    ['is a copy', (x) => (x.mark = mark(['shadow']))],
    ['came over the interconnect', (x) => (x.markKind = 'hop')],
    ['might be read as another path (P6)', (x) => (x.readings = [route('/v1/x')])],
    [
      'goes to a route that writes by GET',
      (x) => (x.decision = { ...(x.decision as NonNullable<typeof x.decision>), effect: 'write' }),
    ],
    [
      'goes to a stream',
      (x) => {
        const decision = x.decision as NonNullable<typeof x.decision>
        x.decision = { ...decision, route: route('/v1/**', { policy: { ...policy, stream: true } }) }
      },
    ],
  ])('is not copied when it %s', (_, change) => {
    expect(copied(change)).toBe(false)
  })

  it('is not copied when it has a body, or an unsafe target, or its site is not the owner', () => {
    expect(copied(() => {}, { body: true })).toBe(false)
    expect(copied(() => {}, { target: '/v1/a//b' })).toBe(false)
    expect(copied(() => {}, {}, { owner: 'cloud' })).toBe(false)
    expect(copied(() => {}, {}, { shadow: { ...shadow, to: 'onprem' } })).toBe(false)
  })

  it('is copied by client, in other buckets than those of a move', () => {
    const of = (device: string, sample: number) => {
      const x = exchangeOf(['x-device-id', device])
      x.table = {
        ...sealed,
        placementOf: new Map([['orders', placement('orders', { shadow: { ...shadow, sample } })]]),
      }
      x.decision = decide(x.table, x)
      return shadowOf(x, 'onprem') !== undefined
    }
    const devices = Array.from({ length: 2000 }, (_, at) => `d${at}`)
    const sampled = devices.filter((device) => of(device, 1000))

    expect(sampled.length).toBeGreaterThan(140)
    expect(sampled.length).toBeLessThan(260)
    expect(sampled.every((device) => of(device, 1000) && of(device, 5000))).toBe(true)
    const inCanary = sampled.filter((device) => bucketOf('wave-1', device) < 1000).length
    expect(inCanary).toBeLessThan(sampled.length / 2)
    expect(
      copied((x) => Object.assign(x, { header: () => undefined }), {}, { shadow: { ...shadow, sample: 9_999 } }),
    ).toBe(false)
  })
})
