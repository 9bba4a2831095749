import { describe, expect, it } from 'vitest'
import { ZoneDebt } from '../../../gateway/store/zone-debt.ts'

const owed = (key: string, stamp: bigint) => ({ namespace: 'shop', key, stamp })
const floor = (): bigint => 99n

describe('the debt of a zone', () => {
  it('is settled by a write of the same stamp or a newer one, not by an older', () => {
    const debt = new ZoneDebt(10)
    debt.owe(owed('k', 5n), floor)
    debt.owe(owed('k', 3n), floor)

    debt.settle('shop', 'k', 4n)
    expect(debt.owes('shop', 'k')).toBe(true)
    debt.settle('shop', 'k', 5n)
    expect(debt.owes('shop', 'k')).toBe(false)
  })

  it('becomes a floor when it cannot be listed any more', () => {
    const debt = new ZoneDebt(2)
    expect([debt.owe(owed('a', 1n), floor), debt.owe(owed('b', 1n), floor)]).toEqual([true, true])
    expect(debt.owe(owed('a', 2n), floor)).toBe(true)
    expect(debt.owe(owed('c', 1n), floor)).toBe(false)

    expect(debt).toMatchObject({ size: 0, floor: 99n })
  })

  it('is worked off from its oldest end', () => {
    const debt = new ZoneDebt(10)
    for (const key of ['a', 'b', 'c']) debt.owe(owed(key, 1n), floor)

    expect(debt.oldest(2).map(({ key }) => key)).toEqual(['a', 'b'])
  })
})
