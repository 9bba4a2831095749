import { describe, expect, it } from 'vitest'
import { undoOf } from '../../../control-plane/moves/undo.ts'
import { placement } from '../../support/tables.ts'

describe('the way back', () => {
  it('of a flip is a rollback', () => {
    expect(undoOf('flip', placement('orders'))).toBe('tidegate rollback orders')
  })

  it('of a rollback is the flip to what was before', () => {
    const half = placement('orders', { moving: { to: 'cloud', reads: 1_250, writes: 0 } })

    expect(undoOf('rollback', placement('orders', { owner: 'cloud' }))).toBe(
      'tidegate flip orders --to cloud --reason "after all"',
    )
    expect(undoOf('rollback', half)).toBe('tidegate flip orders --to cloud --percent 12.5 --reason "after all"')
  })
})
