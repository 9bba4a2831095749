import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { seededRandom } from '#server-kit/random.ts'
import { laneCount, type Taken } from '../../../gateway/journal/journal.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import type { MemoryReaderLimits } from '../../../gateway/journal/memory-reader.ts'
import type { CacheOperation } from '../../../gateway/store/cache-operation.ts'
import { decodeRecord } from '../../../gateway/store/operation-record.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'

function journaling(limits: Partial<MemoryReaderLimits> = {}) {
  const clock = new HeldClock()
  const journal = new MemoryJournal({ clock, random: seededRandom(1), limits })
  const reader = journal.reader('there')
  let n = 0
  const place = (key: string) => ({ namespace: 'shop', key, stamp: makeStamp(clock.now(), ++n, 1) })
  const set = (key: string, bytes = 10): CacheOperation => ({
    kind: 'set',
    ...place(key),
    value: Buffer.alloc(bytes),
    flags: 0,
    expiresAtMs: 0,
  })
  const del = (key: string): CacheOperation => ({ kind: 'delete', ...place(key) })
  /** Of all lanes. */
  const take = async (most = 512): Promise<Taken[]> =>
    Promise.all(Array.from({ length: laneCount }, (_, lane) => reader.take(lane, most, 1_000_000)))
  const short = async (): Promise<string[]> =>
    (await take()).flatMap(({ invalidations, values }) =>
      [...invalidations.records, ...values.records].map(({ bytes }) => {
        const operation = decodeRecord(bytes, 0)?.operation
        return `${operation?.kind} ${operation?.key}`
      }),
    )
  const acknowledgeAll = async (): Promise<void> => {
    for (const [lane, { invalidations, values }] of (await take()).entries()) {
      const through = ({ after, records }: typeof values): number => records.at(-1)?.seq ?? after
      reader.acknowledge(lane, { invalidations: through(invalidations), values: through(values) })
    }
  }
  return { clock, journal, reader, set, del, take, short, acknowledgeAll }
}

