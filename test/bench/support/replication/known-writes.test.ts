import { describe, expect, it } from 'vitest'
import { KnownWrites } from '../../../../bench/support/replication/known-writes.ts'

// Key 3 has a tag (1), key 5 has none; both are of the second namespace.
const keys = 20

describe('what is known of acknowledged writes', () => {
  it('takes a value away by its key, its tag and its namespace, whichever is newest', () => {
    const known = new KnownWrites(keys)

    known.deleted(3, 10n)
    known.tagInvalidated(1, 1, 20n)
    known.bumped(1, 15n)

    expect([known.invalidatedBelow(3), known.invalidatedBelow(5), known.invalidatedBelow(4)]).toEqual([20n, 15n, 0n])
  })

  it('never falls, and tells each news once', () => {
    const known = new KnownWrites(keys)
    known.deleted(3, 10n)
    known.deleted(3, 9n)
    known.stored(3, 12n)

    const first = known.news()

    expect(known.news().length).toBe(0)
    const other = new KnownWrites(keys)
    other.deleted(3, 11n)
    other.learn(first)
    expect([other.invalidatedBelow(3), other.replacedBelow(3)]).toEqual([11n, 12n])
  })

  it('keeps values to itself where they are no promise', () => {
    const known = new KnownWrites(keys)
    known.deleted(3, 10n)
    known.stored(3, 12n)

    const other = new KnownWrites(keys)
    other.learn(known.all({ invalidationsOnly: true }))

    expect([other.invalidatedBelow(3), other.replacedBelow(3)]).toEqual([10n, 0n])
  })
})
