import { crc32 } from 'node:zlib'
import type { CacheOperation } from './cache-operation.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { isNamespace, nodeKey } from './node-key.ts'
import { areTags, isTagName } from './tag-key.ts'

export const batchMediaType = 'application/vnd.tidegate.cache-batch'
export const batchOperationLimit = 512
/** Where a batch is closed, bytes; one operation above it travels alone. */
export const batchTargetBytes = 1024 * 1024
/** The largest batch that is read: the target and one operation of the largest value, with room for the heads. */
export const batchLimitBytes = 4 * 1024 * 1024

/** First line of a batch, JSON. Unknown members are passed over: a later release may say more. */
interface BatchHeader {
  readonly v: 1
  readonly site: string
  /** Writer part of the stamps of the process that ships. */
  readonly writer: number
  /** Names one life of the queue: its seqs begin at 1 again with another. */
  readonly journal: string
  readonly lane: number
  /** Seq of the first operation; those that were superseded before they were shipped leave gaps. */
  readonly first: number
  readonly count: number
  /** Newest seq of the lane when the batch was made. */
  readonly head: number
  /** Deletes and other invalidations that wait in the lane. */
  readonly debt: number
  /** The sender's clock, Unix ms. */
  readonly now: number
}

interface SequencedOperation {
  readonly seq: number
  readonly operation: CacheOperation
}

export interface Batch {
  readonly header: BatchHeader
  readonly operations: readonly SequencedOperation[]
}

/** What the receiver did. `through`: up to this seq everything is applied or superseded there; the rest is to be sent again. */
export interface Acknowledgement {
  readonly through: number
  readonly applied: number
  readonly older: number
  readonly expired: number
  readonly failed: number
}

export type DecodedBatch =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'unreadable'; readonly because: string }

/*
 * A record, big-endian, the form of the journal:
 *   u32 length of what follows the crc | u32 crc32 of it | u64 seq | u64 stamp | u8 op | u8 lane | u16 key bytes
 *   | u64 expiry Unix ms | u32 client flags | u8 namespace bytes | namespace | key | value
 * The value of a set is its whole envelope with the body, so that whatever an envelope learns to carry travels unchanged.
 * Op 3 is a soft delete in the journal's form; nobody writes it yet. An invalidation (4: of a tag or scope, which is the key;
 * 5: of the namespace, without a key) has 5 bytes for value: u8 bits (1: scope, 2: soft) | u32 soft ms. A release that does
 * not know an op takes the batch for unreadable, so it acknowledges nothing that it did not do.
 */
const prefixBytes = 8
const fixedBytes = 33
const opSet = 1
const opDelete = 2
const opTag = 4
const opBump = 5
const bitScope = 1
const bitSoft = 2
const headerLimitBytes = 4096
const lf = 10

