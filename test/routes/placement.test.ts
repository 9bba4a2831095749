import { describe, expect, it } from 'vitest'
import { returnTo, sameContent, splitFault, withSplit } from '#routes/placement.ts'
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
