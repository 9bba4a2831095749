/** What is left of a journal whose files were damaged: a prefix that is whole, or word that it is lost; never an invention. */
import { cp, rm, truncate } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import type { CacheOperation } from '../../../gateway/store/cache-operation.ts'
import { damageFile } from '../../support/damaged-files.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { del, openJournal, replayed, set, shipAll } from './journal-bed.ts'

const text = (operation: unknown): string =>
  JSON.stringify(operation, (_, value) => (typeof value === 'bigint' ? String(value) : value))

/** Several segments of both logs, and a marks file. */
async function filledJournal(folder: string): Promise<Map<string, CacheOperation>> {
  const journal = await openJournal(folder)
  const cloud = journal.reader('cloud')
  const appended = new Map<string, CacheOperation>()
  for (let i = 0; i < 400; i++) {
    const operation = i % 2 === 0 ? del(`key-${i}`.padEnd(500, '.')) : set(`key-${i}`, Buffer.alloc(600, i))
    appended.set(text(operation), operation)
    const { durable } = journal.append(operation)
    if (i % 20 === 19) await durable
  }
  // Not all of it, so that marks stand in the middle.
  for (let lane = 0; lane < 2; lane++) {
    const { invalidations, values } = await cloud.take(lane, 10, 1 << 20)
    cloud.acknowledge(lane, {
      invalidations: invalidations.records.at(-1)?.seq ?? 0,
      values: values.records.at(-1)?.seq ?? 0,
    })
  }
  await journal.close()
  return appended
}

describe('a damaged cache journal', () => {
  it('Store I11: any cut or flipped bit leaves all that was there, or word that something is lost; nothing is invented', async () => {
    await using whole = await temporaryFolder()
    const appended = await filledJournal(whole.file('slot'))
    let lost = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('cut' as const, 'flip' as const), fc.integer(), async (kind, seed) => {
        await using folder = await temporaryFolder()
        await cp(whole.file('slot'), folder.file('slot'), { recursive: true })
        await damageFile(folder.file('slot'), kind, seededRandom(seed))

        const journal = await openJournal(folder.file('slot'))
        const again = (await replayed(journal)).map(text)
        const shipped = (await shipAll(journal.reader('cloud'))).map(({ operation }) => text(operation))
        for (const each of [...again, ...shipped]) expect(appended.has(each)).toBe(true)
        if (journal.lost) lost++
        else expect(new Set(again)).toEqual(new Set(appended.keys()))
        if (!journal.lost) expect(shipped.length).toBeGreaterThanOrEqual(appended.size - 40)
        expect(await journal.append(del('more')).durable).toBe(true)
        await journal.close()
      }),
      { numRuns: 60 },
    )
    expect(lost).toBeGreaterThan(0)
  }, 60_000)

  it('Store J6: a lost journal goes on under another id at the same place, and stays lost until the floor is raised', async () => {
    await using folder = await temporaryFolder()
    await filledJournal(folder.file('slot'))
    let journal = await openJournal(folder.file('slot'))
    const { id, place, head, newestStamp } = journal
    await journal.close()
    for (let seed = 1; ; seed++) {
      await damageFile(folder.file('slot'), 'cut', seededRandom(seed))
      journal = await openJournal(folder.file('slot'))
      if (journal.lost) break
      await journal.close()
    }
    expect(journal.id).not.toBe(id)
    expect(journal.place).toBe(place)
    expect(journal.head).toBeGreaterThan(0)
    expect(journal.head).toBeLessThanOrEqual(head)
    expect(journal.newestStamp).toBeLessThanOrEqual(newestStamp)
    await journal.close()

    journal = await openJournal(folder.file('slot'))
    expect(journal.lost).toBe(true)
    expect(await journal.settleLoss()).toBe(true)
    await journal.close()

    journal = await openJournal(folder.file('slot'))
    expect(journal.lost).toBe(false)
    await journal.close()
  })

  it('Store J6: a journal whose files are gone but for one is lost', async () => {
    await using folder = await temporaryFolder()
    await filledJournal(folder.file('slot'))
    await rm(folder.file('slot/state'))

    const journal = await openJournal(folder.file('slot'))
    expect(journal.lost).toBe(true)
    await journal.close()
  })

  it('Store J6: says that it follows a loss until every destination has answered, over restarts', async () => {
    await using folder = await temporaryFolder()
    await filledJournal(folder.file('slot'))
    await truncate(folder.file('slot/state'), 100)
    let journal = await openJournal(folder.file('slot'))
    for (const name of ['cloud', 'far']) journal.reader(name)
    await journal.settleLoss()
    expect(journal.afterLoss).toBe(true)
    journal.knowsLoss('cloud')
    await journal.close()

    journal = await openJournal(folder.file('slot'))
    for (const name of ['cloud', 'far']) journal.reader(name)
    expect([journal.lost, journal.afterLoss]).toEqual([false, true])
    for (const name of journal.destinations()) journal.knowsLoss(name)
    expect(journal.afterLoss).toBe(false)
    await journal.close()

    journal = await openJournal(folder.file('slot'))
    expect(journal.afterLoss).toBe(false)
    await journal.close()
  })

  it('Store J6: is whole again after a loss, whichever file it was', async () => {
    for (const file of ['dirty', 'state']) {
      await using folder = await temporaryFolder()
      await filledJournal(folder.file('slot'))
      await truncate(folder.file(`slot/${file}`), 100)
      let journal = await openJournal(folder.file('slot'))
      expect(journal.lost).toBe(true)
      expect(await journal.append(del('k')).durable).toBe(true)
      expect(await journal.settleLoss()).toBe(true)
      const { id } = journal
      await journal.close()

      journal = await openJournal(folder.file('slot'))
      expect([journal.lost, journal.id]).toEqual([false, id])
      expect((await replayed(journal)).map(({ key }) => key)).toEqual(['k'])
      await journal.close()
    }
  })
})
