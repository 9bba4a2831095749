import type { ItemTags, Soft, Stamp } from './cache-store.ts'

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
const extHeadBytes = 3
const extOriginalKey = 1
const extTag = 2
const extContentType = 3
const extContentEncoding = 4
const extSoft = 5
const extScope = 7
const extAsOf = 8
const extExpiry = 9

type EnvelopeKind = 'value' | 'tombstone'

export interface Envelope {
  readonly kind: EnvelopeKind
  readonly stamp: Stamp
  readonly flags: number
  /** Present when the node key is a hash: compared on read, so that a collision is a miss and never a foreign value. */
  readonly originalKey?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly tags?: ItemTags
  /** Stale from some moment on. */
  readonly soft?: Soft
  /** Where it is later than the stamp. */
  readonly asOf?: Stamp
  /** Unix ms, where the node cannot tell it; 0: none. */
  readonly expiresAtMs?: number
}

export interface OpenedEnvelope extends Envelope {
  /** A view into the bytes that were decoded; empty for a tombstone. */
  readonly body: Buffer
}

/** What tags take of `valueLimitBytes`. */
export function tagBytes({ exact, scopes }: ItemTags): number {
  let bytes = 0
  for (const tag of exact) bytes += extHeadBytes + Buffer.byteLength(tag)
  for (const scope of scopes) bytes += extHeadBytes + Buffer.byteLength(scope)
  return bytes
}

/** Head and ext; the body follows them on the wire and is never copied. */
export function encodeEnvelope(envelope: Envelope): Buffer {
  const { originalKey, contentType, contentEncoding, tags, soft, asOf, expiresAtMs } = envelope
  const ext: Buffer[] = []
  if (originalKey !== undefined) ext.push(extRecord(extOriginalKey, originalKey))
  if (tags !== undefined) for (const tag of tags.exact) ext.push(extRecord(extTag, tag))
  if (contentType !== undefined) ext.push(extRecord(extContentType, contentType))
  if (contentEncoding !== undefined) ext.push(extRecord(extContentEncoding, contentEncoding))
  if (soft !== undefined) ext.push(softRecord(soft))
  if (tags !== undefined) for (const scope of tags.scopes) ext.push(extRecord(extScope, scope))
  if (asOf !== undefined) ext.push(numberRecord(extAsOf, asOf))
  if (expiresAtMs !== undefined) ext.push(numberRecord(extExpiry, BigInt(Math.ceil(expiresAtMs))))
  let extBytes = 0
  for (const record of ext) extBytes += record.length
  const out = Buffer.allocUnsafe(envelopeHeadBytes + extBytes)
  out.writeUInt16BE(magic, 0)
  out[2] = version
  out[3] = kindOf[envelope.kind]
  out.writeBigUInt64BE(envelope.stamp, 4)
  out.writeUInt32BE(envelope.flags, 12)
  out.writeUInt32BE(0, 16)
  out.writeUInt32BE(extBytes, 20)
  let at = envelopeHeadBytes
  for (const record of ext) at += record.copy(out, at)
  return out
}

function extRecord(type: number, text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const out = Buffer.allocUnsafe(extHeadBytes + bytes)
  out[0] = type
  out.writeUInt16BE(bytes, 1)
  out.write(text, 3)
  return out
}

function numberRecord(type: number, number: bigint): Buffer {
  const out = Buffer.allocUnsafe(11)
  out[0] = type
  out.writeUInt16BE(8, 1)
  out.writeBigUInt64BE(number, 3)
  return out
}

/** Two u64: stale since, of use for. */
function softRecord({ sinceMs, forMs }: Soft): Buffer {
  const out = Buffer.allocUnsafe(extHeadBytes + softBytes)
  out[0] = extSoft
  out.writeUInt16BE(softBytes, 1)
  out.writeBigUInt64BE(BigInt(Math.floor(sinceMs)), 3)
  out.writeBigUInt64BE(BigInt(Math.floor(forMs)), 11)
  return out
}

const softBytes = 16

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

type Ext = Pick<Envelope, 'originalKey' | 'contentType' | 'contentEncoding' | 'tags' | 'soft' | 'asOf' | 'expiresAtMs'>

function readExt(bytes: Buffer, from: number, to: number): Ext | undefined {
  if (from === to) return nothing
  const ext: { -readonly [name in keyof Ext]: Ext[name] } = {}
  const exact: string[] = []
  const scopes: string[] = []
  let at = from
  let lastType = 0
  while (at < to) {
    if (at + 3 > to) return undefined
    const type = bytes[at] as number
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    const many = type === extTag || type === extScope
    // Rising types: a record that comes twice would make the meaning depend on who reads.
    if (end > to || type < lastType || (type === lastType && !many)) return undefined
    if (type === extAsOf || type === extExpiry) {
      if (end !== at + 11) return undefined
      const number = bytes.readBigUInt64BE(at + 3)
      if (type === extAsOf) ext.asOf = number
      else ext.expiresAtMs = Number(number)
    } else if (type === extSoft) {
      const soft = end === at + extHeadBytes + softBytes ? readSoft(bytes, at + extHeadBytes) : undefined
      if (soft === undefined) return undefined
      ext.soft = soft
    } else {
      const text = readText(bytes, at + 3, end)
      if (text === undefined) return undefined
      if (type === extOriginalKey) ext.originalKey = text
      else if (type === extContentType) ext.contentType = text
      else if (type === extContentEncoding) ext.contentEncoding = text
      else if (type === extTag) exact.push(text)
      else if (type === extScope) scopes.push(text)
      else return undefined
    }
    lastType = type
    at = end
  }
  if (exact.length > 0 || scopes.length > 0) ext.tags = { exact, scopes }
  return ext
}

function readSoft(bytes: Buffer, at: number): Soft | undefined {
  const sinceMs = Number(bytes.readBigUInt64BE(at))
  const forMs = Number(bytes.readBigUInt64BE(at + 8))
  return Number.isSafeInteger(sinceMs) && Number.isSafeInteger(forMs) ? { sinceMs, forMs } : undefined
}

const nothing: Ext = {}

/** `ignoreBOM`: a leading U+FEFF is part of a key, not a mark to be dropped. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readText(bytes: Buffer, from: number, to: number): string | undefined {
  let at = from
  while (at < to && (bytes[at] as number) < 0x80) at++
  // Nearly all of them are ASCII, and a decoder costs more than all the rest of an envelope.
  if (at === to) return bytes.toString('latin1', from, to)
  try {
    return strictUtf8.decode(bytes.subarray(from, to))
  } catch {
    // Not UTF-8 is one more way of not being ours.
    return undefined
  }
}
