/**
 * Nothing that was said to stand is lost: one process after the other appends, is acknowledged, closes or is killed, on a
 * disk that is nearly full; each destination is told each write, or something that outdoes it. Nothing else is ever told.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import type { FileJournal } from '../../gateway/journal/file-journal.ts'
import { laneCount } from '../../gateway/journal/journal.ts'
import { nodeJournalFiles } from '../../gateway/journal/node-journal-files.ts'
import { type CacheOperation, operationName } from '../../gateway/store/cache-operation.ts'
import { decodeRecord, type Recorded } from '../../gateway/store/operation-record.ts'
import { makeStamp } from '../../gateway/store/stamp.ts'
import { del, openJournal, replayed, set } from '../gateway/journal/journal-bed.ts'
import { type FaultyJournalFiles, faultyJournalFiles } from '../support/faulty-journal-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const sites = ['cloud', 'lab'] as const
const limits = { invalidationsBytes: 6 << 10, valuesBytes: 10 << 10, segmentBytes: 1 << 10 }

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      what: fc.constantFrom('delete' as const, 'delete' as const, 'set' as const, 'intent' as const),
      keys: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 30 }),
      local: fc.boolean(),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ship' as const),
      site: fc.constantFrom(...sites),
      lane: fc.nat({ max: laneCount - 1 }),
      most: fc.integer({ min: 1, max: 40 }),
      keep: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('applied' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'kill' as const, 'tear' as const) }) },
)

/** What one write was, and whether it was said to stand. */
interface Written {
  readonly seq: number
  readonly operation: CacheOperation
  readonly local: boolean
  stands: boolean
}

class World {
  readonly written: Written[] = []
  readonly allowed = new Set<string>()
  readonly told = new Map<string, { stamps: Map<string, bigint>; bumps: Map<string, bigint> }>()
  readonly #folder: string
  readonly #seed: number
  journal!: FileJournal
  #disk!: FaultyJournalFiles
  #stamp = 0
  #openings = 0
  #applied = 0

  constructor(folder: string, seed: number) {
    this.#folder = folder
    this.#seed = seed
    for (const site of sites) this.told.set(site, { stamps: new Map(), bumps: new Map() })
  }

  async open(): Promise<void> {
    this.#disk = faultyJournalFiles(nodeJournalFiles, seededRandom(this.#seed + this.#openings++))
    this.journal = await openJournal(this.#folder, {
      files: this.#disk.files,
      limits,
      seed: this.#seed + this.#openings,
    })
    expect(this.journal.lost).toBe(false)
    for (const site of sites) this.journal.reader(site)
    const again = await replayed(this.journal)
    const heard = { stamps: new Map<string, bigint>(), bumps: new Map<string, bigint>() }
    for (const operation of again) this.#hear(heard, operation)
    for (const each of this.written)
      if (each.stands && each.seq > this.#applied) expect(isCovered(heard, each), `replay of ${each.seq}`).toBe(true)
  }

