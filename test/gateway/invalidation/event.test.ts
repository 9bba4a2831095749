import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { invalidateType, readEvents } from '../../../gateway/invalidation/event.ts'

const data = { ns: 'shop', keys: ['product:1'], reason: 'price changed' }
const event = (more: object = {}) => ({
  ...{ specversion: '1.0', id: '1', source: '/shop/prices', type: invalidateType, data },
  ...more,
})
const read = (value: unknown) => readEvents(typeof value === 'string' ? value : JSON.stringify(value), [])
const faultsOf = (value: unknown) => {
  const told = read(value)
  return told.kind === 'faults' ? told.faults : []
}

describe('an event that invalidates', () => {
  it('says what, where and why; its stamp and time are those of its sender', () => {
    const words = { keys: ['a'], tags: ['b'], routes: ['orders:x'], soft: 30, all: false, reason: 'new prices' }
    const whole = event({
      time: '2026-11-22T05:00:00.5+01:00',
      datacontenttype: 'application/json; charset=utf-8',
      // An extension of CloudEvents: anybody may add one.
      traceparent: '00-1-2-01',
      data: { ns: 'shop', ...words, stamp: '18446744073709551615' },
    })

    expect(read(whole)).toEqual({
      kind: 'events',
      events: [{ namespace: 'shop', words, stamp: 2n ** 64n - 1n, atMs: Date.UTC(2026, 10, 22, 4, 0, 0, 500) }],
    })
  })

  it('comes alone or in a batch', () => {
    expect(read(event())).toMatchObject({ events: [{ namespace: 'shop' }] })
    expect(read([event(), event({ data: { ...data, ns: 'users' } })])).toMatchObject({
      events: [{ namespace: 'shop' }, { namespace: 'users' }],
    })
    expect(read([])).toEqual({ kind: 'events', events: [] })
  })

  it('is refused in few words, however long those are that are wrong: each is logged, and kept', () => {
    const [fault, ...more] = faultsOf(event({ data: { ...data, ['x'.repeat(500_000)]: 1 } }))

    expect(fault).toMatch(/^data\.x+/)
    expect(fault?.length).toBeLessThanOrEqual(200)
    expect(more).toEqual([])
  })

  it('is refused with every fault that it has', () => {
    expect(faultsOf({ specversion: '0.3', type: 'x', data: { ns: 'A', key: ['a'], stamp: 5, soft: 1.5 } })).toEqual([
      'id must be a text that is not empty',
      'source must be a text that is not empty',
      'specversion must be 1.0',
      'type must be tidegate.cache.invalidate.v1',
      'data.key: there is no such word',
      'data.ns must be 1 to 32 characters of a-z, 0-9 and -',
      'data.ns alone names nothing: keys, tags, routes or all',
      'data.soft must be a whole number of seconds',
      'data.stamp must be a text of decimal digits, below 2^64',
      'data.reason must be a text that is not empty',
    ])
  })

  it.each([
    ['{', 'it is not JSON'],
    ['7', 'it must be an object'],
    [[event(), 7], '[1].must be an object'],
    [event({ data: undefined, data_base64: 'e30=' }), 'data must be an object'],
    [event({ time: '22.11.2026' }), 'time must be a date and time as in RFC 3339'],
    [event({ datacontenttype: 'text/xml' }), 'datacontenttype must be application/json'],
    [event({ data: { ...data, keys: 'a' } }), 'data.keys must be a list of texts that are not empty'],
    [event({ data: { ...data, tags: [''] } }), 'data.tags must be a list of texts that are not empty'],
    [event({ data: { ...data, all: 'yes' } }), 'data.all must be true or false'],
    [
      event({ data: { ...data, stamp: '18446744073709551616' } }),
      'data.stamp must be a text of decimal digits, below 2^64',
    ],
    [event({ data: { ...data, ns: 'tidegate-leases' } }), 'data.ns belongs to the gateway itself'],
  ])('is refused: %j', (value, fault) => {
    expect(faultsOf(value)).toContain(fault)
  })

  it('has limits: words, events and bytes', () => {
    const keys = Array.from({ length: 1_001 }, (_, at) => `${at}`)

    expect(faultsOf(event({ data: { ...data, keys } }))).toEqual([
      'data.keys, tags and routes: 1001 are more than 1000',
    ])
    expect(faultsOf(Array.from({ length: 1_001 }, () => event()))).toEqual(['1001 events are more than 1000'])
    expect(faultsOf(`"${'x'.repeat(1024 * 1024)}"`)).toEqual(['it has more than 1048576 bytes'])
    expect(faultsOf(Array.from({ length: 30 }, (_, at) => at))).toHaveLength(21)
  })

  it('is read, or refused with a reason, whatever came', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const told = readEvents(text, [])
        expect(told.kind === 'events' ? told.events.length >= 0 : told.faults.length > 0).toBe(true)
      }),
    )
  })
})
