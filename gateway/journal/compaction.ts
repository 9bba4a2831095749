import { encodeFrame, frameOverheadBytes } from './frame.ts'
import { LogCursor, type ReadRecord } from './log-cursor.ts'
import { type NameHash, NewestNames, nameHash, SeenNames } from './newest-names.ts'
import { type Segment, segmentHeadBytes } from './segment.ts'
import type { SegmentedLog } from './segmented-log.ts'

export interface CompactionOptions {
  readonly log: SegmentedLog
  /** Nobody has to be told it any more. */
  readonly isPassed: (record: Buffer) => boolean
  /** Called for each record that is left out, before the new segments take the place of the old ones. */
  readonly onDropped: (record: Buffer) => void
  /** Called in the turn in which they do. */
  readonly onReplaced: () => void
  /** For tests: one with collisions. */
  readonly hash?: NameHash
}

const readBytes = 256 * 1024
const frameTargetBytes = 256 * 1024

/**
 * Writes the finished segments of a log anew without what is superseded: of records with one name the one with the newest
 * stamp is kept. False: it would not free a segment, and nothing was changed. Reads them three times; needs as much room on
 * the disk meanwhile as what is kept, and 52 MiB of memory. Nobody may read from the log while this runs.
 */
export async function compact(options: CompactionOptions): Promise<boolean> {
  const { log, isPassed, hash = nameHash } = options
  const old = log.segments.slice(0, -1)
  const through = old.at(-1)?.lastSeq ?? 0
  if (through === 0) return false
  let passedBytes = 0
  const seen = new SeenNames(hash)
  for await (const { bytes } of records(log, through)) {
    if (isPassed(bytes)) passedBytes += bytes.length
    else seen.add(bytes, 0)
  }
  const newest = new NewestNames(hash)
  for await (const { bytes } of records(log, through))
    if (seen.isTwice(bytes, 0) && !isPassed(bytes)) newest.add(bytes, 0, bytes.length)
  if (passedBytes + newest.supersededBytes < log.segmentBytes) return false

  const isKept = (bytes: Buffer): boolean =>
    !isPassed(bytes) && !(seen.isTwice(bytes, 0) && newest.isSuperseded(bytes, 0))
  const written = await rewrite(options, through, isKept)
  try {
    await log.replace(new Set(old), written, options.onReplaced)
  } catch (cause) {
    await log.discard(written)
    throw cause
  }
  return true
}

/** All records up to that seq, in order, a piece of the file at a time. */
export async function* records(log: SegmentedLog, through: number): AsyncGenerator<ReadRecord, void> {
  const cursor = new LogCursor(log, 'all', 0)
  for (;;) {
    const read: ReadRecord[] = []
    if (!(await cursor.read(4096, readBytes, read))) return
    for (const record of read) {
      if (record.seq > through) return
      yield record
    }
  }
}

/** Full segments, sealed and synced, that the log does not know yet. */
async function rewrite(
  { log, onDropped }: CompactionOptions,
  through: number,
  isKept: (record: Buffer) => boolean,
): Promise<Segment[]> {
  const written: Segment[] = []
  let parts: Buffer[] = []
  let bytes = 0
  let atMs = 0
  const flush = async (): Promise<void> => {
    if (parts.length === 0) return
    const frame = encodeFrame(parts, bytes, parts.length, atMs)
    let segment = written.at(-1)
    if (segment === undefined || segment.end + frame.length > segment.bytes) {
      segment = await log.createOutside(Math.max(log.segmentBytes, segmentHeadBytes + frame.length))
      written.push(segment)
    }
    await log.writeOutside(segment, frame)
    parts = []
    bytes = 0
  }
  try {
    for await (const record of records(log, through)) {
      if (!isKept(record.bytes)) {
        onDropped(record.bytes)
        continue
      }
      if (bytes + record.bytes.length + frameOverheadBytes > frameTargetBytes) await flush()
      if (parts.length === 0) atMs = record.atMs
      parts.push(record.bytes)
      bytes += record.bytes.length
    }
    await flush()
    for (const segment of written) await log.sealOutside(segment)
    return written
  } catch (cause) {
    await log.discard(written)
    throw cause
  }
}
