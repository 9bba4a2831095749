/** What every table store promises. `make` gives an empty one. */
import { describe, expect, it } from 'vitest'
import type { Placement } from '#routes/placement.ts'
import type { KeptDocument, PlacementChange, TableStore } from '../../control-plane/tables/table-store.ts'

export type Make<Port> = () => Promise<{ readonly store: Port } & AsyncDisposable>

export function change(unit: string, epoch: number, number: number, more: Partial<Placement> = {}): PlacementChange {
  const placement = { unit, epoch, owner: 'onprem', cohort: 'wave-0', key: ['authorization' as const], ...more }
  return { placement, number, how: 'flip', actor: 'ops', reason: 'why', at: 1_000 + number }
}

function document(kind: 'structure' | 'placements', number: number): KeptDocument {
  const sealed = { kind, keyId: 't1', signature: 's', body: `${kind} ${number}` }
  return {
    kind,
    number,
    digest: `d${number}`,
    parent: `d${number - 1}`,
    author: 'ops',
    reason: 'why',
    at: number,
    sealed,
  }
}

export function contract(make: Make<TableStore>): void {
  describe('a table store', () => {
    it('gives back each change of a placement as it was written', async () => {
      await using made = await make()
      const { store } = made
      const moving = { to: 'cloud', reads: 1000, writes: 0 }
      const first = change('orders', 1, 1)
      const shadow = { to: 'cloud', sample: 500, again: 0, maxInFlight: 100 }
      const second = { ...change('orders', 2, 2, { moving, shadow }), returnsTo: 1, how: 'rollback' as const }
      expect(await store.follow(0, first)).toBe(true)
      expect(await store.follow(1, second)).toBe(true)

      expect(await store.placement('orders')).toEqual(second)
      expect(await store.change('orders', 1)).toEqual(first)
      expect(await store.change('orders', 9)).toBeUndefined()
      expect(await store.placement('users')).toBeUndefined()
      expect(await store.history('orders', 10)).toEqual([second, first])
      expect(await store.history('orders', 1)).toEqual([second])
    })

    it('refuses a change that does not follow the present epoch, and writes nothing of it', async () => {
      await using made = await make()
      const { store } = made
      await store.follow(0, change('orders', 1, 1))
      expect(await store.follow(0, change('orders', 1, 2))).toBe(false)
      expect(await store.follow(2, change('orders', 3, 2))).toBe(false)
      expect(await store.follow(3, change('users', 4, 2))).toBe(false)
      expect(await store.placements()).toEqual([change('orders', 1, 1)])
    })

    it('knows the placements of every number, however old', async () => {
      await using made = await make()
      const { store } = made
      await store.follow(0, change('users', 1, 1))
      await store.follow(0, change('orders', 1, 1))
      await store.follow(1, change('orders', 2, 2, { owner: 'cloud' }))
      await store.follow(0, change('carts', 1, 3))
      await store.follow(2, change('orders', 5, 4))

      const units = async (number: number) =>
        (await store.placementsOf(number)).map(({ placement }) => `${placement.unit}@${placement.epoch}`)
      expect(await units(0)).toEqual([])
      expect(await units(1)).toEqual(['orders@1', 'users@1'])
      expect(await units(2)).toEqual(['orders@2', 'users@1'])
      expect(await units(3)).toEqual(['carts@1', 'orders@2', 'users@1'])
      expect(await units(4)).toEqual(['carts@1', 'orders@5', 'users@1'])
      expect((await store.placements()).map(({ placement }) => placement.epoch)).toEqual([1, 5, 1])
    })

    it('remembers every document, and the texts of the newest', async () => {
      await using made = await make()
      const { store } = made
      expect(await store.newest('placements')).toBeUndefined()
      for (const number of [1, 2, 5, 6]) await store.add(document('placements', number), 2)
      await store.add(document('structure', 9), 2)

      expect(await store.newest('placements')).toEqual(document('placements', 6))
      expect((await store.list('placements', 10)).map(({ number }) => number)).toEqual([6, 5, 2, 1])
      expect((await store.list('placements', 2, 6)).map(({ number }) => number)).toEqual([5, 2])
      const { sealed: _, ...entry } = document('placements', 1)
      expect(await store.entry('placements', 1)).toEqual(entry)
      expect(await store.entry('placements', 3)).toBeUndefined()
      await expect(store.add(document('placements', 6), 2)).rejects.toThrow()
    })

    it('keeps marks, 0 until they are set', async () => {
      await using made = await make()
      const { store } = made
      expect(await store.mark('sites-since')).toBe(0)
      await store.setMark('sites-since', 3)
      await store.setMark('sites-since', 4)
      expect(await store.mark('sites-since')).toBe(4)
      expect(await store.mark('structure-floor')).toBe(0)
    })
  })
}
