/** A journal in a folder of its own, and words to fill it with. */
import { Background } from '#server-kit/background.ts'
import { type Clock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { FileJournal } from '../../../gateway/journal/file-journal.ts'
import { type JournalReader, laneCount } from '../../../gateway/journal/journal.ts'
import type { JournalFiles } from '../../../gateway/journal/journal-files.ts'
import { type JournalLimits, openParts } from '../../../gateway/journal/journal-parts.ts'
import { nodeJournalFiles } from '../../../gateway/journal/node-journal-files.ts'
import type { CacheOperation } from '../../../gateway/store/cache-operation.ts'
import { decodeRecord, type Recorded } from '../../../gateway/store/operation-record.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'

export const roomy: JournalLimits = { invalidationsBytes: 64 << 20, valuesBytes: 64 << 20, segmentBytes: 64 << 10 }

export interface BedOptions {
  readonly limits?: JournalLimits
  readonly files?: JournalFiles
  readonly clock?: Clock
  readonly seed?: number
  readonly stallMs?: number
}

/** Opens the slot as a process does that has its lock. */
export async function openJournal(folder: string, options: BedOptions = {}): Promise<FileJournal> {
  const { limits = roomy, files = nodeJournalFiles, clock = systemClock, seed = Date.now(), stallMs } = options
  const random = seededRandom(seed)
  const parts = await openParts({ folder, place: 'here', limits, files, clock, random, log: silentLog })
  const background = new Background(silentLog)
  return new FileJournal({
    parts,
    clock,
    log: silentLog,
    background,
    onEnd: () => undefined,
    ...(stallMs === undefined ? {} : { stallMs }),
  })
}

/** The same, with what was not applied read to its end. */
export async function replayed(journal: FileJournal): Promise<Recorded[]> {
  const operations: Recorded[] = []
  for await (const operation of journal.unapplied()) operations.push(operation)
  return operations
}

let counter = 0
export const newStamp = (ms = Date.now()): bigint => makeStamp(ms, counter++ % 4096, 1)

export const del = (key: string, stamp = newStamp(), namespace = 'shop'): CacheOperation => ({
  kind: 'delete',
  namespace,
  key,
  stamp,
})

export const set = (key: string, value: string | Buffer, stamp = newStamp(), namespace = 'shop'): CacheOperation => ({
  kind: 'set',
  namespace,
  key,
  stamp,
  value: Buffer.from(value),
  flags: 7,
  expiresAtMs: 0,
})

export interface Shipped {
  readonly seq: number
  readonly operation: Recorded
}

/** All that the reader has, lane by lane; with `acknowledge` the destination takes it. */
export async function shipAll(reader: JournalReader, acknowledge = true): Promise<Shipped[]> {
  const shipped: Shipped[] = []
  for (let lane = 0; lane < laneCount; lane++) {
    for (;;) {
      const { invalidations, values } = await reader.take(lane, acknowledge ? 64 : 1_000_000, 1 << 30)
      const all = [...invalidations.records, ...values.records]
      for (const { seq, bytes } of all) {
        const record = decodeRecord(bytes, 0)
        if (record === undefined) throw new Error(`record ${seq} cannot be decoded`)
        shipped.push({ seq, operation: record.operation })
      }
      if (!acknowledge || all.length === 0) break
      const through = {
        invalidations: invalidations.records.at(-1)?.seq ?? invalidations.after,
        values: values.records.at(-1)?.seq ?? values.after,
      }
      reader.acknowledge(lane, through)
    }
  }
  return shipped.sort((a, b) => a.seq - b.seq)
}
