import type { Stamp } from './cache-store.ts'

/**
 * What stands before each value in a zone. 24 bytes big-endian, then `ext`, then the body:
 *
 *     0 "TG" | 2 u8 version = 1 | 3 u8 kind | 4 u64 stamp | 12 u32 client flags | 16 u16 content type id | 18 u16 bits | 20 u32 length of ext
 *
 * `ext` is a row of records `u8 type, u16 length, bytes`. Content type id 0 (as text in ext, or none) and bits 0 (not
 * compressed) are all that is written today; anything else is refused, since guessing would hand out wrong bytes.
 */
const envelopeHeadBytes = 24

const version = 1
const magic = 0x5447
const kindOf = { value: 0x56, tombstone: 0x54 } as const
const extOriginalKey = 1
const extContentType = 3

type EnvelopeKind = 'value' | 'tombstone'

export interface Envelope {
  readonly kind: EnvelopeKind
  readonly stamp: Stamp
  readonly flags: number
  /** Present when the node key is a hash: compared on read, so that a collision is a miss and never a foreign value. */
  readonly originalKey?: string
  readonly contentType?: string
}

export interface OpenedEnvelope extends Envelope {
  /** A view into the bytes that were decoded; empty for a tombstone. */
  readonly body: Buffer
}

/** Head and ext; the body follows them on the wire and is never copied. */
export function encodeEnvelope(envelope: Envelope): Buffer {
  const originalKey = envelope.originalKey === undefined ? undefined : Buffer.from(envelope.originalKey)
  const contentType = envelope.contentType === undefined ? undefined : Buffer.from(envelope.contentType)
  const extBytes = recordBytes(originalKey) + recordBytes(contentType)
  const out = Buffer.allocUnsafe(envelopeHeadBytes + extBytes)
  out.writeUInt16BE(magic, 0)
  out[2] = version
  out[3] = kindOf[envelope.kind]
  out.writeBigUInt64BE(envelope.stamp, 4)
  out.writeUInt32BE(envelope.flags, 12)
  out.writeUInt32BE(0, 16)
  out.writeUInt32BE(extBytes, 20)
  const at = writeRecord(out, envelopeHeadBytes, extOriginalKey, originalKey)
  writeRecord(out, at, extContentType, contentType)
  return out
}

/** Undefined for whatever `encodeEnvelope` would not have written: a foreign item, or one of a later release. */
export function decodeEnvelope(bytes: Buffer): OpenedEnvelope | undefined {
  if (bytes.length < envelopeHeadBytes || bytes.readUInt16BE(0) !== magic || bytes[2] !== version) return undefined
  const kind = bytes[3] === kindOf.value ? 'value' : bytes[3] === kindOf.tombstone ? 'tombstone' : undefined
  if (kind === undefined || bytes.readUInt32BE(16) !== 0) return undefined
  const bodyAt = envelopeHeadBytes + bytes.readUInt32BE(20)
  if (bodyAt > bytes.length) return undefined
  const body = bytes.subarray(bodyAt)
  if (kind === 'tombstone' && body.length > 0) return undefined
  const ext = readExt(bytes, envelopeHeadBytes, bodyAt)
  if (ext === undefined) return undefined
  return { kind, stamp: bytes.readBigUInt64BE(4), flags: bytes.readUInt32BE(12), ...ext, body }
}

function readExt(bytes: Buffer, from: number, to: number): Pick<Envelope, 'originalKey' | 'contentType'> | undefined {
  const ext: { originalKey?: string; contentType?: string } = {}
  let at = from
  let lastType = 0
  while (at < to) {
    if (at + 3 > to) return undefined
    const type = bytes[at] as number
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    // Rising types: a record that comes twice would make the meaning depend on who reads.
    if (end > to || type <= lastType) return undefined
    const text = utf8(bytes.subarray(at + 3, end))
    if (text === undefined) return undefined
    if (type === extOriginalKey) ext.originalKey = text
    else if (type === extContentType) ext.contentType = text
    else return undefined
    lastType = type
    at = end
  }
  return ext
}

/** `ignoreBOM`: a leading U+FEFF is part of a key, not a mark to be dropped. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Buffer): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    // Not UTF-8 is one more way of not being ours.
    return undefined
  }
}

const recordBytes = (bytes: Buffer | undefined): number => (bytes === undefined ? 0 : 3 + bytes.length)

function writeRecord(out: Buffer, at: number, type: number, bytes: Buffer | undefined): number {
  if (bytes === undefined) return at
  out[at] = type
  out.writeUInt16BE(bytes.length, at + 1)
  bytes.copy(out, at + 3)
  return at + 3 + bytes.length
}
