import { afterEach, describe, expect, it } from 'vitest'
import type { LaneMark, ReplicationLedger, WriterRow } from '../../gateway/replication/replication-ledger.ts'

const row: WriterRow = {
  site: 'here',
  place: 'p1',
  journal: 'j1',
  writer: 7,
  debt: 3,
  nowMs: 1_000,
  behindMs: 0,
}
const mark: LaneMark = { journal: 'j1', head: 10, nowMs: 1_000, invalidations: 5, values: 9 }

/** What each adapter of the port keeps. `make` gives an empty one. */
export function replicationLedgerContract(name: string, make: () => Promise<ReplicationLedger>): void {
  describe(`${name} keeps the promises of a replication ledger`, () => {
    const open: ReplicationLedger[] = []
    afterEach(async () => {
      for (const ledger of open.splice(0)) await ledger.close()
    })
    const opened = async (): Promise<ReplicationLedger> => {
      const ledger = await make()
      open.push(ledger)
      return ledger
    }

    it('knows nobody of whom nothing was noted', async () => {
      const ledger = await opened()

      expect(await ledger.find('here', 'p1', 0)).toEqual({ row: undefined, mark: undefined })
      expect(await ledger.all()).toEqual([])
      expect(await ledger.forget('here', 'p1')).toBe(false)
    })

    it('knows a writer, when it was heard and how far each of its lanes has come', async () => {
      const ledger = await opened()
      await ledger.note(row, 0, mark)
      await ledger.note({ ...row, debt: 1 }, 3, { ...mark, invalidations: 6 })

      const found = await ledger.find('here', 'p1', 0)

      expect(found).toEqual({ row: { ...row, debt: 1, ageMs: expect.any(Number) }, mark })
      expect(found.row?.ageMs).toBeLessThan(5_000)
      expect((await ledger.find('here', 'p1', 3)).mark).toEqual({ ...mark, invalidations: 6 })
      expect((await ledger.find('here', 'p1', 1)).mark).toBeUndefined()
      expect(await ledger.all()).toEqual([found.row && { ...found.row, ageMs: expect.any(Number) }])
    })

    it('forgets a writer with all of its lanes, and no other', async () => {
      const ledger = await opened()
      await ledger.note(row, 0, mark)
      await ledger.note({ ...row, place: 'p2' }, 0, mark)

      expect(await ledger.forget('here', 'p1')).toBe(true)

      expect(await ledger.find('here', 'p1', 0)).toEqual({ row: undefined, mark: undefined })
      expect((await ledger.all())?.map(({ place }) => place)).toEqual(['p2'])
    })
  })
}
