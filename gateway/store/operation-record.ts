import { crc32 } from 'node:zlib'
import { type CacheOperation, isInvalidation } from './cache-operation.ts'
import type { Soft } from './cache-store.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import { areTags, isTagName } from './tag-key.ts'

/*
 * One write as bytes, the same in a journal and on the way to another site, big-endian:
 *   u32 length of what follows the crc | u32 crc32 of it | u64 seq | u64 stamp | u8 op | u8 lane | u16 key bytes
 *   | u64 expiry Unix ms | u32 client flags | u8 namespace bytes | namespace | key | value
 * The value of a set is its whole envelope with the body, so that whatever an envelope learns to carry travels unchanged.
 * Op 3 was meant for soft deletes, which are sets of a stale value; nobody writes it. An invalidation (4: of a tag or scope,
 * which is the key; 5: of the namespace, without a key) has 5 bytes for value: u8 bits (1: scope, 2: soft) | u32 soft ms.
 * 6 is a touch: stamp and expiry, no value. 7 is an intent (`SequencedRecord`), known to journals alone. A release that does
 * not know an op takes it for unreadable, so it acknowledges nothing that it did not do.
 */
export const recordPrefixBytes = 8
export const recordFixedBytes = 33

const opSet = 1
const opDelete = 2
const opTag = 4
const opBump = 5
const opTouch = 6
const opIntent = 7
const bitScope = 1
const bitSoft = 2
const invalidationBytes = 5

/** A key was about to be written with this stamp, and nobody knows what became of it: it is a delete if nothing follows. */
export interface Intent {
  readonly kind: 'intent'
  readonly namespace: string
  readonly key: string
  readonly stamp: bigint
}

export type Recorded = CacheOperation | Intent

export interface SequencedRecord {
  /** Order of arrival in one journal, from 1. */
  readonly seq: number
  readonly lane: number
  readonly operation: Recorded
}

/** Bytes of a record that stand in a row; a large body is the last but never copied. */
export function encodeRecord({ seq, lane, operation }: SequencedRecord): Buffer[] {
  const namespace = Buffer.from(operation.namespace)
  const key = Buffer.from(operation.key)
  const value = valueParts(operation)
  const head = Buffer.allocUnsafe(recordPrefixBytes + recordFixedBytes)
  let valueBytes = 0
  for (const part of value) valueBytes += part.length
  head.writeUInt32BE(recordFixedBytes + namespace.length + key.length + valueBytes, 0)
  head.writeBigUInt64BE(BigInt(seq), 8)
  head.writeBigUInt64BE(operation.stamp, 16)
  head[24] = opOf(operation)
  head[25] = lane
  head.writeUInt16BE(key.length, 26)
  const expires = operation.kind === 'set' || operation.kind === 'touch'
  head.writeBigUInt64BE(BigInt(expires ? operation.expiresAtMs : 0), 28)
  head.writeUInt32BE(operation.kind === 'set' ? operation.flags : 0, 36)
  head[40] = namespace.length
  const parts = [head, namespace, key, ...value]
  let crc = crc32(head.subarray(recordPrefixBytes))
  for (let at = 1; at < parts.length; at++) crc = crc32(parts[at] as Buffer, crc)
  head.writeUInt32BE(crc, 4)
  return parts
}

function opOf(operation: Recorded): number {
  if (operation.kind === 'set') return opSet
  if (operation.kind === 'delete') return opDelete
  if (operation.kind === 'touch') return opTouch
  if (operation.kind === 'intent') return opIntent
  return operation.target === 'all' ? opBump : opTag
}

function valueParts(operation: Recorded): Buffer[] {
  if (operation.kind === 'set') return [encodeEnvelope({ ...envelopeOf(operation), kind: 'value' }), operation.value]
  if (operation.kind !== 'invalidate') return []
  const { target, softMs } = operation
  const out = Buffer.allocUnsafe(invalidationBytes)
  out[0] = (target === 'scope' ? bitScope : 0) | (softMs === undefined ? 0 : bitSoft)
  out.writeUInt32BE(softMs ?? 0, 1)
  return [out]
}

const envelopeOf = ({
  stamp,
  flags,
  contentType,
  contentEncoding,
  tags,
  soft,
}: Extract<CacheOperation, { kind: 'set' }>) => ({
  stamp,
  flags,
  ...(contentType === undefined ? {} : { contentType }),
  ...(contentEncoding === undefined ? {} : { contentEncoding }),
  ...(tags === undefined ? {} : { tags }),
  ...(soft === undefined ? {} : { soft }),
})

