import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { EventApplier } from '../../../gateway/invalidation/apply-events.ts'
import { invalidateType } from '../../../gateway/invalidation/event.ts'
import { eventMetrics } from '../../../gateway/invalidation/event-metrics.ts'
import { makeStamp, StampClock, stampMs } from '../../../gateway/store/stamp.ts'

const event = (data: object, more: object = {}) =>
  JSON.stringify({
    ...{ specversion: '1.0', id: '1', source: '/shop', type: invalidateType, data: { reason: 'a test', ...data } },
    ...more,
  })

type Call = readonly [kind: string, namespace: string, name: string, stamp: bigint]

function bed({ namespaces = ['*'], known = [] as readonly string[] } = {}) {
  const clock = new HeldClock()
  const stamps = new StampClock(clock, 1)
  const registry = createMetrics()
  const calls: Call[] = []
  const floors: bigint[] = []
  const state = { zones: true, floors: true }
  const took = <Outcome>(outcome: Outcome, ...call: Call) => {
    if (state.zones) calls.push(call)
    return Promise.resolve(state.zones ? outcome : ('failed' as const))
  }
  const applier = new EventApplier({
    store: {
      delete: (namespace, key, { stamp }) => took('deleted', 'key', namespace, key, stamp),
      invalidate: (namespace, kind, name, { stamp }) => took('applied', kind, namespace, name, stamp),
      bump: (namespace, { stamp }) => took('applied', 'all', namespace, '', stamp),
    },
    ...{ stamps, clock, namespaces, log: silentLog, table: () => undefined },
    changes: [{ source: 'products', ns: 'shop', tags: ['product:{id}'] }],
    knownNamespaces: () => known,
    raiseFloor: async (stamp) => {
      if (state.floors) floors.push(stamp)
      return state.floors
    },
    metrics: eventMetrics(registry, undefined),
  })
  const sink = applier.sink('memory')
  const take = (text: string) => sink.take({ id: '1-1', text, atMs: clock.now() })
  return { clock, stamps, calls, floors, state, sink, take, text: () => registry.text() }
}

