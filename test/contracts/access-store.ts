/** What every access store promises. */
import { describe, expect, it } from 'vitest'
import type { AccessStore } from '../../control-plane/access/access-store.ts'
import type { Make } from './table-store.ts'

export function contract(make: Make<AccessStore>): void {
  describe('an access store', () => {
    it('holds tokens and sessions until they expire', async () => {
      await using made = await make()
      const { store } = made
      const times = { createdBy: 'admin', createdAt: 1, expiresAt: 10 }
      const token = { id: 'A', name: 'ci', sha256: 'aa', scopes: ['read' as const, 'flip' as const], ...times }
      await store.saveToken(token)
      await store.saveToken({ ...token, revokedAt: 4 })
      const session = { sha256: 'bb', name: 'ann', scopes: ['admin' as const], createdAt: 1, expiresAt: 20 }
      await store.saveSession(session)

      expect(await store.tokens()).toEqual([{ ...token, revokedAt: 4 }])
      expect(await store.sessions()).toEqual([session])
      await expect(store.saveToken({ ...token, id: 'B' })).rejects.toThrow()

      await store.forgetExpired(11)
      expect(await store.tokens()).toEqual([])
      expect(await store.sessions()).toEqual([session])
      await store.forgetExpired(21)
      expect(await store.sessions()).toEqual([])
    })
  })
}
