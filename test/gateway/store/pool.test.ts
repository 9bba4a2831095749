import { describe, expect, it } from 'vitest'
import { ketama, type PoolNode, rendezvous } from '../../../gateway/store/pool.ts'

const nodes = (count: number): PoolNode[] =>
  Array.from({ length: count }, (_, i) => ({ host: `10.0.0.${i + 1}`, port: 11211 }))
const keys = Array.from({ length: 20_000 }, (_, i) => `shop/key-${i}`)
const share = (chosen: readonly number[], index: number): number =>
  chosen.filter((each) => each === index).length / chosen.length

describe.each([
  { name: 'ketama', make: ketama, tolerance: 0.08 },
  { name: 'rendezvous', make: rendezvous, tolerance: 0.02 },
])('a $name ring', ({ make, tolerance }) => {
  it('spreads keys over its nodes by their weights', () => {
    const even = keys.map(make(nodes(4)))
    for (let i = 0; i < 4; i++) expect(Math.abs(share(even, i) - 0.25)).toBeLessThan(tolerance)

    const [small, large] = nodes(2) as [PoolNode, PoolNode]
    const uneven = keys.map(make([small, { ...large, weight: 3 }]))
    expect(Math.abs(share(uneven, 1) - 0.75)).toBeLessThan(tolerance)
  })

  it('moves only the share of the new node when one is added', () => {
    const four = make(nodes(4))
    const five = make(nodes(5))

    const moved = keys.filter((key) => four(key) !== five(key))

    expect(moved.every((key) => five(key) === 4)).toBe(true)
    expect(moved.length / keys.length).toBeLessThan(0.2 + tolerance)
  })

  it('does not depend on the order of the configuration', () => {
    const forward = make(nodes(4))
    const backward = make(nodes(4).reverse())

    expect(keys.every((key) => forward(key) === 3 - backward(key))).toBe(true)
  })
})

describe('a ketama ring', () => {
  it('puts its points where libmemcached puts them', () => {
    const ring = ketama([
      { host: '10.0.0.1', port: 11211 },
      { host: '10.0.0.2', port: 11311 },
    ])
    // A key that reads like the name of a point falls on that very point; the default port has no place in the name.
    for (let n = 0; n < 40; n++) {
      expect(ring(`10.0.0.1-${n}`)).toBe(0)
      expect(ring(`10.0.0.2:11311-${n}`)).toBe(1)
    }
  })
})
