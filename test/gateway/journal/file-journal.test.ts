import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { del, newStamp, openJournal, replayed, set, shipAll } from './journal-bed.ts'

describe('a cache journal', () => {
  it('gives each destination all records of its lanes, once acknowledged never again, over a restart', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    let cloud = journal.reader('cloud')
    for (let i = 0; i < 20; i++) journal.append(i % 3 === 0 ? set(`v${i}`, 'x') : del(`k${i}`))
    expect(await journal.append(del('last')).durable).toBe(true)
    await journal.idle()

    const first = await shipAll(cloud)
    expect(first.map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
    await journal.append(del('later')).durable
    await journal.close()

    journal = await openJournal(folder.path)
    cloud = journal.reader('cloud')
    expect(cloud.debt()).toMatchObject({ invalidations: 1, values: 0 })
    expect((await shipAll(cloud)).map(({ operation }) => operation)).toMatchObject([{ kind: 'delete', key: 'later' }])
    expect(cloud.debt()).toMatchObject({ invalidations: 0, oldestSinceMs: undefined })
    expect((await shipAll(journal.reader('other'))).length).toBe(22)
    await journal.close()
  })

  it('gives the same records again until they are acknowledged', async () => {
    await using folder = await temporaryFolder()
    const journal = await openJournal(folder.path)
    const cloud = journal.reader('cloud')
    for (let i = 0; i < 8; i++) await journal.append(del(`k${i}`)).durable

    expect((await shipAll(cloud, false)).length).toBe(8)
    expect((await shipAll(cloud, false)).length).toBe(8)
    await journal.close()
  })

  it('tells a lane that had nothing as soon as it has something, and not before it is durable', async () => {
    await using folder = await temporaryFolder()
    const journal = await openJournal(folder.path)
    const cloud = journal.reader('cloud')
    const told: number[] = []
    cloud.onMore((lane) => told.push(lane))

    const appended = journal.append(del('k'))
    expect(told).toEqual([])
    await appended.durable
    await journal.append(del('k')).durable

    expect(told.length).toBe(1)
    await journal.close()
  })

  it('counts what is owed by namespace and says since when', async () => {
    await using folder = await temporaryFolder()
    const clock = new HeldClock(Date.now())
    const journal = await openJournal(folder.path, { clock })
    const cloud = journal.reader('cloud')
    const since = clock.now()
    await journal.append(del('a', newStamp(), 'shop')).durable
    clock.advance(500)
    await journal.append(del('b', newStamp(), 'users')).durable
    await journal.append(del('c', newStamp(), 'users')).durable

    const { byNamespace, oldestSinceMs } = cloud.debt()
    expect(Object.fromEntries(byNamespace)).toEqual({ shop: 1, users: 2 })
    expect(oldestSinceMs).toBe(since)
    await journal.close()
  })

  it('repeats after a restart what was not applied, in order, and nothing that was', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    for (let i = 0; i < 6; i++) journal.append(i % 2 === 0 ? set(`k${i}`, 'x') : del(`k${i}`))
    const { seq } = journal.append(del('local'), { local: true })
    journal.applied(3)
    await journal.close()

    journal = await openJournal(folder.path)
    const again = await replayed(journal)
    expect(again.map(({ key }) => key)).toEqual(['k3', 'k4', 'k5', 'local'])
    expect((await shipAll(journal.reader('cloud'))).map(({ operation }) => operation.key)).not.toContain('local')
    journal.applied(seq)
    await journal.close()

    journal = await openJournal(folder.path)
    expect(await replayed(journal)).toEqual([])
    await journal.close()
  })

  it('believes nobody that all is applied before what was not was read', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    const { seq, durable } = journal.append(del('k'))
    await durable
    await journal.close()

    journal = await openJournal(folder.path)
    journal.applied(seq)
    await journal.close()

    journal = await openJournal(folder.path)
    expect(await replayed(journal)).toHaveLength(1)
    await journal.close()
  })

  it('makes a delete of an intent that nothing followed, here and for the other sites', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    const [followed, refused, older] = [newStamp(), newStamp(), newStamp()]
    journal.intend({ kind: 'intent', namespace: 'shop', key: 'followed', stamp: followed })
    journal.intend({ kind: 'intent', namespace: 'shop', key: 'refused', stamp: refused })
    journal.intend({ kind: 'intent', namespace: 'shop', key: 'older', stamp: newStamp() })
    journal.append(set('followed', 'x', followed))
    await journal.append(del('older', older)).durable
    await journal.close()

    journal = await openJournal(folder.path)
    const cloud = journal.reader('cloud')
    const again = await replayed(journal)
    expect(again.filter(({ kind }) => kind === 'delete').map(({ key }) => key)).toEqual(['older', 'refused', 'older'])
    expect(again).toContainEqual({ kind: 'delete', namespace: 'shop', key: 'refused', stamp: refused })
    const shipped = (await shipAll(cloud)).map(({ operation }) => operation)
    expect(shipped).toContainEqual({ kind: 'delete', namespace: 'shop', key: 'refused', stamp: refused })
    expect(shipped.filter(({ key }) => key === 'followed')).toMatchObject([{ kind: 'set' }])
    await journal.close()
  })

  it('ships a value that is older than its tombstones last, or expired, as a delete with its stamp', async () => {
    await using folder = await temporaryFolder()
    const clock = new HeldClock(Date.now())
    const journal = await openJournal(folder.path, { clock })
    const cloud = journal.reader('cloud')
    const stamp = newStamp(clock.now())
    await journal.append(set('old', 'x', stamp)).written
    await journal.append({
      ...set('short', 'x', newStamp(clock.now() + 700_000)),
      expiresAtMs: clock.now() + 5_000,
    } as never).written
    clock.advance(600_001)

    const shipped = (await shipAll(cloud)).map(({ operation }) => operation)
    expect(shipped).toContainEqual({ kind: 'delete', namespace: 'shop', key: 'old', stamp })
    expect(shipped.map(({ kind }) => kind)).toEqual(['delete', 'delete'])
    await journal.close()
  })

  it('lets go of segments that everybody has, and keeps its numbers and stamps', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    const cloud = journal.reader('cloud')
    for (let i = 0; i < 40; i++) await journal.append(set(`v${i}`, Buffer.alloc(8_000, i))).written
    await journal.append(del('k')).durable
    const { head, newestStamp } = journal
    const { bytes } = journal.stats()
    expect(bytes.values).toBeGreaterThan(3 * 64 * 1024)

    await shipAll(cloud)
    journal.applied(head)
    await eventually(() => journal.stats().bytes.values <= 64 * 1024)
    await journal.close()

    journal = await openJournal(folder.path)
    expect(journal.head).toBe(head)
    expect(journal.newestStamp).toBe(newestStamp)
    expect(journal.lost).toBe(false)
    await journal.close()
  })

  it('waits for a destination that it knows, also while nobody reads for it, until it is forgotten', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    journal.reader('cloud')
    await journal.append(del('k')).durable
    await journal.close()

    journal = await openJournal(folder.path)
    expect(journal.destinations()).toEqual(['cloud'])
    await replayed(journal)
    for (let i = 0; i < 40; i++) await journal.append(set(`v${i}`, Buffer.alloc(8_000, i))).written
    journal.applied(journal.head)
    await journal.forget('cloud')
    expect(journal.destinations()).toEqual([])
    journal.applied(journal.append(del('k')).seq)
    await eventually(() => journal.stats().bytes.values <= 64 * 1024)
    await journal.close()
  })

  it('begins anew in its slot once it is retired, above the stamps that it had', async () => {
    await using folder = await temporaryFolder()
    let journal = await openJournal(folder.path)
    const { id } = journal
    await journal.append(del('k')).durable
    const { newestStamp } = journal
    journal.reader('cloud')
    await journal.retire()

    journal = await openJournal(folder.path)
    expect(journal.id).not.toBe(id)
    expect(journal.lost).toBe(false)
    expect(await replayed(journal)).toEqual([])
    expect(journal.newestStamp).toBe(newestStamp)
    await journal.close()
  })

  it('takes nothing any more once it is closed', async () => {
    await using folder = await temporaryFolder()
    const journal = await openJournal(folder.path)
    await journal.close()

    expect(await journal.append(del('k')).durable).toBe(false)
  })
})
