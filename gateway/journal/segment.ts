import { crc32 } from 'node:zlib'
import { laneCount } from './journal.ts'
import { type JournalFile, type JournalFiles, reserve } from './journal-files.ts'
import { RecordCounts } from './namespace-counts.ts'
import { laneOf, localLane, seqOf } from './raw-record.ts'

/*
 * A file of frames (`frame.ts`) with a head, and zeros behind what was written:
 *   "TGJS" | u32 version 1 | u32 log | u32 number | u32 bytes of the file | 16 bytes journal id | zeros | u32 crc32 of these 60
 */
const mark = 0x54474a53
const version = 1
export const segmentHeadBytes = 64

export type LogKind = 'invalidations' | 'values'

const numberOf: Readonly<Record<LogKind, number>> = { invalidations: 1, values: 2 }

export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.segment`
export const isSegmentName = (name: string): boolean => name.endsWith('.segment')

/** One file of a log, and what must be known of it without reading it. */
export class Segment {
  readonly number: number
  readonly file: JournalFile
  /** Of the file. */
  readonly bytes: number
  /** Behind the last frame that counts. */
  end = segmentHeadBytes
  lastSeq = 0
  /** By lane. */
  readonly lastSeqs = new Float64Array(laneCount)
  /** Of what is not local. */
  readonly counts = new RecordCounts()
  /** Unix ms at which the first of its frames was written. */
  sinceMs = 0
  /** Nothing is written behind `end` any more, and what stands there does not count. */
  sealed = false
  /** The state on the disk does not name it yet. */
  listed = false

  constructor(number: number, file: JournalFile, bytes: number) {
    this.number = number
    this.file = file
    this.bytes = bytes
  }

  /** Takes note of a record of it, in order. */
  note(bytes: Buffer, at: number, atMs: number): void {
    const lane = laneOf(bytes, at)
    if (this.lastSeq === 0) this.sinceMs = atMs
    this.lastSeq = seqOf(bytes, at)
    if (lane === localLane) return
    this.lastSeqs[lane] = this.lastSeq
    this.counts.add(bytes, at)
  }
}

export interface SegmentPlace {
  readonly files: JournalFiles
  readonly folder: string
  readonly kind: LogKind
  readonly journal: () => string
}

/** A file of zeros; with `reserved` they have their room on the disk. */
export async function createSegment(
  place: SegmentPlace,
  number: number,
  bytes: number,
  reserved: boolean,
): Promise<Segment> {
  const { files, folder } = place
  const path = `${folder}/${segmentName(number)}`
  const file = await files.create(path)
  try {
    if (reserved) await reserve(file, 0, bytes)
    else await file.extend(bytes)
    await file.sync()
    await files.syncFolder(folder)
  } catch (cause) {
    await file.close()
    await files.remove(path)
    throw cause
  }
  return new Segment(number, file, bytes)
}

/** What it says of itself; synced, so that it is there before anything else says that it exists. */
export async function writeSegmentHead(
  { kind, journal }: SegmentPlace,
  { number, file, bytes }: Segment,
): Promise<void> {
  const head = Buffer.alloc(segmentHeadBytes)
  head.writeUInt32BE(mark, 0)
  head.writeUInt32BE(version, 4)
  head.writeUInt32BE(numberOf[kind], 8)
  head.writeUInt32BE(number, 12)
  head.writeUInt32BE(bytes, 16)
  head.write(journal(), 20, 'hex')
  head.writeUInt32BE(crc32(head.subarray(0, 60)), 60)
  await file.write(head, 0)
  await file.sync()
}

/** Whether `bytes`, the whole file, begins as this segment of this journal does. */
export function isSegment(bytes: Buffer, { kind, journal }: SegmentPlace, number: number): boolean {
  return (
    bytes.length >= segmentHeadBytes &&
    bytes.readUInt32BE(0) === mark &&
    bytes.readUInt32BE(4) === version &&
    bytes.readUInt32BE(8) === numberOf[kind] &&
    bytes.readUInt32BE(12) === number &&
    bytes.readUInt32BE(16) === bytes.length &&
    bytes.toString('hex', 20, 36) === journal() &&
    bytes.readUInt32BE(60) === crc32(bytes.subarray(0, 60))
  )
}
