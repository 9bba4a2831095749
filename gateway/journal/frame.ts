import { crc32 } from 'node:zlib'
import { endOf, isShaped, isWhole } from './raw-record.ts'

/*
 * What is written at once stands between two marks, big-endian:
 *   "TGJF" | u32 record bytes | u32 records | f64 Unix ms | u32 crc32 of these 20 | records | u32 crc32 of the records | "FJGT"
 * By the second mark a write that was broken off (prefix, then zeros: never acknowledged) is told from one that was whole
 * and is no more. One crc over many records, and the walk over a million of them at a start is short.
 */
const beginMark = 0x54474a46
const endMark = 0x464a4754
export const frameHeadBytes = 24
export const frameTailBytes = 8
/** Around its records. */
export const frameOverheadBytes = frameHeadBytes + frameTailBytes

export interface FrameHead {
  /** From the first byte of the head to the last of the tail. */
  readonly bytes: number
  readonly records: number
  /** Unix ms at which it was written. */
  readonly atMs: number
}

/** One buffer with all of it. `bytes`: of the parts together, in which `records` whole records stand. */
export function encodeFrame(parts: readonly Buffer[], bytes: number, records: number, atMs: number): Buffer {
  const frame = Buffer.allocUnsafeSlow(frameOverheadBytes + bytes)
  let at = frameHeadBytes
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
  }
  frame.writeUInt32BE(beginMark, 0)
  frame.writeUInt32BE(bytes, 4)
  frame.writeUInt32BE(records, 8)
  frame.writeDoubleBE(atMs, 12)
  frame.writeUInt32BE(crc32(frame.subarray(0, 20)), 20)
  frame.writeUInt32BE(crc32(frame.subarray(frameHeadBytes, at)), at)
  frame.writeUInt32BE(endMark, at + 4)
  return frame
}

/** Undefined: no frame begins there. */
export function readFrameHead(bytes: Buffer, at: number): FrameHead | undefined {
  if (at + frameHeadBytes > bytes.length || bytes.readUInt32BE(at) !== beginMark) return undefined
  if (crc32(bytes.subarray(at, at + 20)) !== bytes.readUInt32BE(at + 20)) return undefined
  return {
    bytes: frameOverheadBytes + bytes.readUInt32BE(at + 4),
    records: bytes.readUInt32BE(at + 8),
    atMs: bytes.readDoubleBE(at + 12),
  }
}

/** Whether the records of the frame are all there, as they were written, and of kinds that this release knows. */
export function isWholeFrame(bytes: Buffer, at: number, head: FrameHead): boolean {
  const end = at + head.bytes
  if (end > bytes.length || bytes.readUInt32BE(end - 4) !== endMark) return false
  const last = end - frameTailBytes
  if (crc32(bytes.subarray(at + frameHeadBytes, last)) !== bytes.readUInt32BE(last)) return false
  let records = 0
  let next = at + frameHeadBytes
  for (; next < last; next = endOf(bytes, next)) {
    if (!isShaped(bytes, next, last)) return false
    records++
  }
  return next === last && records === head.records
}

/** Calls `visit` with where each record of a whole frame begins. */
export function eachRecord(frame: Buffer, visit: (at: number) => void): void {
  const last = frame.length - frameTailBytes
  for (let at = frameHeadBytes; at < last; at = endOf(frame, at)) visit(at)
}

/** What stands where the next frame would begin, when no whole one does. */
export type FrameEnd =
  | { readonly kind: 'empty' }
  /** A write that was broken off: its first records are whole up to `through`; from `until` on all is zeros. */
  | { readonly kind: 'torn'; readonly through: number; readonly records: number; readonly until: number }
  | { readonly kind: 'damaged' }

/** `bytes` ends where the segment ends. */
export function judgeEnd(bytes: Buffer, at: number): FrameEnd {
  const written = writtenEnd(bytes, at)
  if (written === at) return { kind: 'empty' }
  const head = readFrameHead(bytes, at)
  if (head === undefined) {
    const begun = bytes[at] !== 0 && written <= at + frameHeadBytes
    return begun ? { kind: 'torn', through: at + frameHeadBytes, records: 0, until: written } : { kind: 'damaged' }
  }
  const last = at + head.bytes - frameTailBytes
  if (last + frameTailBytes > bytes.length || written > last) return { kind: 'damaged' }
  let through = at + frameHeadBytes
  let records = 0
  for (; through < last && isWhole(bytes, through, last); through = endOf(bytes, through)) records++
  return { kind: 'torn', through, records, until: written }
}

const quiet = Buffer.alloc(64 * 1024)

/** Behind the last byte that is not zero; `from` if there is none. */
function writtenEnd(bytes: Buffer, from: number): number {
  let end = bytes.length
  while (end > from) {
    const begin = Math.max(from, end - quiet.length)
    if (bytes.compare(quiet, 0, end - begin, begin, end) !== 0) break
    end = begin
  }
  while (end > from && bytes[end - 1] === 0) end--
  return end
}
