import { stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock as clock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { KeptLedger } from '../../../gateway/replication/kept-ledger.ts'
import { silentMs } from '../../../gateway/replication/replication-ledger.ts'
import { replicationLedgerContract } from '../../contracts/replication-ledger.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let files = 0
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

const path = (): string => folder.file(`writers/${files++}.json`)
const never = async (): Promise<boolean> => {
  throw new Error('nothing was lost')
}
const row = { site: 'here', place: 'p', journal: 'j', writer: 1, debt: 0, nowMs: 1_000, behindMs: 0 }
const mark = { journal: 'j', head: 1, nowMs: 1_000, invalidations: 1, values: 0 }

replicationLedgerContract('the ledger in the home folder', () =>
  KeptLedger.open({ path: path(), clock, log: silentLog }, never),
)

describe('a ledger that is kept', () => {
  it('Store J7: knows after a restart who wrote here, and that nobody has heard them since', async () => {
    const options = { path: path(), clock, log: silentLog }
    const before = await KeptLedger.open(options, never)
    await before.note(row, 0, mark)
    await before.note({ ...row, place: 'parted' }, 0, mark)
    await before.forget('here', 'parted')
    await before.close()

    const after = await KeptLedger.open(options, never)

    expect(await after.all()).toEqual([{ ...row, ageMs: expect.any(Number) }])
    const found = await after.find('here', 'p', 0)
    expect(found.row?.ageMs).toBeGreaterThan(silentMs)
    expect(found.mark).toBeUndefined()
  })

  it('is for its own user alone', async () => {
    const file = path()
    const ledger = await KeptLedger.open({ path: file, clock, log: silentLog }, never)
    await ledger.note(row, 0, mark)

    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('Store J6: gives up all values when what it kept cannot be read, for nobody knows then whom to wait for', async () => {
    const errors: string[] = []
    let raised = 0
    const giveUpAll = async (): Promise<boolean> => ++raised > 0
    const log: Log = { ...silentLog, error: (_, text) => errors.push(text) }
    const ledger = await KeptLedger.open({ path: path(), clock, log }, never)
    await ledger.note(row, 0, mark)
    for (const text of ['{', '{"writers":[{"site":1}]}']) {
      await writeFile(folder.file(`writers/${files - 1}.json`), text)

      const again = await KeptLedger.open({ path: folder.file(`writers/${files - 1}.json`), clock, log }, giveUpAll)

      expect(await again.all()).toEqual([])
    }
    expect([errors.length, raised]).toEqual([2, 2])
  })
})
