import type { Entry, Freshness, PartOf } from './policy/entry.ts'

/** One stored answer as the store keeps it. */
export interface StoredEntry {
  /** The clear key: another one's answer under our hashed key is a miss. */
  readonly clear: string
  /** For which values of its Vary it holds, by digest; empty: its answer had no Vary, or none are kept apart. */
  readonly selects: readonly string[]
  readonly entry: Entry
  readonly body: Buffer
  /** The site that fetched it, and the placement epoch under which it did. */
  readonly site: string
  readonly epoch: number
}

/**
 * 12 bytes big-endian, then the head as JSON in UTF-8, then the body:
 *
 *     0 "TH" | 2 u8 version | 3 u8 0 | 4 u32 length of head | 8 u32 length of body
 *
 * Header fields are texts of one byte a character, so JSON gives each of their bytes back.
 */
const fixedBytes = 12
const magic = 0x5448
/** 1 was a head without the two letters before it. */
const version = 2

/** The bytes of an answer; the body is copied once. */
export function encodeEntry(stored: StoredEntry): Buffer {
  const head = Buffer.from(JSON.stringify(headOf(stored)), 'utf8')
  const bytes = Buffer.allocUnsafe(fixedBytes + head.length + stored.body.length)
  bytes.writeUInt16BE(magic, 0)
  bytes.writeUInt16BE(version << 8, 2)
  bytes.writeUInt32BE(head.length, 4)
  bytes.writeUInt32BE(stored.body.length, 8)
  head.copy(bytes, fixedBytes)
  stored.body.copy(bytes, fixedBytes + head.length)
  return bytes
}

/**
 * The answer, its body a view into `bytes`. Undefined for whatever this release would not have written (another version, cut
 * off, foreign): a clean miss, never a broken answer. Total.
 */
export function decodeEntry(bytes: Buffer): StoredEntry | undefined {
  if (bytes.length < fixedBytes || bytes.readUInt16BE(0) !== magic || bytes.readUInt16BE(2) !== version << 8)
    return undefined
  const bodyAt = fixedBytes + bytes.readUInt32BE(4)
  if (bodyAt + bytes.readUInt32BE(8) !== bytes.length) return undefined
  try {
    return read(JSON.parse(bytes.toString('utf8', fixedBytes, bodyAt)), bytes.subarray(bodyAt))
  } catch {
    // No JSON: foreign bytes that begin as ours do.
    return undefined
  }
}

/** In an order that only `read` knows. */
function headOf({ clear, selects, entry, site, epoch }: StoredEntry): unknown[] {
  const { status, reason, headers, requestMs, responseMs, freshness, vary, guarded, tags, part, negative } = entry
  const { lifetimeS, initialAgeS, staleWhileRevalidateS, staleIfErrorS } = freshness
  const times = [requestMs, responseMs, lifetimeS, initialAgeS, staleWhileRevalidateS, staleIfErrorS]
  const flags = [freshness.validateAlways, freshness.neverStale, freshness.windowForbidden, negative === true]
  const cut = part === undefined ? [] : [part.first, part.last, part.total]
  return [clear, site, epoch, status, reason, times, flags.map(Number), selects, vary, guarded, tags, cut, headers]
}

function read(head: unknown, body: Buffer): StoredEntry | undefined {
  if (!Array.isArray(head) || head.length !== 13) return undefined
  const [clear, site, epoch, status, reason, times, flags, selects, vary, guarded, tags, cut, headers] = head
  if (typeof clear !== 'string' || typeof site !== 'string' || typeof reason !== 'string') return undefined
  if (!isNumber(epoch) || !Number.isInteger(status) || status < 200 || status > 999) return undefined
  if (!isList(times, isNumber) || times.length !== 6 || !isList(flags, isNumber) || flags.length !== 4) return undefined
  if (!isList(selects, isText) || !isList(vary, isText) || !isList(guarded, isText) || !isList(tags, isText))
    return undefined
  if (!isList(headers, isText) || headers.length % 2 !== 0) return undefined
  if (!isList(cut, isNumber) || (cut.length !== 0 && cut.length !== 3)) return undefined
  const [requestMs, responseMs, ...seconds] = times as Six
  const entry: Entry = {
    status,
    reason,
    headers,
    requestMs,
    responseMs,
    freshness: freshnessOf(seconds, flags),
    vary,
    guarded,
    tags,
    ...(cut.length === 3 ? { part: partOf(cut) } : {}),
    ...(flags[3] === 1 ? { negative: true } : {}),
  }
  return { clear, selects, entry, body, site, epoch }
}

type Six = [number, number, number, number, number, number]

function freshnessOf(
  [lifetimeS, initialAgeS, staleWhileRevalidateS, staleIfErrorS]: [number, number, number, number],
  flags: readonly number[],
): Freshness {
  const windows = { lifetimeS, initialAgeS, staleWhileRevalidateS, staleIfErrorS }
  return { ...windows, validateAlways: flags[0] === 1, neverStale: flags[1] === 1, windowForbidden: flags[2] === 1 }
}

function partOf(cut: readonly number[]): PartOf {
  const [first = 0, last = 0, total = 0] = cut
  return { first, last, total }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number'

function isList<T>(value: unknown, is: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.every(is)
}
