import { crc32 } from 'node:zlib'
import { recordFixedBytes, recordPrefixBytes } from '../store/operation-record.ts'

/*
 * What can be told of a record (`operation-record.ts`) without decoding it: a journal walks over millions at a start, and
 * ships them as the bytes that they are. All take records whose bytes are known to be whole.
 */

/** Records of this lane are for the zones of this site alone. */
export const localLane = 255

const opSet = 1
const opDelete = 2
const opTouch = 6
const opIntent = 7
const two32 = 2 ** 32

/** Where the record after it begins. */
export const endOf = (bytes: Buffer, at: number): number => at + recordPrefixBytes + bytes.readUInt32BE(at)

export const seqOf = (bytes: Buffer, at: number): number =>
  bytes.readUInt32BE(at + 8) * two32 + bytes.readUInt32BE(at + 12)

export const stampOf = (bytes: Buffer, at: number): bigint => bytes.readBigUInt64BE(at + 16)

/** Unix ms at which its stamp was taken. */
export const stampMsOf = (bytes: Buffer, at: number): number =>
  bytes.readUInt32BE(at + 16) * 4096 + (bytes.readUInt32BE(at + 20) >>> 20)

export const laneOf = (bytes: Buffer, at: number): number => bytes[at + 25] as number

export const isSet = (bytes: Buffer, at: number): boolean => bytes[at + 24] === opSet

export const isIntent = (bytes: Buffer, at: number): boolean => bytes[at + 24] === opIntent

/** Unix ms; 0: none. */
export const expiryOf = (bytes: Buffer, at: number): number =>
  bytes.readUInt32BE(at + 28) * two32 + bytes.readUInt32BE(at + 32)

export const namespaceOf = (bytes: Buffer, at: number): string =>
  bytes.toString('latin1', at + 41, at + 41 + (bytes[at + 40] as number))

/** Whether lengths and op are ones that this release writes; for bytes whose crc is known to be right. */
export function isShaped(bytes: Buffer, at: number, limit: number): boolean {
  if (at + recordPrefixBytes + recordFixedBytes > limit) return false
  const op = bytes[at + 24] as number
  const end = endOf(bytes, at)
  const names = (bytes[at + 40] as number) + bytes.readUInt16BE(at + 26)
  const known = op === opSet || op === opDelete || (op > 3 && op <= opIntent)
  return known && end <= limit && at + recordPrefixBytes + recordFixedBytes + names <= end
}

/** Whether its own crc is right. */
export function isWhole(bytes: Buffer, at: number, limit: number): boolean {
  if (!isShaped(bytes, at, limit)) return false
  return crc32(bytes.subarray(at + recordPrefixBytes, endOf(bytes, at))) === bytes.readUInt32BE(at + 4)
}

/**
 * Begin and end of what tells whether two records replace one another, as `operationName` does: namespace and key stand in a
 * row; `nameKindOf` is the rest of the name.
 */
export const nameFrom = (at: number): number => at + 40
export const nameTo = (bytes: Buffer, at: number): number =>
  at + 41 + (bytes[at + 40] as number) + bytes.readUInt16BE(at + 26)

/** 16 bits: a set and a delete of one key are the same kind; soft, hard, tag and scope are not; nor is what only this site may see. */
export function nameKindOf(bytes: Buffer, at: number): number {
  const op = bytes[at + 24] as number
  const kind = op === opSet || op === opIntent ? opDelete : op
  const bits = op > opDelete && op < opTouch ? (bytes[nameTo(bytes, at)] as number) : 0
  return (kind << 8) | (bits << 1) | (laneOf(bytes, at) === localLane ? 1 : 0)
}

/** A delete of the same key with the same stamp: what is left of a value for which there is no time or no room. */
export function deleteOf(bytes: Buffer, at: number, seq: number, lane = laneOf(bytes, at)): Buffer {
  const out = Buffer.from(bytes.subarray(at, nameTo(bytes, at)))
  out.writeUInt32BE(out.length - recordPrefixBytes, 0)
  out.writeUInt32BE(Math.floor(seq / two32), 8)
  out.writeUInt32BE(seq % two32, 12)
  out[24] = opDelete
  out[25] = lane
  out.fill(0, 28, 40)
  out.writeUInt32BE(crc32(out.subarray(recordPrefixBytes)), 4)
  return out
}

export const keyOf = (bytes: Buffer, at: number): string =>
  bytes.toString('utf8', at + 41 + (bytes[at + 40] as number), nameTo(bytes, at))

/** Namespace and key, in one text that no other pair has. */
export const keyTextOf = (bytes: Buffer, at: number): string =>
  bytes.toString('latin1', nameFrom(at), nameTo(bytes, at))
