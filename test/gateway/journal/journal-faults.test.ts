/** A full, broken or slow disk: nothing that was said to stand is lost, and what stands nowhere is said. */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import { nodeJournalFiles } from '../../../gateway/journal/node-journal-files.ts'
import { eventually } from '../../support/eventually.ts'
import { faultyJournalFiles } from '../../support/faulty-journal-files.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { del, newStamp, openJournal, replayed, roomy, set, shipAll } from './journal-bed.ts'

const disk = () => faultyJournalFiles(nodeJournalFiles, seededRandom(1))

describe('a cache journal on a bad disk', () => {
  it('writes a batch that the disk refused once into another segment, and loses nothing', async () => {
    await using folder = await temporaryFolder()
    const { files, faults } = disk()
    let journal = await openJournal(folder.path, { files })
    journal.reader('cloud')
    await journal.append(del('before')).durable
    faults.failing.add('sync')
    faults.failAt = 1
    expect(await journal.append(del('broken')).durable).toBe(true)
    expect(await journal.append(del('after')).durable).toBe(true)
    expect(journal.stats().dirty).toEqual([])
    await journal.close()

    journal = await openJournal(folder.path)
    expect(journal.lost).toBe(false)
    const keys = (await shipAll(journal.reader('cloud'))).map(({ operation }) => operation.key)
    expect(keys).toEqual(['before', 'broken', 'after'])
    await journal.close()
  })

  it('makes the namespace dirty when there is no room for its invalidations, over a restart, until all have the bump', async () => {
    await using folder = await temporaryFolder()
    const limits = { ...roomy, invalidationsBytes: 128 << 10 }
    let journal = await openJournal(folder.path, { limits })
    let cloud = journal.reader('cloud')
    const stamps: bigint[] = []
    for (let i = 0; i < 2_500; i++) {
      stamps.push(newStamp())
      const { durable } = journal.append(del(`a-key-of-some-length-${i}`, stamps.at(-1)))
      if (i % 100 === 99) expect(await durable).toBe(true)
    }
    expect(journal.stats().dirty).toEqual(['shop'])
    expect(journal.stats().bytes.invalidations).toBeLessThanOrEqual(limits.invalidationsBytes)
    expect(cloud.bumps()).toEqual([{ namespace: 'shop', stamp: stamps.at(-1) }])
    await journal.close()

    journal = await openJournal(folder.path, { limits })
    cloud = journal.reader('cloud')
    expect(journal.lost).toBe(false)
    const again = await replayed(journal)
    expect(again[0]).toMatchObject({ kind: 'invalidate', target: 'all', namespace: 'shop', stamp: stamps.at(-1) })
    const told = new Set((await shipAll(cloud)).map(({ operation }) => operation.stamp))
    const [bump] = cloud.bumps()
    expect(bump?.stamp).toBe(stamps.at(-1))
    expect(stamps.every((stamp) => told.has(stamp) || stamp <= (bump?.stamp ?? 0n))).toBe(true)
    expect(cloud.debt().invalidations).toBe(1)
    if (bump !== undefined) cloud.settleBump(bump)
    journal.applied(journal.head)
    expect(cloud.bumps()).toEqual([])
    expect(cloud.debt().invalidations).toBe(0)
    await journal.close()
  })

  it('refuses an invalidation when not even its namespace can be noted', async () => {
    await using folder = await temporaryFolder()
    const { files, faults } = disk()
    const journal = await openJournal(folder.path, { files })
    journal.reader('cloud')
    await journal.append(del('before')).durable
    faults.failing.add('write')
    faults.failAll = true

    expect(await journal.append(del('k')).durable).toBe(false)
    expect(await journal.append(set('k', 'x')).written).toBe(false)

    faults.failAll = false
    expect(await journal.append(del('k')).durable).toBe(true)
    await journal.close()
  })

  it('makes deletes of values that the disk does not take, and of the oldest when there is no room for more', async () => {
    await using folder = await temporaryFolder()
    const limits = { ...roomy, valuesBytes: 192 << 10 }
    const journal = await openJournal(folder.path, { limits })
    const cloud = journal.reader('cloud')
    const written = Array.from({ length: 60 }, (_, i) => ({ key: `v${i}`, stamp: newStamp() }))
    for (const { key, stamp } of written)
      expect(await journal.append(set(key, Buffer.alloc(10_000, 1), stamp)).written).toBe(true)

    expect(journal.stats().bytes.values).toBeLessThanOrEqual(limits.valuesBytes)
    expect(journal.stats().droppedValues).toBeGreaterThan(20)
    const { invalidations, values } = cloud.debt()
    const shipped = await shipAll(cloud)
    for (const { key, stamp } of written)
      expect(shipped.some(({ operation }) => operation.key === key && operation.stamp === stamp)).toBe(true)
    expect(shipped.length).toBe(invalidations + values)
    expect(cloud.debt()).toMatchObject({ invalidations: 0, values: 0, bytes: 0 })
    await journal.close()
  })

  it('goes on with deletes of the values when the disk is full', async () => {
    await using folder = await temporaryFolder()
    const { files, faults } = disk()
    const journal = await openJournal(folder.path, { files })
    const cloud = journal.reader('cloud')
    await journal.append(del('first')).durable
    faults.roomBytes = 0

    expect(await journal.append(set('v', Buffer.alloc(100))).written).toBe(true)
    for (let i = 0; i < 100; i++) expect(await journal.append(set(`v${i}`, Buffer.alloc(2_000))).written).toBe(true)
    expect((await shipAll(cloud)).every(({ operation }) => operation.kind === 'delete')).toBe(true)
    await journal.close()
  })

  it('keeps the newest word on each name when it compacts', async () => {
    await using folder = await temporaryFolder()
    const limits = { ...roomy, invalidationsBytes: 512 << 10 }
    const journal = await openJournal(folder.path, { limits })
    const cloud = journal.reader('cloud')
    const newest = new Map<string, bigint>()
    for (let i = 0; i < 12_000; i++) {
      const key = `key-${i % 50}-of-some-length`
      const stamp = newStamp()
      newest.set(key, stamp)
      const { durable } = journal.append(del(key, stamp))
      if (i % 200 === 199) await durable
    }
    await journal.append(del('end')).durable
    // Nothing is read on while it compacts.
    await journal.idle()

    expect(journal.stats().compactions).toBeGreaterThan(0)
    expect(journal.stats().dirty).toEqual([])
    const owed = cloud.debt().invalidations
    const shipped = await shipAll(cloud)
    expect(shipped.length).toBe(owed)
    for (const [key, stamp] of newest)
      expect(shipped.some(({ operation }) => operation.key === key && operation.stamp === stamp)).toBe(true)
    expect(cloud.debt()).toMatchObject({ invalidations: 0, bytes: 0 })
    await journal.close()
  })

  it('says within its limit that a write stands nowhere when the disk does not answer', async () => {
    await using folder = await temporaryFolder()
    const { files, faults } = disk()
    const journal = await openJournal(folder.path, { files, stallMs: 500 })
    await journal.append(del('before')).durable
    faults.syncMs = 2_000

    const stuck = journal.append(del('stuck'))
    expect(await stuck.durable).toBe(false)
    expect(await journal.append(del('behind')).durable).toBe(false)

    faults.syncMs = 0
    await journal.idle()
    expect(await journal.append(del('after')).durable).toBe(true)
    await journal.close()
  })

  it('finds the prefix of a write that was broken off, and is not lost by it', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      await using folder = await temporaryFolder()
      const { files, faults, release } = faultyJournalFiles(nodeJournalFiles, seededRandom(seed))
      let journal = await openJournal(folder.path, { files })
      journal.reader('cloud')
      for (let i = 0; i < 5; i++) await journal.append(del(`k${i}`)).durable
      faults.tearNext = true
      for (let i = 5; i < 40; i++) journal.append(del(`k${i}`))
      await eventually(() => faults.dead)
      await release()

      journal = await openJournal(folder.path)
      expect(journal.lost, `seed ${seed}`).toBe(false)
      const keys = (await replayed(journal)).map(({ key }) => key)
      expect(keys).toEqual(Array.from({ length: keys.length }, (_, index) => `k${index}`))
      expect(keys.length).toBeGreaterThanOrEqual(5)
      expect(await journal.append(del('more')).durable).toBe(true)
      await journal.close()

      journal = await openJournal(folder.path)
      expect(journal.lost).toBe(false)
      expect((await replayed(journal)).length).toBe(keys.length + 1)
      await journal.close()
    }
  })
})
