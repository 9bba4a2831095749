/** What every audit log promises. */
import { describe, expect, it } from 'vitest'
import type { AuditLog } from '../../control-plane/audit/audit-log.ts'
import { chainFault, emptyHead, record } from '../../control-plane/audit/chain.ts'
import type { AuditFacts } from '../../control-plane/audit/entry.ts'
import type { Make } from './table-store.ts'

const facts: AuditFacts = {
  at: 1,
  actor: 'ops',
  via: 'api',
  action: 'unit.flip',
  object: 'orders',
  before: { b: 1, a: [undefined, { c: undefined }] },
  after: undefined,
  reason: 'why — "ä"',
  requestId: 'r1',
}

export function contract(make: Make<AuditLog>): void {
  describe('an audit log', () => {
    it('gives entries back so that their hashes still hold, whatever values they carry', async () => {
      await using made = await make()
      const { store } = made
      expect(await store.head()).toEqual(emptyHead)
      await record(store, facts)
      await record(store, { ...facts, tableNumber: 4, epoch: 7, after: { placements: [] } })
      const last = await record(store, facts)

      let head = emptyHead
      for (const entry of await store.list(0, 10)) {
        expect(chainFault(head, entry)).toBeUndefined()
        head = entry
      }
      expect(head.hash).toBe(last.hash)
      expect(await store.head()).toEqual({ seq: 3, hash: last.hash })
      expect((await store.list(1, 1)).map(({ seq }) => seq)).toEqual([2])
    })

    it('never takes the same place twice', async () => {
      await using made = await make()
      const { store } = made
      const entry = await record(store, facts)
      await expect(store.append(entry)).rejects.toThrow()
    })
  })
}
