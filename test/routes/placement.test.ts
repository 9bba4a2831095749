import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { returnTo, sameContent, splitFault, withShadow, withSplit } from '#routes/placement.ts'
import { placement } from '../support/tables.ts'

describe('a split', () => {
  it('is refused when writes lead reads or a share is no share', () => {
    expect(splitFault({ to: 'cloud', reads: 10, writes: 20 }, 'none')).toBe('writes-above-reads')
    expect(splitFault({ to: 'cloud', reads: 10_001, writes: 0 }, 'none')).toBe('share-out-of-range')
    expect(splitFault({ to: 'cloud', reads: 0.5, writes: 0 }, 'none')).toBe('share-out-of-range')
    expect(splitFault({ to: 'cloud', reads: Number.NaN, writes: 0 }, 'none')).toBe('share-out-of-range')
  })

  it('moves writes of shared state only whole', () => {
    const part = { to: 'cloud', reads: 1_000, writes: 1_000 }

    expect(splitFault(part, 'shared')).toBe('writes-not-divisible')
    expect(splitFault(part, 'external')).toBe('writes-not-divisible')
    expect(splitFault(part, 'per-key')).toBeUndefined()
    expect(splitFault({ ...part, writes: 0 }, 'shared')).toBeUndefined()
  })

  it('takes the next epoch and says the owner outright once all has moved', () => {
    const first = placement('orders', { epoch: 7 })

    const tenth = withSplit(first, { to: 'cloud', reads: 1_000, writes: 0 })
    const whole = withSplit(tenth, { to: 'cloud', reads: 10_000, writes: 10_000 })

    expect(tenth).toMatchObject({ epoch: 8, owner: 'onprem', moving: { to: 'cloud', reads: 1_000, writes: 0 } })
    expect(whole).toEqual({ ...first, epoch: 9, owner: 'cloud' })
  })

  it('back to the owner ends the move', () => {
    const tenth = withSplit(placement('orders'), { to: 'cloud', reads: 1_000, writes: 0 })

    expect(withSplit(tenth, { to: 'onprem', reads: 10_000, writes: 10_000 })).toEqual(placement('orders', { epoch: 3 }))
    expect(withSplit(tenth, { to: 'cloud', reads: 0, writes: 0 })).toEqual(placement('orders', { epoch: 3 }))
  })

  it('is returned from by a new epoch with the old content', () => {
    const first = placement('orders')
    const whole = withSplit(first, { to: 'cloud', reads: 10_000, writes: 10_000 })

    const back = returnTo(whole, first)

    expect(back).toEqual({ ...first, epoch: 3 })
    expect(sameContent(back, first)).toBe(true)
    expect(sameContent(back, whole)).toBe(false)
  })
})

describe('copies to another site', () => {
  const shadow = { to: 'cloud', sample: 500, again: 0, maxInFlight: 100 }
  const copied = placement('orders', { shadow })

  it('are content: a change of theirs alone is a change', () => {
    expect(sameContent(copied, placement('orders'))).toBe(false)
    expect(sameContent(copied, { ...copied, epoch: 9, shadow: { ...shadow } })).toBe(true)
    for (const other of [
      { to: 'third' },
      { sample: 501 },
      { again: 1 },
      { maxInFlight: 99 },
      { at: 'edge' as const },
    ]) {
      expect(sameContent(copied, { ...copied, shadow: { ...shadow, ...other } })).toBe(false)
    }
  })

  it('go on while the unit moves, and end where they went to its owner', () => {
    const tenth = withSplit(copied, { to: 'cloud', reads: 1_000, writes: 0 })

    expect(tenth.shadow).toEqual(shadow)
    expect(withSplit(tenth, { to: 'onprem', reads: 10_000, writes: 10_000 }).shadow).toEqual(shadow)
    expect(withSplit(copied, { to: 'third', reads: 10_000, writes: 10_000 }).shadow).toEqual(shadow)
    expect(withSplit(tenth, { to: 'cloud', reads: 10_000, writes: 10_000 })).toEqual(
      placement('orders', { epoch: 3, owner: 'cloud' }),
    )
  })

  it('never go to the owner, whatever is done one after the other, and change nothing else when they begin and end', () => {
    const site = fc.constantFrom('onprem', 'cloud', 'third')
    const share = fc.constantFrom(0, 1, 10_000)
    const split = fc.record({ to: site, reads: share, writes: share }).filter((one) => one.writes <= one.reads)
    const copies = fc.option(
      fc.record({ to: site, sample: share }).map((one) => ({ ...shadow, ...one })),
      { nil: undefined },
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(split, fc.record({ copies })), { maxLength: 12 }), (steps) => {
        let present = placement('orders')
        for (const [at, step] of steps.entries()) {
          if (!('copies' in step)) present = withSplit(present, step)
          else if (step.copies?.to !== present.owner) {
            const next = withShadow(present, step.copies)
            expect(next.shadow).toEqual(step.copies)
            expect(sameContent(withShadow(next, present.shadow), present)).toBe(true)
            present = next
          } else present = { ...present, epoch: present.epoch + 1 }
          expect(present.epoch).toBe(at + 2)
          expect(present.shadow?.to).not.toBe(present.owner)
        }
      }),
    )
  })
})