  append(kind: 'delete' | 'set' | 'intent', key: number, local: boolean): Promise<boolean> {
    const stamp = makeStamp(Date.now(), this.#stamp++ % 4096, 1)
    const name = `a-key-of-some-length-${key}`
    this.allowed.add(`${name}@${stamp}`)
    if (kind === 'intent') return this.journal.intend({ kind, namespace: 'shop', key: name, stamp }).written
    const operation = kind === 'delete' ? del(name, stamp) : set(name, Buffer.alloc(key * 20), stamp)
    const { seq, durable } = this.journal.append(operation, { local })
    const written: Written = { seq, operation, local, stands: false }
    this.written.push(written)
    return durable.then((stands) => {
      written.stands = stands
      return stands
    })
  }

  async ship(site: string, lane: number, most: number, keep: boolean): Promise<number> {
    const reader = this.journal.reader(site)
    const heard = this.told.get(site)
    if (heard === undefined) return 0
    for (const bump of reader.bumps()) {
      this.#hear(heard, { kind: 'invalidate', target: 'all', key: '', ...bump })
      reader.settleBump(bump)
    }
    const { invalidations, values } = await reader.take(lane, most, 1 << 20)
    for (const { bytes } of [...invalidations.records, ...values.records]) {
      const record = decodeRecord(bytes, 0)
      expect(record).toBeDefined()
      if (record !== undefined) this.#hear(heard, record.operation)
    }
    if (!keep)
      reader.acknowledge(lane, {
        invalidations: invalidations.records.at(-1)?.seq ?? 0,
        values: values.records.at(-1)?.seq ?? 0,
      })
    return invalidations.records.length + values.records.length
  }

  async applied(): Promise<void> {
    await this.journal.idle()
    this.#applied = this.journal.head
    this.journal.applied(this.#applied)
  }

  async end(how: 'close' | 'kill' | 'tear'): Promise<void> {
    if (how === 'close') await this.journal.close()
    else {
      if (how === 'tear') this.#disk.faults.tearNext = true
      else this.#disk.faults.dead = true
      for (let key = 0; key < 20; key++) void this.append('delete', key, false)
      // What was said up to now was said.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      if (how === 'tear') await new Promise((resolve) => setTimeout(resolve, 3))
      await this.#disk.release()
    }
  }

  /** Everything is shipped; then each destination has heard enough. */
  async settle(): Promise<void> {
    await this.journal.idle()
    for (const site of sites) {
      for (let lane = 0; lane < laneCount; lane++) while ((await this.ship(site, lane, 100, false)) > 0);
      expect(this.journal.reader(site).debt()).toMatchObject({ invalidations: 0, values: 0, bytes: 0 })
      const heard = this.told.get(site)
      for (const each of this.written)
        if (each.stands && !each.local && heard !== undefined && !this.#isOvertaken(each))
          expect(isCovered(heard, each), `${site} and ${each.seq}`).toBe(true)
    }
    await this.journal.close()
  }

  /** By a newer write that came from another site, which tells it to everyone by itself: of the two only that one need be kept. */
  #isOvertaken({ operation }: Written): boolean {
    return this.written.some(
      ({ local, operation: other }) => local && other.key === operation.key && other.stamp > operation.stamp,
    )
  }

  #hear(heard: Heard, operation: Recorded): void {
    if (operation.kind === 'invalidate') {
      if ((heard.bumps.get(operation.namespace) ?? 0n) < operation.stamp)
        heard.bumps.set(operation.namespace, operation.stamp)
      return
    }
    expect(this.allowed.has(`${operation.key}@${operation.stamp}`), 'it was never written').toBe(true)
    const name = operationName(operation as CacheOperation)
    if ((heard.stamps.get(name) ?? 0n) < operation.stamp) heard.stamps.set(name, operation.stamp)
  }
}

type Heard = { readonly stamps: Map<string, bigint>; readonly bumps: Map<string, bigint> }

const isCovered = ({ stamps, bumps }: Heard, { operation }: Written): boolean =>
  (stamps.get(operationName(operation)) ?? 0n) >= operation.stamp ||
  (bumps.get(operation.namespace) ?? 0n) >= operation.stamp

describe('a cache journal over many lives', () => {
  it('Store J1-J6: loses nothing that was said to stand, and tells nothing that was not written', async () => {
    const seen = { dropped: 0, compacted: 0, dirty: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), fc.integer(), async (steps, seed) => {
        await using folder = await temporaryFolder()
        const world = new World(folder.path, seed)
        await world.open()
        for (const one of steps) {
          if (one.kind === 'ship') await world.ship(one.site, one.lane, one.most, one.keep)
          else if (one.kind === 'applied') await world.applied()
          else if (one.kind !== 'write') {
            await world.end(one.kind)
            await world.open()
          } else {
            const waits = one.keys.map((key) => world.append(one.what, key, one.local))
            if (one.wait) await Promise.all(waits)
          }
          const { droppedValues, compactions, dirty } = world.journal.stats()
          seen.dropped += droppedValues
          seen.compacted += compactions
          seen.dirty += dirty.length
        }
        await world.settle()
      }),
      { numRuns: 40 },
    )
    expect(Math.min(seen.dropped, seen.compacted, seen.dirty), JSON.stringify(seen)).toBeGreaterThan(0)
  }, 120_000)
})