describe('applying events', () => {
  it('makes whatever a message names gone, all of it with the stamp of its event', async () => {
    const { calls, take } = bed()
    const stamp = makeStamp(Date.UTC(2026, 0, 1) - 1_000, 3, 7)

    expect(await take(event({ ns: 'shop', keys: ['a', 'b'], tags: ['t'], stamp: String(stamp) }))).toEqual({
      kind: 'applied',
    })
    expect(calls.map(([kind, namespace, , given]) => [kind, namespace, given])).toEqual([
      ['tag', 'shop', stamp],
      ['key', 'shop', stamp],
      ['key', 'shop', stamp],
    ])
  })

  it('takes a stamp when it accepts an event that has none: above all that is stored by then', async () => {
    const { calls, take, stamps } = bed()
    const before = stamps.next()
    await take(event({ ns: 'shop', all: true }))

    expect(calls[0]?.[3]).toBeGreaterThan(before)
  })

  it('Store S3: applies a stamp from far ahead as of now, and does not follow its clock', async () => {
    const { calls, take, clock, stamps } = bed()
    const ahead = makeStamp(clock.now() + 3_600_000, 0, 7)
    await take(event({ ns: 'shop', keys: ['a'], stamp: String(ahead) }))

    expect(stampMs(calls[0]?.[3] ?? 0n)).toBe(clock.now())
    expect(stampMs(stamps.next())).toBe(clock.now())
  })

  it('applies what the change of a row names', async () => {
    const { calls, take } = bed()
    await take(JSON.stringify({ op: 'u', before: null, after: { id: 7 }, source: { table: 'products' } }))

    expect(calls).toEqual([['tag', 'shop', expect.stringContaining('product:7'), expect.any(BigInt)]])
  })

  it('applies nothing of a message that has a fault, and names all of them', async () => {
    const { calls, take } = bed({ namespaces: ['shop', 'http-*'] })
    const wrong = [
      { ns: 'users', keys: ['a'] },
      { ns: 'shop', keys: ['a'], soft: 0 },
      { ns: 'shop', keys: ['a'] },
    ]

    const verdict = await take(`[${wrong.map((data) => event(data)).join()}]`)
    expect(verdict).toMatchObject({ kind: 'dead', because: expect.stringMatching(/cover users.*soft/s) })
    expect(calls).toEqual([])
  })

  it('says in few words why a thousand events are wrong', async () => {
    const { take } = bed({ namespaces: ['shop'] })
    const wrong = Array.from({ length: 1_000 }, () => event({ ns: 'users', keys: ['a'] }))

    const verdict = await take(`[${wrong.join()}]`)

    expect(verdict).toMatchObject({ kind: 'dead', because: expect.stringMatching(/cover users.*980 more$/s) })
  })

  it('tries again later while no zone takes it, or no table is there to read its words by', async () => {
    const { take, state } = bed()
    expect(await take(event({ ns: 'http-orders', tags: ['a'] }))).toMatchObject({ kind: 'later' })
    state.zones = false
    expect(await take(event({ ns: 'shop', keys: ['a'] }))).toMatchObject({ kind: 'later' })
    state.zones = true
    expect(await take(event({ ns: 'shop', keys: ['a'] }))).toEqual({ kind: 'applied' })
  })

  it('Store V5: tells how old was what is gone, by stamp, by time, or by when the source took it', async () => {
    const { take, clock, text } = bed()
    const agoMs = (ms: number) => clock.now() - ms
    await take(event({ ns: 'shop', keys: ['a'], stamp: String(makeStamp(agoMs(5_000), 0, 1)) }))
    await take(event({ ns: 'shop', keys: ['a'] }, { time: new Date(agoMs(50_000)).toISOString() }))
    await take(event({ ns: 'shop', keys: ['a'] }))
    await take('{')

    const told = await text()
    expect(told).toMatch(/tidegate_events_staleness_seconds_sum\{source="memory"\} 55\n/)
    expect(told).toMatch(/tidegate_events_total\{source="memory",outcome="applied"\} 3\n/)
    expect(told).toMatch(/tidegate_events_total\{source="memory",outcome="dead"\} 1\n/)
  })
})

describe('lost events', () => {
  it('Store V4: empty every namespace that they could have named, with one stamp, here and elsewhere', async () => {
    const { calls, floors, sink, take, clock, text } = bed({
      namespaces: ['shop', 'users'],
      known: ['users', 'http-x'],
    })
    await take(event({ ns: 'shop', keys: ['a'] }))
    clock.advance(1)
    calls.splice(0)
    await sink.missed('trimmed')

    expect(calls.map(([kind, namespace]) => [kind, namespace])).toEqual([
      ['all', 'shop'],
      ['all', 'users'],
    ])
    expect(new Set(calls.map(([, , , stamp]) => stamp)).size).toBe(1)
    // Nothing else can have been named.
    expect(floors).toEqual([])
    expect(await text()).toMatch(/tidegate_events_gaps_total\{reason="trimmed"\} 1\n/)
  })

  it('Store V4: give up all that the site has where events may name what nobody knows', async () => {
    const { calls, floors, sink, take } = bed({ known: ['http-orders'] })
    await take(event({ ns: 'seen', keys: ['a'] }))
    calls.splice(0)
    await sink.missed('rewound')

    expect(calls.map(([, namespace]) => namespace)).toEqual(['seen', 'http-orders'])
    expect(floors).toEqual([calls[0]?.[3]])
  })

  it('Store V4: are not passed over while the site cannot be emptied', async () => {
    const { state, sink } = bed({ known: ['http-orders'] })
    state.floors = false
    await expect(sink.missed('trimmed')).rejects.toMatchObject({ code: 'cache-invalidation-not-durable' })
    state.floors = true
    state.zones = false
    await expect(sink.missed('trimmed')).rejects.toMatchObject({ code: 'cache-invalidation-not-durable' })
  })
})