describe('a journal in memory', () => {
  it('gives what is not acknowledged, again and again, and then no more', async () => {
    const { journal, set, del, short, acknowledgeAll } = journaling()
    journal.append(set('a'))
    journal.append(del('b'))

    expect((await short()).sort()).toEqual(['delete b', 'set a'])
    expect((await short()).sort()).toEqual(['delete b', 'set a'])
    await acknowledgeAll()
    expect(await short()).toEqual([])
  })

  it('gives invalidations first, at most so many, and at least one', async () => {
    const { journal, reader, set, del } = journaling()
    for (let i = 0; i < 40; i++) journal.append(set(`v${i}`, 100))
    for (let i = 0; i < 40; i++) journal.append(del(`d${i}`))

    const few = await reader.take(0, 3, 1_000_000)
    expect([few.invalidations.records.length, few.values.records.length]).toEqual([3, 0])
    const one = await reader.take(0, 512, 1)
    expect(one.invalidations.records).toHaveLength(1)
  })

  it('keeps the newest write of a key, and a write that came while an older one was under way', async () => {
    const { journal, reader, set, del, take, short } = journaling()
    journal.append(set('a'))
    const [lane] = (await take()).flatMap(({ values }, at) => (values.records.length > 0 ? [{ at, values }] : []))
    journal.append(del('a'))
    journal.append({ ...set('a'), stamp: 1n } as CacheOperation)

    reader.acknowledge(lane?.at ?? 0, { invalidations: 0, values: lane?.values.records[0]?.seq ?? 0 })

    expect(await short()).toEqual(['delete a'])
  })

  it('owes a delete until it is acknowledged, also when a newer value stands for it', async () => {
    const { clock, journal, reader, set, del, short, acknowledgeAll } = journaling()
    journal.append(del('a'))
    clock.advance(25)
    journal.append(del('a'))
    journal.append(set('a'))

    expect(reader.debt()).toMatchObject({ invalidations: 1, values: 1, oldestSinceMs: clock.now() - 25 })
    expect(await short()).toEqual(['delete a', 'set a'])
    await acknowledgeAll()
    expect(reader.debt()).toMatchObject({ invalidations: 0, values: 0, bytes: 0, oldestSinceMs: undefined })
    expect(reader.debt().byNamespace.size).toBe(0)
  })

  it('Store J4: gives up the oldest values for deletes when room is short', async () => {
    const { clock, journal, reader, set, short } = journaling({ valuesBytes: 4_000 })
    for (let i = 0; i < 60; i++) journal.append(set(`k${i}`, 100))
    clock.advance(1_000)

    const left = await short()

    expect(new Set(left.map((each) => each.split(' ')[1])).size).toBe(60)
    expect(left.filter((each) => each.startsWith('set')).length).toBeLessThan(40)
    expect(journal.stats().bytes.values).toBeLessThanOrEqual(4_000)
    expect(journal.stats().droppedValues).toBe(left.filter((each) => each.startsWith('delete')).length)
    // What was given up waits since it was written.
    expect(reader.debt().oldestSinceMs).toBe(clock.now() - 1_000)
  })

  it('Store J3: gives a value that became too old on the way as a delete', async () => {
    const { clock, journal, set, short } = journaling()
    journal.append(set('a'))
    clock.advance(600_001)

    expect(await short()).toEqual(['delete a'])
  })

  it('Store J5: makes one bump of the invalidations of a namespace when there are too many, with the newest stamp', async () => {
    const { journal, reader, del, set } = journaling({ invalidations: 10 })
    journal.append({ ...del('x'), namespace: 'beside' })
    const last = Array.from({ length: 11 }, (_, i) => del(`k${i}`))
    for (const each of last) journal.append(each)
    journal.append(set('kept'))

    const bumps = reader.bumps()
    expect(bumps).toMatchObject([{ namespace: 'shop', stamp: last[9]?.stamp }])
    expect(reader.debt()).toMatchObject({ invalidations: 3, values: 1 })
    expect(journal.stats().dirty).toEqual(['shop'])

    for (const bump of bumps) reader.settleBump(bump)
    expect([reader.bumps(), journal.stats().dirty]).toEqual([[], []])
  })

  it('tells when a lane that had nothing has something, and gives nothing of what is for this site alone', async () => {
    const { journal, reader, del, short } = journaling()
    const told: number[] = []
    const end = reader.onMore((lane) => told.push(lane))
    journal.append(del('a'), { local: true })
    journal.intend({ kind: 'intent', namespace: 'shop', key: 'a', stamp: 1n })
    expect([told, await short()]).toEqual([[], []])

    journal.append(del('a'))
    journal.append(del('a'))
    expect(told).toHaveLength(1)
    end()
  })

  it('keeps its sums and its limits under any traffic, and forgets nothing that was taken away', () => {
    const step = fc.record({
      key: fc.nat({ max: 12 }),
      bytes: fc.nat({ max: 300 }),
      what: fc.constantFrom('set', 'delete', 'ship'),
    })
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { journal, reader, set, del, take, acknowledgeAll } = journaling({ invalidations: 6, valuesBytes: 2_000 })
        const owed = new Set<string>()
        for (const { key, bytes, what } of steps) {
          if (what === 'ship') {
            await acknowledgeAll()
            for (const bump of reader.bumps()) reader.settleBump(bump)
            owed.clear()
          } else {
            journal.append(what === 'set' ? set(`k${key}`, bytes) : del(`k${key}`))
            owed.add(`k${key}`)
          }
          const taken = await take()
          const all = (log: 'invalidations' | 'values') => taken.flatMap((each) => [...each[log].records])
          const sum = (log: 'invalidations' | 'values'): number =>
            all(log).reduce((total, each) => total + each.bytes.length, 0)
          expect(journal.stats().bytes).toEqual({ invalidations: sum('invalidations'), values: sum('values') })
          expect(sum('values')).toBeLessThanOrEqual(2_000)
          expect(all('invalidations').length).toBeLessThanOrEqual(6)
          const told = new Set(
            [...all('invalidations'), ...all('values')].map(
              ({ bytes: record }) => decodeRecord(record, 0)?.operation.key,
            ),
          )
          for (const each of owed) expect(told.has(each) || reader.bumps().length > 0).toBe(true)
        }
      }),
    )
  })
})
