/** What every token store promises, whatever it stands on. */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Caller } from '#routes/messages.ts'
import type { TokenStore } from '../../gateway/auth/token-store.ts'
import { eventually } from '../support/eventually.ts'

export interface TokenStoreContract {
  readonly store: () => TokenStore
  /** Writes an entry as its owners would. */
  readonly grant: (token: string, entry: Omit<Caller, 'by' | 'claims'>) => Promise<unknown>
  /** Writes something that is no entry. */
  readonly spoil: (token: string) => Promise<unknown>
  readonly revoke: (token: string) => Promise<unknown>
  readonly skip?: readonly { readonly test: string; readonly reason: string }[]
}

export function tokenStoreContract(name: string, contract: TokenStoreContract): void {
  const { store, grant, spoil, revoke, skip = [] } = contract
  const skipped = new Set(skip.map(({ test }) => test))
  const promise = (sentence: string, check: () => Promise<void>): void => {
    it.skipIf(skipped.has(sentence))(sentence, check)
  }
  const asked = async (token: string): Promise<Caller | undefined> => {
    const recalled = store().recall(token)
    if (recalled === 'unknown') return undefined
    return recalled ?? (await store().find(token))
  }

  describe(`${name} keeps the promises of a token store`, () => {
    promise('a token is found as it was granted, again and again', async () => {
      const token = randomUUID()
      await grant(token, { consumer: 'shop', scopes: ['orders:read', 'orders:write'] })

      for (let time = 0; time < 3; time++) {
        expect(await asked(token)).toMatchObject({ consumer: 'shop', scopes: ['orders:read', 'orders:write'] })
      }
    })

    promise('a token is found whatever its scopes', async () => {
      const token = randomUUID()
      await grant(token, { consumer: 'shop', scopes: [] })

      expect(await asked(token)).toMatchObject({ consumer: 'shop', by: 'token' })
    })

    promise('what nobody granted is unknown, whatever it looks like', async () => {
      for (const token of ['nobody', '$&', '{token}', '__proto__', 'x'.repeat(4_096), '*', 'a b', '\u00e4', '']) {
        expect(await asked(token)).toBeUndefined()
      }
    })

    promise('a token past its end is unknown', async () => {
      const token = randomUUID()
      await grant(token, { consumer: 'shop', scopes: [], expiresAt: Date.now() - 1 })

      expect(await asked(token)).toBeUndefined()
    })

    promise('a token ends while it is remembered', async () => {
      const token = randomUUID()
      const expiresAt = Date.now() + 250
      await grant(token, { consumer: 'shop', scopes: [], expiresAt })
      expect(await asked(token)).toMatchObject({ consumer: 'shop' })

      await eventually(async () => (await asked(token)) === undefined)

      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt)
      expect(Date.now()).toBeLessThan(expiresAt + 500)
    })

    promise('an entry that cannot be read is nobody', async () => {
      const token = randomUUID()
      await spoil(token)

      expect(await asked(token)).toBeUndefined()
    })

    promise('a revoked token is unknown within a second', async () => {
      const token = randomUUID()
      await grant(token, { consumer: 'shop', scopes: [] })
      expect(await asked(token)).toBeDefined()

      await revoke(token)

      await eventually(async () => (await asked(token)) === undefined, { deadlineMs: 1_000 })
    })

    promise('many questions for one token at once have one answer', async () => {
      const token = randomUUID()
      await grant(token, { consumer: 'shop', scopes: [] })

      const answers = await Promise.all(Array.from({ length: 50 }, () => store().find(token)))

      expect(new Set(answers.map((caller) => caller?.consumer))).toEqual(new Set(['shop']))
    })
  })
}
