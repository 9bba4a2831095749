import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Held,
  judgeDelete,
  judgePut,
  setAgeLimitMs,
  tombstoneTtlMs,
} from '../../../gateway/store/apply-if-newer.ts'

type Write = Held
const apply = (held: Held | undefined, write: Write): Held | undefined => {
  const verdict =
    write.kind === 'value'
      ? judgePut(held, { stamp: write.stamp, ttlMs: -1 })
      : judgeDelete(held, { stamp: write.stamp })
  return verdict === 'apply' ? write : held
}
const write = fc.record<Write>({
  kind: fc.constantFrom('value', 'tombstone'),
  stamp: fc.bigInt({ min: 1n, max: 8n }),
})

describe('apply if newer', () => {
  it('ends in one state for all orders of the same writes, ties and repetitions included', () => {
    const shuffled = fc
      .array(write, { minLength: 1, maxLength: 8 })
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })))
    fc.assert(
      fc.property(shuffled, ([all, again]) => {
        const once = all.reduce<Held | undefined>(apply, undefined)

        expect(again.reduce<Held | undefined>(apply, undefined)).toEqual(once)
        expect(all.every(({ stamp }) => stamp <= (once?.stamp ?? 0n))).toBe(true)
      }),
    )
  })

  it('never lowers the stamp that is held, under any condition', () => {
    const condition = fc.record(
      { mode: fc.constantFrom('set', 'add', 'replace'), ifStamp: fc.bigInt({ min: 1n, max: 8n }) },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.option(write), fc.bigInt({ min: 1n, max: 8n }), condition, (before, stamp, { mode, ifStamp }) => {
        const held = before ?? undefined
        const conditional = { stamp, ...(ifStamp === undefined ? {} : { ifStamp }) }
        const put = judgePut(held, { ...conditional, ttlMs: -1, ...(mode === undefined ? {} : { mode }) } as never)
        const del = judgeDelete(held, conditional)

        if (put === 'apply') expect(held === undefined || held.stamp < stamp).toBe(true)
        if (del === 'apply') expect(held === undefined || held.stamp <= stamp).toBe(true)
      }),
    )
  })

  it('keeps a tombstone longer than a set may be late', () => {
    expect(tombstoneTtlMs).toBeGreaterThanOrEqual(setAgeLimitMs + 60_000)
  })
})
