/** What every catalog store promises. */
import { describe, expect, it } from 'vitest'
import type { CatalogStore } from '../../control-plane/catalog/catalog-store.ts'
import type { Make } from './table-store.ts'

export function contract(make: Make<CatalogStore>): void {
  describe('a catalog store', () => {
    it('holds exactly the files of the last replacement, sorted by name', async () => {
      await using made = await make()
      const { store } = made
      expect(await store.files()).toEqual([])
      const file = (name: string, text: string) => ({ file: name, text })
      await store.replace([file('b.yaml', '1'), file('a.yaml', 'ä\n# 😀')], 1)
      expect(await store.files()).toEqual([file('a.yaml', 'ä\n# 😀'), file('b.yaml', '1')])
      await store.replace([file('c.yaml', ''), file('b.yaml', '2')], 2)
      expect(await store.files()).toEqual([file('b.yaml', '2'), file('c.yaml', '')])
    })
  })
}
