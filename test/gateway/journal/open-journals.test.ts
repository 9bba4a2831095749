import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { openJournals } from '../../../gateway/journal/open-journals.ts'
import { eventually } from '../../support/eventually.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { del, roomy } from './journal-bed.ts'

const options = (folder: string) => ({
  folder,
  site: 'here',
  limits: roomy,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  background: new Background(silentLog),
})

describe('cache journals of one home', () => {
  it('never gives one slot to two processes that live', async () => {
    await using folder = await temporaryFolder()
    const all = await Promise.all(Array.from({ length: 6 }, () => openJournals(options(folder.path))))

    expect(new Set(all.map(({ own }) => own.place)).size).toBe(6)
    for (const journals of all) await journals.close()
  })

  it('gives a slot that was closed to the next process, with its journal', async () => {
    await using folder = await temporaryFolder()
    let journals = await openJournals(options(folder.path))
    const { id, place } = journals.own
    await journals.own.append(del('k')).durable
    await journals.close()

    journals = await openJournals(options(folder.path))
    expect([journals.own.id, journals.own.place, journals.own.head]).toEqual([id, place, 1])
    await journals.close()
  })

  it('adopts what a process left that is not there any more, and no empty slot', async () => {
    await using folder = await temporaryFolder()
    const [first, second, third] = [
      await openJournals(options(folder.path)),
      await openJournals(options(folder.path)),
      await openJournals(options(folder.path)),
    ]
    const { place } = second.own
    await second.own.append(del('k')).durable
    await third.own.retire()
    await second.close()

    await eventually(() => first.adopted.length === 1, { deadlineMs: 10_000 })
    expect(first.adopted[0]?.place).toBe(place)
    await first.close()
    await third.close()
  })

  it('says what is wrong with a folder that cannot be used', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('taken'), '')

    await expect(openJournals(options(folder.file('taken')))).rejects.toMatchObject({ code: 'cache-journal-unusable' })
  })
})
