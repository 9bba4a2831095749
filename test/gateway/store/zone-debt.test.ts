import { describe, expect, it } from 'vitest'
import type { Invalidation } from '../../../gateway/store/cache-operation.ts'
import { ZoneDebt } from '../../../gateway/store/zone-debt.ts'

const owed = (key: string, stamp: bigint) => ({ kind: 'delete', namespace: 'shop', key, stamp }) as const
const floor = (): bigint => 99n

describe('the debt of a zone', () => {
  it('is settled by a write of the same stamp or a newer one, not by an older', () => {
    const debt = new ZoneDebt(10)
    debt.owe(owed('k', 5n), floor)
    debt.owe(owed('k', 3n), floor)

    debt.settle(owed('k', 4n))
    expect(debt.owes('shop', 'k')).toBe(true)
    debt.settle(owed('k', 5n))
    expect(debt.owes('shop', 'k')).toBe(false)
  })

  it('of an invalidation keeps the whole namespace unread, until each is settled', () => {
    const debt = new ZoneDebt(10)
    const purge = (key: string, stamp: bigint, softMs?: number): Invalidation => ({
      kind: 'invalidate',
      namespace: 'shop',
      target: 'tag',
      key,
      stamp,
      ...(softMs === undefined ? {} : { softMs }),
    })
    for (const each of [purge('a', 1n), purge('a', 2n), purge('a', 3n, 60), purge('b', 1n)]) debt.owe(each, floor)

    expect([debt.size, debt.owes('shop', 'any'), debt.owes('other', 'any')]).toEqual([3, true, false])
    for (const each of [purge('a', 1n), purge('b', 1n), purge('a', 3n, 60)]) debt.settle(each)
    expect(debt.owes('shop', 'any')).toBe(true)
    debt.settle(purge('a', 2n))
    expect([debt.size, debt.owes('shop', 'any')]).toEqual([0, false])
  })

  it('becomes a floor when it cannot be listed any more', () => {
    const debt = new ZoneDebt(2)
    expect([debt.owe(owed('a', 1n), floor), debt.owe(owed('b', 1n), floor)]).toEqual([true, true])
    expect(debt.owe(owed('a', 2n), floor)).toBe(true)
    expect(debt.owe(owed('c', 1n), floor)).toBe(false)

    expect(debt).toMatchObject({ size: 0, floor: 99n })
    expect(debt.owes('shop', 'a')).toBe(false)
  })

  it('is worked off from its oldest end', () => {
    const debt = new ZoneDebt(10)
    for (const key of ['a', 'b', 'c']) debt.owe(owed(key, 1n), floor)

    expect(debt.oldest(2).map(({ key }) => key)).toEqual(['a', 'b'])
  })
})