/**
 * The record that begins at `at` and where the next one begins. Takes exactly what `encodeRecord` writes: one wrong bit and
 * it is undefined, as it is when the bytes end too early. Never throws.
 */
export function decodeRecord(bytes: Buffer, at: number): (SequencedRecord & { readonly end: number }) | undefined {
  const from = at + recordPrefixBytes
  if (from + recordFixedBytes > bytes.length) return undefined
  const end = from + bytes.readUInt32BE(at)
  if (end < from + recordFixedBytes || end > bytes.length) return undefined
  if (crc32(bytes.subarray(from, end)) !== bytes.readUInt32BE(at + 4)) return undefined
  const seq = safeNumber(bytes.readBigUInt64BE(from))
  const stamp = bytes.readBigUInt64BE(from + 8)
  const op = bytes[from + 16] as number
  const lane = bytes[from + 17] as number
  const keyAt = from + recordFixedBytes + (bytes[from + 32] as number)
  const valueAt = keyAt + bytes.readUInt16BE(from + 18)
  const expiresAtMs = safeNumber(bytes.readBigUInt64BE(from + 20))
  const flags = bytes.readUInt32BE(from + 28)
  if (valueAt > end || seq === undefined || expiresAtMs === undefined) return undefined
  const namespace = bytes.toString('latin1', from + recordFixedBytes, keyAt)
  const key = bytes.toString('utf8', keyAt, valueAt)
  // Bytes that are no UTF-8 would come back as others, that is as another key.
  if (!isNamespace(namespace) || !Buffer.from(key).equals(bytes.subarray(keyAt, valueAt))) return undefined
  const operation = readOperation(op, { namespace, key, stamp }, bytes.subarray(valueAt, end), flags, expiresAtMs)
  return operation === undefined ? undefined : { seq, lane, end, operation }
}

type Place = Pick<CacheOperation, 'namespace' | 'key' | 'stamp'>

function readOperation(
  op: number,
  place: Place,
  value: Buffer,
  flags: number,
  expiresAtMs: number,
): Recorded | undefined {
  if (op === opSet) return readSet(place, value, flags, expiresAtMs)
  if (flags !== 0) return undefined
  if (op === opTouch) return isBare(place, value) ? { kind: 'touch', ...place, expiresAtMs } : undefined
  if (expiresAtMs !== 0) return undefined
  if (op === opDelete) return isBare(place, value) ? { kind: 'delete', ...place } : undefined
  if (op === opIntent) return isBare(place, value) ? { kind: 'intent', ...place } : undefined
  if (op === opTag || op === opBump) return readInvalidation(place, value, op === opBump)
  return undefined
}

const isBare = ({ namespace, key }: Place, value: Buffer): boolean =>
  value.length === 0 && nodeKey(namespace, key) !== undefined

function readSet(place: Place, value: Buffer, flags: number, expiresAtMs: number): CacheOperation | undefined {
  if (nodeKey(place.namespace, place.key) === undefined) return undefined
  const envelope = decodeEnvelope(value)
  if (envelope?.kind !== 'value' || envelope.stamp !== place.stamp || envelope.flags !== flags) return undefined
  const { body, contentType, contentEncoding, tags, originalKey, asOf, soft } = envelope
  if (originalKey !== undefined || asOf !== undefined || (tags !== undefined && !areTags(tags))) return undefined
  return {
    kind: 'set',
    ...place,
    value: body,
    flags,
    expiresAtMs,
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(tags === undefined ? {} : { tags }),
    ...(soft === undefined ? {} : { soft: soft satisfies Soft }),
  }
}

function readInvalidation(place: Place, value: Buffer, isBump: boolean): CacheOperation | undefined {
  if (value.length !== invalidationBytes) return undefined
  const bits = value[0] as number
  const softMs = value.readUInt32BE(1)
  const soft = (bits & bitSoft) !== 0
  if (bits > (isBump ? bitSoft : bitScope | bitSoft) || (isBump && (bits & bitScope) !== 0)) return undefined
  if ((!soft && softMs !== 0) || (isBump ? place.key !== '' : !isTagName(place.key))) return undefined
  const target = isBump ? 'all' : (bits & bitScope) === 0 ? 'tag' : 'scope'
  return { kind: 'invalidate', ...place, target, ...(soft ? { softMs } : {}) }
}

function safeNumber(value: bigint): number | undefined {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}

/** What must never be lost, in a journal: the others may be given up for an invalidation. An intent is for this machine alone. */
export const mustSurvive = (operation: Recorded): boolean => operation.kind !== 'intent' && isInvalidation(operation)