export function encodeBatch({ header, operations }: Batch): Buffer {
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(header)}\n`)]
  for (const sequenced of operations) parts.push(...encodeRecord(sequenced, header.lane))
  return Buffer.concat(parts)
}

function encodeRecord({ seq, operation }: SequencedOperation, lane: number): Buffer[] {
  const namespace = Buffer.from(operation.namespace)
  const key = Buffer.from(operation.key)
  const isSet = operation.kind === 'set'
  const value = valueParts(operation)
  const head = Buffer.allocUnsafe(prefixBytes + fixedBytes)
  const valueBytes = value.reduce((sum, { length }) => sum + length, 0)
  head.writeUInt32BE(fixedBytes + namespace.length + key.length + valueBytes, 0)
  head.writeBigUInt64BE(BigInt(seq), 8)
  head.writeBigUInt64BE(operation.stamp, 16)
  head[24] = opOf(operation)
  head[25] = lane
  head.writeUInt16BE(key.length, 26)
  head.writeBigUInt64BE(BigInt(isSet ? operation.expiresAtMs : 0), 28)
  head.writeUInt32BE(isSet ? operation.flags : 0, 36)
  head[40] = namespace.length
  const parts = [head, namespace, key, ...value]
  const crc = parts.reduce((sum, part, index) => crc32(index === 0 ? part.subarray(prefixBytes) : part, sum), 0)
  head.writeUInt32BE(crc, 4)
  return parts
}

function opOf(operation: CacheOperation): number {
  if (operation.kind === 'set') return opSet
  if (operation.kind === 'delete') return opDelete
  return operation.target === 'all' ? opBump : opTag
}

function valueParts(operation: CacheOperation): Buffer[] {
  if (operation.kind === 'delete') return []
  if (operation.kind === 'set') return [encodeEnvelope({ ...envelopeOf(operation), kind: 'value' }), operation.value]
  const { target, softMs } = operation
  const out = Buffer.allocUnsafe(invalidationBytes)
  out[0] = (target === 'scope' ? bitScope : 0) | (softMs === undefined ? 0 : bitSoft)
  out.writeUInt32BE(softMs ?? 0, 1)
  return [out]
}

const invalidationBytes = 5

const envelopeOf = ({ stamp, flags, contentType, tags }: Extract<CacheOperation, { kind: 'set' }>) => ({
  stamp,
  flags,
  ...(contentType === undefined ? {} : { contentType }),
  ...(tags === undefined ? {} : { tags }),
})

/** Takes exactly what `encodeBatch` writes: one wrong bit and nothing of the batch is believed. Never throws. */
export function decodeBatch(bytes: Buffer): DecodedBatch {
  if (bytes.length > batchLimitBytes) return unreadable(`more than ${batchLimitBytes} bytes`)
  const end = bytes.subarray(0, headerLimitBytes).indexOf(lf)
  if (end === -1) return unreadable('no header line')
  const header = readHeader(bytes.toString('utf8', 0, end))
  if (header === undefined) return unreadable('the header line is not as described')
  const operations: SequencedOperation[] = []
  let at = end + 1
  let lastSeq = header.first - 1
  while (at < bytes.length) {
    if (operations.length === header.count) return unreadable('more records than announced')
    const record = readRecord(bytes, at, header.lane)
    if (record === undefined || record.seq <= lastSeq || record.seq > header.head) {
      return unreadable(`record ${operations.length + 1} is not as described`)
    }
    if (operations.length === 0 && record.seq !== header.first) return unreadable('the first record is another one')
    lastSeq = record.seq
    operations.push({ seq: record.seq, operation: record.operation })
    at = record.end
  }
  if (operations.length !== header.count) return unreadable('fewer records than announced')
  return { kind: 'batch', batch: { header, operations } }
}

const unreadable = (because: string): DecodedBatch => ({ kind: 'unreadable', because })

function readHeader(line: string): BatchHeader | undefined {
  let read: unknown
  try {
    read = JSON.parse(line)
  } catch {
    // Told to the sender as an unreadable batch.
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const { v, site, writer, journal, lane, first, count, head, debt, now } = read as Record<keyof BatchHeader, unknown>
  const valid =
    v === 1 &&
    isText(site) &&
    isCount(writer, 255) &&
    isText(journal) &&
    isCount(lane, 255) &&
    isCount(first) &&
    isCount(count, batchOperationLimit) &&
    isCount(head) &&
    isCount(debt) &&
    isCount(now)
  return valid ? { v, site, writer, journal, lane, first, count, head, debt, now } : undefined
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 255

const isCount = (value: unknown, most = Number.MAX_SAFE_INTEGER): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most

function readRecord(bytes: Buffer, at: number, lane: number): (SequencedOperation & { end: number }) | undefined {
  const from = at + prefixBytes
  if (from + fixedBytes > bytes.length) return undefined
  const end = from + bytes.readUInt32BE(at)
  if (end < from + fixedBytes || end > bytes.length) return undefined
  if (crc32(bytes.subarray(from, end)) !== bytes.readUInt32BE(at + 4)) return undefined
  const seq = safeNumber(bytes.readBigUInt64BE(from))
  const stamp = bytes.readBigUInt64BE(from + 8)
  const op = bytes[from + 16]
  const keyAt = from + fixedBytes + (bytes[from + 32] as number)
  const valueAt = keyAt + bytes.readUInt16BE(from + 18)
  const expiresAtMs = safeNumber(bytes.readBigUInt64BE(from + 20))
  const flags = bytes.readUInt32BE(from + 28)
  if (valueAt > end || bytes[from + 17] !== lane || seq === undefined || expiresAtMs === undefined) return undefined
  const namespace = bytes.toString('latin1', from + fixedBytes, keyAt)
  const key = bytes.toString('utf8', keyAt, valueAt)
  // Bytes that are no UTF-8 would come back as others, that is as another key.
  if (!isNamespace(namespace) || !Buffer.from(key).equals(bytes.subarray(keyAt, valueAt))) return undefined
  const place = { namespace, key, stamp }
  const value = bytes.subarray(valueAt, end)
  let operation: CacheOperation | undefined
  if (op === opSet) operation = readSet(place, value, flags, expiresAtMs)
  else if (flags === 0 && expiresAtMs === 0) {
    if (op === opDelete) operation = readDelete(place, value)
    else if (op === opTag || op === opBump) operation = readInvalidation(place, value, op === opBump)
  }
  return operation === undefined ? undefined : { seq, end, operation }
}

type Place = Pick<CacheOperation, 'namespace' | 'key' | 'stamp'>

function readSet(place: Place, value: Buffer, flags: number, expiresAtMs: number): CacheOperation | undefined {
  if (nodeKey(place.namespace, place.key) === undefined) return undefined
  const envelope = decodeEnvelope(value)
  if (envelope?.kind !== 'value' || envelope.stamp !== place.stamp || envelope.flags !== flags) return undefined
  const { body, contentType, tags, originalKey, asOf } = envelope
  if (originalKey !== undefined || asOf !== undefined || (tags !== undefined && !areTags(tags))) return undefined
  return {
    kind: 'set',
    ...place,
    value: body,
    flags,
    expiresAtMs,
    ...(contentType === undefined ? {} : { contentType }),
    ...(tags === undefined ? {} : { tags }),
  }
}

function readDelete(place: Place, value: Buffer): CacheOperation | undefined {
  if (value.length > 0 || nodeKey(place.namespace, place.key) === undefined) return undefined
  return { kind: 'delete', ...place }
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
