import { describe, expect, it } from 'vitest'
import { ketama, Pool, type PoolNode, rendezvous } from '../../../gateway/store/pool.ts'
import type { NodeAddress, StoreNode } from '../../../gateway/store/store-node.ts'

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

  it.each([
    [
      'three alike',
      '10.0.0.1:11211 10.0.0.2:11211 10.0.0.3:11211',
      '221220101010111112010102221100101201102021000102000011101022',
    ],
    [
      'by weight',
      'cache-a:11211 cache-b:11311*3 127.0.0.1:22122*7',
      '211222211222201112122210221112212212222210122222222111222122',
    ],
    [
      'five',
      '10.1.0.1:11211 10.1.0.2:11212 10.1.0.3:11213 10.1.0.4:11214 10.1.0.5:11215*2',
      '124042313104233443432443440234000324042410314214144030302033',
    ],
    [
      // Where another rounding than its single precision gives nodes four points less.
      'twenty-five alike',
      Array.from({ length: 25 }, (_, i) => `10.2.0.${i + 1}:11211`).join(' '),
      'ij34ii9f0alga5makb0ilon8jncij46o7n4c07df6ogml9nfdjbcf96f53ln',
    ],
  ])('chooses the node that libmemcached 1.0.18 chooses: %s', (_, nodes, chosen) => {
    const ring = ketama(
      nodes.split(' ').map((each) => {
        const [, host = '', port, weight = '1'] = /^(.*):(\d+)(?:\*(\d+))?$/.exec(each) ?? []
        return { host, port: Number(port), weight: Number(weight) }
      }),
    )
    const keys = Array.from({ length: 60 }, (_, i) => Buffer.from(`key:${i}:${'äöü'.slice(0, i % 4)}`))

    expect(keys.map((key) => ring(key.toString('latin1')).toString(36)).join('')).toBe(chosen)
  })
})

describe('a pool', () => {
  const opened: string[] = []
  const closed: string[] = []
  const open = ({ host, port }: NodeAddress): StoreNode => {
    opened.push(host)
    return { address: { host, port }, close: () => closed.push(host) } as unknown as StoreNode
  }
  const nodes = (...hosts: string[]) => hosts.map((host) => ({ host, port: 11211 }))

  it('takes other nodes without giving up the connections of those that stay', () => {
    const pool = new Pool(nodes('a', 'b'), 'ketama', open)
    const [kept] = pool.nodes

    pool.change(nodes('a', 'c'))

    expect(opened).toEqual(['a', 'b', 'c'])
    expect(closed).toEqual(['b'])
    expect(pool.nodes[0]).toBe(kept)
    const chosen = new Set(Array.from({ length: 100 }, (_, i) => pool.nameOf(`key:${i}`)))
    expect([...chosen].sort()).toEqual(['a:11211', 'c:11211'])
  })
})
