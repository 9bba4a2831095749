import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Placement } from '#routes/placement.ts'
import type { ServiceFacts } from '#routes/structure.ts'
import type { StateScope } from '#routes/vocabulary.ts'
import { completeSplit, flip } from '../../../control-plane/moves/flip.ts'
import { rollback } from '../../../control-plane/moves/rollback.ts'
import type { PlacementChange } from '../../../control-plane/tables/table-store.ts'

const service = (state: StateScope = 'shared', more: Partial<ServiceFacts> = {}): ServiceFacts => ({
  id: 'orders',
  team: 't',
  tier: 2,
  state,
  home: 'onprem',
  key: ['header:x'],
  deployments: ['onprem', 'cloud', 'third'].map((site) => ({ site, url: `http://${site}` })),
  ...more,
})

const placed = (placement: Partial<Placement> = {}, returnsTo?: number): PlacementChange => ({
  placement: { unit: 'orders', epoch: 1, owner: 'onprem', cohort: 'wave-0', key: ['header:x'], ...placement },
  number: 1,
  how: 'flip',
  actor: 'ops',
  reason: '',
  at: 0,
  ...(returnsTo === undefined ? {} : { returnsTo }),
})

describe('a flip', () => {
  it.each([
    ['shared', undefined, { reads: 10_000, writes: 10_000 }],
    ['shared', 500, { reads: 500, writes: 0 }],
    ['external', 500, { reads: 500, writes: 0 }],
    ['none', 500, { reads: 500, writes: 500 }],
    ['per-key', 500, { reads: 500, writes: 500 }],
    ['shared', 10_000, { reads: 10_000, writes: 10_000 }],
  ] as const)('of state %s to %s of the reads moves the writes that may move', (state, reads, split) => {
    expect(completeSplit({ to: 'cloud', ...(reads === undefined ? {} : { reads }) }, state)).toEqual({
      to: 'cloud',
      ...split,
    })
  })

  it('keeps pointing to before the move until that is taken back', () => {
    const history = new Map([[1, placed()]])
    let current = placed()
    const step = (to: string, reads?: number) => {
      const before = current.returnsTo === undefined ? undefined : history.get(current.returnsTo)
      const outcome = flip(current, { to, ...(reads === undefined ? {} : { reads }) }, service(), before)
      if (outcome.kind !== 'changed') throw new Error(outcome.kind)
      current = placed(outcome.placement, outcome.returnsTo)
      history.set(current.placement.epoch, current)
    }
    step('cloud', 1000)
    expect(current.returnsTo).toBe(1)
    step('cloud', 5000)
    expect(current.returnsTo).toBe(1)
    step('cloud')
    expect(current).toMatchObject({ placement: { owner: 'cloud', epoch: 4 }, returnsTo: 1 })
    step('third', 100)
    expect(current.returnsTo).toBe(4)
    step('cloud')
    expect(current).toMatchObject({ placement: { owner: 'cloud', epoch: 6 }, returnsTo: 1 })

    const back = rollback(current, history.get(1))
    expect(back?.placement).toMatchObject({ owner: 'onprem', epoch: 7 })
    expect(back?.returnsTo).toBeUndefined()
    expect(rollback(placed(back?.placement), undefined)).toBeUndefined()
  })

  it('by share needs a key, and of per-key writes exactly one', () => {
    const keyless = service('shared', { key: [] })
    expect(flip(placed(), { to: 'cloud', reads: 1 }, keyless)).toEqual({ kind: 'refused', because: 'no-key' })
    expect(flip(placed(), { to: 'cloud' }, keyless)).toMatchObject({ kind: 'changed' })
    const two = service('per-key', { key: ['header:x', 'cookie:y'] })
    expect(flip(placed(), { to: 'cloud', reads: 1 }, two)).toEqual({ kind: 'refused', because: 'one-key-needed' })
    expect(flip(placed(), { to: 'cloud', reads: 1, writes: 0 }, two)).toMatchObject({ kind: 'changed' })
  })

  it('always gives the next epoch, and a unit whose state is shared never splits its writes', () => {
    const bp = fc.integer({ min: -1, max: 10_001 })
    const moving = fc.option(
      fc.record({ to: fc.constant('cloud'), reads: fc.integer({ min: 1, max: 9_999 }), writes: fc.constant(0) }),
      { nil: undefined },
    )
    fc.assert(
      fc.property(
        moving,
        bp,
        fc.option(bp, { nil: undefined }),
        fc.constantFrom('onprem', 'cloud', 'third', 'mars'),
        (under, reads, writes, to) => {
          const current = placed(under === undefined ? {} : { moving: under })
          const outcome = flip(current, { to, reads, ...(writes === undefined ? {} : { writes }) }, service())
          if (outcome.kind !== 'changed') return
          expect(outcome.placement.epoch).toBe(2)
          expect([undefined, 0, 10_000]).toContain(outcome.placement.moving?.writes)
          expect(['onprem', 'cloud', 'third']).toContain(outcome.placement.owner)
        },
      ),
    )
  })
})

describe('a rollback', () => {
  it('of a move whose past is not known brings the unit back to its owner', () => {
    const moving = { to: 'cloud', reads: 1, writes: 0 }
    const back = rollback(placed({ moving, epoch: 9 }), undefined)
    expect(back?.placement).toEqual(placed({ epoch: 10 }).placement)
  })
})
