import { describe, expect, it } from 'vitest'
import { RawAges } from '../../../gateway/store/raw-ages.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'
import type { StoreNode } from '../../../gateway/store/store-node.ts'

/** A node that has nothing but a counter, and two stamps a millisecond. */
function counting() {
  const node = { startedAtMs: 1_000_000, tellsCas: true, cas: 0, stamps: 1_500_000 }
  const set = async () => ({ code: 'HD', cas: `${++node.cas}` })
  const gone = async () => ({ code: 'HD', cas: '' })
  const ages = new RawAges(Object.assign(node, { set, delete: gone, get: gone }) as unknown as StoreNode, () =>
    makeStamp(++node.stamps, 0, 1),
  )
  return { node, ages, store: () => `${++node.cas}` }
}

describe('the ages of the items of a raw zone', () => {
  it('are never above the truth: without a mark as old as the node', () => {
    const { ages, store } = counting()
    const [first, second] = [ages.of(store()), ages.of(store())]

    expect(first).toBeLessThan(second)
    expect(second).toBeLessThan(makeStamp(1_000_000, 0, 0))
  })

  it('are told apart by a mark: what was stored before it, and what after it', async () => {
    const { ages, store } = counting()
    const before = store()
    const floor = makeStamp(1_400_000, 0, 0)
    await Promise.all([ages.renew(floor, 10), ages.renew(floor, 10)])
    const after = store()

    expect(ages.of(before)).toBeLessThan(floor)
    expect(ages.of(after)).toBeGreaterThanOrEqual(floor)
    await ages.renew(floor, 10)
    expect(ages.of(after)).toBeLessThan(ages.of(store()))
  })

  it('begin anew with the node, whose counter does', async () => {
    const { node, ages, store } = counting()
    await ages.renew(makeStamp(1_400_000, 0, 0), 10)
    Object.assign(node, { startedAtMs: 1_600_000, cas: 0 })

    expect(ages.of(store())).toBeGreaterThan(makeStamp(1_590_000, 0, 0))
    expect(ages.of('1')).toBeLessThan(makeStamp(1_600_000, 0, 0))
  })

  it('count what others have stored between writes of ours', () => {
    const { ages } = counting()
    expect([ages.stored('10'), ages.stored('11'), ages.stored('15'), ages.stored('3'), ages.stored('4')]).toEqual([
      0, 0, 3, 0, 0,
    ])
  })
})
