import { describe, expect, it } from 'vitest'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { type MemberFacts, Members, memberState } from '../../../control-plane/tables/members.ts'

const entry = (instance: string) => {
  const facts = { internalUrl: 'http://127.0.0.1:1', startedAt: 0, version: '0', writerId: 0, registeredAt: 0 }
  return { site: 'onprem', instance, ...facts }
}
const held = (number: number) => ({
  structure: { number: 1, digest: 's' },
  placements: { number, digest: 'p' },
  epochs: {},
})

describe('a gateway process', () => {
  it.each<[string, Partial<MemberFacts>]>([
    ['joining', { acknowledged: false, streams: 1 }],
    ['joining', { acknowledged: false, streams: 0, silentMs: 5_000 }],
    ['live', {}],
    ['leaving', { streams: 0 }],
    ['gone', { streams: 0, silentMs: 5_001 }],
    ['gone', { removed: true }],
  ])('is %s with %j', (state, facts) => {
    expect(memberState({ removed: false, streams: 1, acknowledged: true, silentMs: 0, ...facts })).toBe(state)
  })
})

describe('waiting for acknowledgements', () => {
  it('ends with the last one, and names nobody who acknowledged', async () => {
    const members = new Members(systemClock)
    members.load([entry('a'), entry('b')])
    const waiting = members.acknowledged(5, 1_000)
    members.hold('onprem', 'a', held(5), [])
    members.hold('onprem', 'b', held(6), [])
    const { gateways, waiting: behind } = await waiting
    expect(gateways.map(({ instance }) => instance)).toEqual(['a', 'b'])
    expect(behind).toEqual([])
  })

  it('does not wait for who is gone, nor when nobody is there', async () => {
    const clock = new HeldClock()
    const members = new Members(clock)
    members.load([entry('a')])
    clock.advance(5_001)
    expect(await members.acknowledged(5, 60_000)).toEqual({ gateways: [], waiting: [] })
  })

  it('ends when the one waited for leaves', async () => {
    const members = new Members(systemClock)
    members.load([entry('a')])
    const waiting = members.acknowledged(5, 60_000)
    members.put({ ...entry('a'), removed: { at: 1, by: 'itself' } })
    expect(await waiting).toEqual({ gateways: [], waiting: [] })
  })

  it('says why a process is behind', async () => {
    const members = new Members(systemClock)
    members.load([entry('a'), entry('b'), entry('c')])
    members.hold('onprem', 'a', held(4), [{ kind: 'placements', because: 'epoch-falls' }])
    members.stream('onprem', 'a', 1)
    members.hold('onprem', 'b', held(4), [])
    const { waiting } = await members.acknowledged(5, 1)
    expect(waiting.map(({ because }) => because)).toEqual([
      'it refused the table: epoch-falls',
      'its stream is closed',
      'it is joining',
    ])
  })
})
