import { encodeFrame, frameHeadBytes, frameTailBytes, isWholeFrame, judgeEnd, readFrameHead } from './frame.ts'
import type { JournalFile } from './journal-files.ts'
import { endOf, seqOf } from './raw-record.ts'
import { isSegment, Segment, type SegmentPlace, segmentHeadBytes, segmentName } from './segment.ts'

export type OnRecord = (bytes: Buffer, at: number, atMs: number) => void

/**
 * The segments that the list names, each with what is written in it; `onRecord` is called for each record, in order. A last
 * write that was broken off is mended: of it what is whole stays. Undefined: something that was once there is not, or is not
 * what was written. Rejects when the files may be whole and cannot be opened (no rights, too many open files).
 */
export async function recoverLog(
  place: SegmentPlace,
  list: readonly (readonly [number, number])[],
  onRecord: OnRecord,
): Promise<Segment[] | undefined> {
  const segments: Segment[] = []
  let seq = 0
  const inOrder: OnRecord = (bytes, at, atMs) => {
    const next = seqOf(bytes, at)
    // Bytes that are whole and in the wrong place: an old copy of a file, for one.
    if (next <= seq) throw new DamagedSegment()
    seq = next
    onRecord(bytes, at, atMs)
  }
  try {
    for (const [index, [number, end]] of list.entries())
      segments.push(await recoverSegment(place, number, end, index === list.length - 1, inOrder))
    return segments
  } catch (cause) {
    for (const { file } of segments) await file.close()
    if (isLoss(cause)) return undefined
    throw cause
  }
}

class DamagedSegment extends Error {}

/** A file that is gone, or that the disk cannot give back. */
const isLoss = (cause: unknown): boolean =>
  cause instanceof DamagedSegment || ['ENOENT', 'EIO'].includes(String((cause as NodeJS.ErrnoException).code))

async function recoverSegment(
  place: SegmentPlace,
  number: number,
  sealedEnd: number,
  isLast: boolean,
  onRecord: OnRecord,
): Promise<Segment> {
  const file = await place.files.open(`${place.folder}/${segmentName(number)}`)
  try {
    const bytes = Buffer.allocUnsafeSlow(await file.size())
    const isRead = (await file.read(bytes, 0)) === bytes.length
    if (!isRead || !isSegment(bytes, place, number) || sealedEnd > bytes.length) throw new DamagedSegment()
    const segment = new Segment(number, file, bytes.length)
    segment.sealed = sealedEnd > 0
    const limit = segment.sealed ? sealedEnd : bytes.length
    segment.end = readFrames(segment, bytes.subarray(0, limit), onRecord)
    if (segment.sealed ? segment.end !== sealedEnd : !isLast) throw new DamagedSegment()
    if (!segment.sealed) await mendEnd(segment, bytes, onRecord)
    return segment
  } catch (cause) {
    await file.close()
    throw cause
  }
}

/** Behind the last whole frame. */
function readFrames(segment: Segment, bytes: Buffer, onRecord: OnRecord): number {
  let at = segmentHeadBytes
  for (;;) {
    const head = readFrameHead(bytes, at)
    if (head === undefined || !isWholeFrame(bytes, at, head)) return at
    noteRecords(segment, bytes, at + frameHeadBytes, at + head.bytes - frameTailBytes, head.atMs, onRecord)
    at += head.bytes
  }
}

function noteRecords(
  segment: Segment,
  bytes: Buffer,
  from: number,
  to: number,
  atMs: number,
  onRecord: OnRecord,
): void {
  for (let at = from; at < to; at = endOf(bytes, at)) {
    onRecord(bytes, at, atMs)
    segment.note(bytes, at, atMs)
  }
}

async function mendEnd(segment: Segment, bytes: Buffer, onRecord: OnRecord): Promise<void> {
  const { file, end } = segment
  const found = judgeEnd(bytes, end)
  if (found.kind === 'damaged') throw new DamagedSegment()
  if (found.kind === 'empty') return
  await blank(file, end, found.until)
  const from = end + frameHeadBytes
  if (found.records > 0) {
    const atMs = readFrameHead(bytes, end)?.atMs ?? 0
    const frame = encodeFrame([bytes.subarray(from, found.through)], found.through - from, found.records, atMs)
    await file.write(frame, end)
    segment.end = end + frame.length
    noteRecords(segment, bytes, from, found.through, atMs, onRecord)
  }
  await file.sync()
}

const blank = (file: JournalFile, from: number, to: number): Promise<void> => file.write(Buffer.alloc(to - from), from)
