import { describe, expect, it } from 'vitest'
import { type Dated, OutdatedNames } from '../../../gateway/cache/outdated-names.ts'

const about = (stamp: bigint, facts: Partial<Dated> = {}): Dated => ({
  namespace: 'http-orders',
  key: 'k1',
  stamp,
  tags: { exact: ['t:order:1', 'u:x'], scopes: ['r:orders'] },
  ...facts,
})

describe('the names that were invalidated', () => {
  it('outdate what is older and has the name: as a tag, a scope, a key or a namespace', () => {
    const words: ((names: OutdatedNames) => void)[] = [
      (names) => names.tell('http-orders', 'tag', 't:order:1', 5n),
      (names) => names.tell('http-orders', 'scope', 'r:orders', 5n),
      (names) => names.tellKey('http-orders', 'k1', 5n),
      (names) => names.tellNamespace('http-orders', 5n),
    ]
    for (const say of words) {
      const names = new OutdatedNames()
      say(names)

      expect(names.isCurrent(about(4n))).toBe(false)
      expect(names.isCurrent(about(5n))).toBe(true)
      expect(names.isCurrent(about(4n, { namespace: 'http-users' }))).toBe(true)
      expect(names.told).toBe(1)
    }
  })

  it('do not outdate what has another name, or the name in another role', () => {
    const names = new OutdatedNames()
    names.tell('http-orders', 'tag', 't:order:2', 5n)
    names.tell('http-orders', 'scope', 't:order:1', 5n)
    names.tell('http-orders', 'tag', 'r:orders', 5n)
    names.tellKey('http-orders', 'k2', 5n)

    expect(names.isCurrent(about(1n))).toBe(true)
  })

  it('keep the highest stamp, in whichever order they were told', () => {
    const names = new OutdatedNames()
    names.tell('http-orders', 'tag', 't:order:1', 9n)
    names.tell('http-orders', 'tag', 't:order:1', 3n)

    expect(names.isCurrent(about(8n))).toBe(false)
  })

  it('make more outdated when there are too many of them, and never less', () => {
    const names = new OutdatedNames(2)
    names.tell('http-orders', 'tag', 't:order:1', 5n)
    names.tell('http-orders', 'tag', 'a', 6n)
    names.tell('http-orders', 'tag', 'b', 7n)

    expect(names.isCurrent(about(4n))).toBe(false)
    expect(names.isCurrent(about(4n, { namespace: 'http-users', tags: { exact: [], scopes: [] } }))).toBe(false)
    expect(names.isCurrent(about(5n))).toBe(true)
  })
})
