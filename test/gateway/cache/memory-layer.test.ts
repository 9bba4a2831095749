import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { MemoryLayer, type Offered } from '../../../gateway/cache/memory-layer.ts'

const ns = 'http-orders'

function openLayer(limitBytes = 64 * 64 * 1024) {
  const clock = new HeldClock()
  const counted: string[] = []
  const state = { live: true }
  const outcomes = { inc: ({ outcome }: { outcome: string }) => void counted.push(outcome), forget: async () => {} }
  const layer = new MemoryLayer<string>({ limitBytes, clock, live: () => state.live, outcomes })
  const offered = (facts: Partial<Offered<string>> = {}): Offered<string> => ({
    value: () => 'answer',
    bytes: 100,
    stamp: 5n,
    tags: { exact: ['t:1'], scopes: ['r:1'] },
    freshUntilMs: clock.now() + 60_000,
    ticket: layer.ticket(),
    ...facts,
  })
  /** As two requests in a row do. */
  const admit = (key = 'k1', facts: Partial<Offered<string>> = {}) => {
    layer.offer(ns, key, offered(facts))
    layer.offer(ns, key, offered(facts))
  }
  return { clock, counted, state, layer, offered, admit }
}

describe('answers in the memory of a process', () => {
  it('are taken at the second hit within ten seconds', () => {
    const { clock, layer, offered } = openLayer()

    layer.offer(ns, 'k1', offered())
    expect(layer.get(ns, 'k1')).toBeUndefined()
    clock.advance(10_001)
    layer.offer(ns, 'k1', offered())
    expect(layer.get(ns, 'k1')).toBeUndefined()
    clock.advance(10_000)
    layer.offer(ns, 'k1', offered())
    expect(layer.get(ns, 'k1')).toBe('answer')
    expect(layer.get('http-users', 'k1')).toBeUndefined()
  })

  it('are told for one second from when their read began, and never past their freshness', () => {
    const { clock, layer, offered, admit } = openLayer()
    const ticket = layer.ticket()
    clock.advance(400)
    admit('k1', { ticket })
    admit('k2', { freshUntilMs: clock.now() + 100 })

    clock.advance(99)
    expect(layer.get(ns, 'k2')).toBe('answer')
    clock.advance(1)
    expect(layer.get(ns, 'k2')).toBeUndefined()
    clock.advance(500)
    expect(layer.get(ns, 'k1')).toBe('answer')
    clock.advance(1)
    expect(layer.get(ns, 'k1')).toBeUndefined()
    layer.offer(ns, 'k1', offered())
    expect(layer.get(ns, 'k1')).toBe('answer')
  })

  it('take no more bytes than they may, and none of them more than a 64th', () => {
    const { layer, admit } = openLayer(64 * 10_000)
    admit('large', { bytes: 9_500 })
    expect(layer.get(ns, 'large')).toBeUndefined()

    for (let at = 0; at < 200; at++) admit(`k${at}`, { bytes: 9_000 })
    expect(layer.bytes).toBeLessThanOrEqual(64 * 10_000)
    expect(layer.bytes).toBeGreaterThan(60 * 9_000)
    expect(layer.get(ns, 'k199')).toBe('answer')
    expect(layer.get(ns, 'k0')).toBeUndefined()
  })

  it('make no copy of what they do not take', () => {
    const { layer, offered } = openLayer()
    let copies = 0
    const value = () => `copy ${++copies}`

    layer.offer(ns, 'k1', offered({ value }))
    expect(copies).toBe(0)
    layer.offer(ns, 'k1', offered({ value }))
    expect(copies).toBe(1)
  })

  it.each<[string, (layer: MemoryLayer<string>, stamp: bigint) => void]>([
    ['a tag', (layer, stamp) => layer.invalidate(ns, 'tag', 't:1', stamp)],
    ['a scope', (layer, stamp) => layer.invalidate(ns, 'scope', 'r:1', stamp)],
    ['its namespace', (layer, stamp) => layer.bump(ns, stamp)],
    ['its key', (layer, stamp) => layer.outdate(ns, 'k1', stamp)],
  ])('Cache U5: are gone with the invalidation of %s, and stay out when an older read ends after it', (_, say) => {
    const { layer, admit } = openLayer()
    admit()

    say(layer, 5n)
    expect(layer.get(ns, 'k1')).toBe('answer')
    say(layer, 6n)
    expect(layer.get(ns, 'k1')).toBeUndefined()
    admit()
    expect(layer.get(ns, 'k1')).toBeUndefined()
    admit('k1', { stamp: 6n })
    expect(layer.get(ns, 'k1')).toBe('answer')
  })

  it('Cache U5: are none while invalidations may be missed, nor what was read before that', () => {
    const { layer, state, counted, offered, admit } = openLayer()
    admit()
    const before = layer.ticket()

    state.live = false
    expect(layer.get(ns, 'k1')).toBeUndefined()
    admit()
    state.live = true
    expect(layer.get(ns, 'k1')).toBeUndefined()
    layer.offer(ns, 'k1', offered({ ticket: before }))
    layer.offer(ns, 'k1', offered({ ticket: before }))
    expect(layer.get(ns, 'k1')).toBeUndefined()
    expect(counted).toContain('bypassed')
  })

  it('Cache U5: are none after a gap that nobody looked into', () => {
    const { layer, offered, admit } = openLayer()
    admit()
    const before = layer.ticket()

    layer.empty()

    expect(layer.get(ns, 'k1')).toBeUndefined()
    expect(layer.bytes).toBe(0)
    layer.offer(ns, 'k1', offered({ ticket: before }))
    expect(layer.get(ns, 'k1')).toBeUndefined()
  })

  it('Cache U5: are never older than an invalidation that was told, in any order of words, offers and looks', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const stamp = fc.bigInt({ min: 0n, max: 20n })
    const key = fc.constantFrom('k1', 'k2')
    const step = fc.oneof(
      fc.record({ kind: fc.constant('offer' as const), key, stamp, tag: name, scope: name }),
      fc.record({ kind: fc.constantFrom('tag' as const, 'scope' as const), name, stamp }),
      fc.record({ kind: fc.constant('key' as const), key, stamp }),
      fc.record({ kind: fc.constant('bump' as const), stamp }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { clock } = openLayer()
        const outcomes = { inc: () => {}, forget: async () => {} }
        const layer = new MemoryLayer<{ key: string; stamp: bigint; tag: string; scope: string }>({
          limitBytes: 1 << 20,
          clock,
          live: () => true,
          outcomes,
        })
        const told = new Map<string, bigint>()
        const tell = (what: string, at: bigint) =>
          told.set(what, at > (told.get(what) ?? 0n) ? at : (told.get(what) ?? 0n))
        for (const one of steps) {
          if (one.kind === 'offer') {
            const { key, stamp, tag, scope } = one
            const offer = {
              value: () => ({ key, stamp, tag, scope }),
              bytes: 10,
              stamp,
              tags: { exact: [tag], scopes: [scope] },
              freshUntilMs: Number.POSITIVE_INFINITY,
              ticket: layer.ticket(),
            }
            layer.offer(ns, key, offer)
            layer.offer(ns, key, offer)
          } else if (one.kind === 'key') {
            layer.outdate(ns, one.key, one.stamp)
            tell(`key ${one.key}`, one.stamp)
          } else if (one.kind === 'bump') {
            layer.bump(ns, one.stamp)
            tell('all', one.stamp)
          } else {
            layer.invalidate(ns, one.kind, one.name, one.stamp)
            tell(`${one.kind} ${one.name}`, one.stamp)
          }
          for (const key of ['k1', 'k2']) {
            const got = layer.get(ns, key)
            if (got === undefined) continue
            for (const what of ['all', `key ${got.key}`, `tag ${got.tag}`, `scope ${got.scope}`])
              expect(got.stamp).toBeGreaterThanOrEqual(told.get(what) ?? 0n)
          }
        }
      }),
    )
  })
})
