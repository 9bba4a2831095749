import { describe, expect, it } from 'vitest'
import { undoOf } from '../../../control-plane/moves/undo.ts'
import { placement } from '../../support/tables.ts'

const home = placement('orders')
const away = placement('orders', { owner: 'cloud' })
const half = placement('orders', { moving: { to: 'cloud', reads: 1_250, writes: 0 } })
const shadow = { to: 'cloud', sample: 250, again: 0, maxInFlight: 20 }
const on = 'tidegate shadow orders --to cloud --percent 2.5 --max-in-flight 20 --reason "after all"'
const off = 'tidegate shadow orders --off --reason "after all"'

describe('the way back', () => {
  it('of a flip is a rollback', () => {
    expect(undoOf('flip', home, away)).toBe('tidegate rollback orders')
  })

  it('of a rollback is the flip to what was before', () => {
    expect(undoOf('rollback', away, home)).toBe('tidegate flip orders --to cloud --reason "after all"')
    expect(undoOf('rollback', half, home)).toBe('tidegate flip orders --to cloud --percent 12.5 --reason "after all"')
  })

  it('of a change of copies is to ask for those that there were', () => {
    expect(undoOf('shadow', home, { ...home, shadow })).toBe(off)
    expect(undoOf('shadow', { ...home, shadow }, home)).toBe(on)
  })

  it('of a change of failover is to ask for the one that there was', () => {
    const safe = { ...home, failover: { to: 'cloud', safeOnly: true as const } }
    expect(undoOf('failover', home, safe)).toBe('tidegate failover orders --off --reason "after all"')
    expect(undoOf('failover', safe, home)).toBe('tidegate failover orders --to cloud --reason "after all"')
    expect(undoOf('rollback', { ...safe, shadow }, home)).toBe(
      `${on} && tidegate failover orders --to cloud --reason "after all"`,
    )
  })

  it('of a rollback that changed copies brings these back, too', () => {
    expect(undoOf('rollback', { ...home, shadow }, home)).toBe(on)
    expect(undoOf('rollback', home, { ...home, shadow })).toBe(off)
    expect(undoOf('rollback', { ...half, shadow }, home)).toBe(
      `tidegate flip orders --to cloud --percent 12.5 --reason "after all" && ${on}`,
    )
    // That flip ends the copies by itself.
    expect(undoOf('rollback', away, { ...home, shadow })).toBe('tidegate flip orders --to cloud --reason "after all"')
  })
})
