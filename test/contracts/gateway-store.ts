/** What every gateway store promises. */
import { describe, expect, it } from 'vitest'
import type { GatewayStore } from '../../control-plane/tables/gateway-store.ts'
import type { Make } from './table-store.ts'

export function contract(make: Make<GatewayStore>): void {
  describe('a gateway store', () => {
    it('holds the newest entry of each process, and forgets those that left long ago', async () => {
      await using made = await make()
      const { store } = made
      const entry = (site: string, instance: string) => {
        const facts = { internalUrl: 'http://127.0.0.1:1', startedAt: 1, version: '1', writerId: 7, registeredAt: 2 }
        return { site, instance, ...facts }
      }
      await store.save(entry('onprem', 'b'))
      await store.save(entry('cloud', 'a'))
      const left = { ...entry('onprem', 'b'), writerId: 8, removed: { at: 5, by: 'silence' as const } }
      await store.save(left)
      expect(await store.all()).toEqual([entry('cloud', 'a'), left])
      await store.forgetRemovedBefore(5)
      expect(await store.all()).toHaveLength(2)
      await store.forgetRemovedBefore(6)
      expect(await store.all()).toEqual([entry('cloud', 'a')])
    })
  })
}
