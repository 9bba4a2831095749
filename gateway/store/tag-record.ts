import type { Hit, MissReason, Soft, Stamp } from './cache-store.ts'
import { stampMs } from './stamp.ts'

/**
 * What a zone remembers of the invalidations of one tag, one scope or a whole namespace. It can be lost at any time, so it
 * says since when it knows: whatever was invalidated before `since` may be missing here, whatever was after is not.
 */
export interface TagRecord {
  /** Every invalidation after this one is in here. What was last known to be current before it counts as lost. */
  readonly since: Stamp
  /** Items below are gone. 0: none was. */
  readonly hard: Stamp
  /** Items below are stale, and of use for `softMs` after it. */
  readonly soft: Stamp
  readonly softMs: number
  /** Namespaces only: the newest invalidation of any of its scopes. An item that is not below it need not look its own up. */
  readonly scopes: Stamp
  /**
   * Namespaces only: the newest invalidation of any tag whose record lies beside this one. What it vouches for stands in
   * `node-records.ts`.
   */
  readonly tags: Stamp
}

export const emptyRecord: TagRecord = { since: 0n, hard: 0n, soft: 0n, softMs: 0, scopes: 0n, tags: 0n }

/** Longest soft invalidation, ms: 49 days. */
export const softLimitMs = 0xffffffff

/**
 * The one that knows what both know. Commutative, associative and idempotent, so that invalidations which come twice or in
 * another order end the same. The length of a soft one belongs to the newest; on a tie the shorter holds.
 */
export function mergeRecords(a: TagRecord, b: TagRecord): TagRecord {
  const softMs = a.soft === b.soft ? Math.min(a.softMs, b.softMs) : a.soft > b.soft ? a.softMs : b.softMs
  return {
    since: later(a.since, b.since),
    hard: later(a.hard, b.hard),
    soft: later(a.soft, b.soft),
    softMs,
    scopes: later(a.scopes, b.scopes),
    tags: later(a.tags, b.tags),
  }
}

export const later = (a: Stamp, b: Stamp): Stamp => (a > b ? a : b)

export const sameRecord = (a: TagRecord, b: TagRecord): boolean =>
  a.since === b.since &&
  a.hard === b.hard &&
  a.soft === b.soft &&
  a.softMs === b.softMs &&
  a.scopes === b.scopes &&
  a.tags === b.tags

/** The newest stamp that it tells of. */
export const newestIn = ({ since, hard, soft, scopes, tags }: TagRecord): Stamp =>
  later(later(later(since, hard), later(soft, scopes)), tags)

/** What an invalidation says, to be merged into a record. */
export const invalidation = (stamp: Stamp, softMs: number | undefined): TagRecord =>
  softMs === undefined ? { ...emptyRecord, hard: stamp } : { ...emptyRecord, soft: stamp, softMs }

/** A soft length as records hold it; undefined: none at all, so the invalidation is refused. */
export function readSoftMs(softMs: number): number | undefined {
  return softMs >= 0 ? Math.min(Math.ceil(softMs), softLimitMs) : undefined
}

/** What an item is judged by. */
export interface Judged {
  readonly stamp: Stamp
  /** Up to here it is known to have been current; its stamp, unless it was copied later. */
  readonly asOf: Stamp
}

export type Verdict =
  | { readonly kind: 'current'; readonly soft?: NonNullable<Hit['soft']> }
  /** `stamp`: of what it lost to; whoever makes it anew needs a later one. */
  | { readonly kind: 'gone'; readonly because: MissReason; readonly stamp?: Stamp }

const current: Verdict = { kind: 'current' }
const tagMissing: Verdict = { kind: 'gone', because: 'tag-missing' }

/** What an item says of itself, before any record is asked: one that was softly deleted is stale, and later gone. */
export function verdictOf(soft: Soft | undefined, stamp: Stamp, nowMs: number): Verdict {
  if (soft === undefined) return current
  return soft.sinceMs + soft.forMs <= nowMs
    ? { kind: 'gone', because: 'invalidated', stamp }
    : { kind: 'current', soft }
}

/** Whether an item still counts after what one record tells. `before`: the verdict of the records before this one. */
export function judgeItem(
  { stamp, asOf }: Judged,
  record: TagRecord | undefined,
  nowMs: number,
  before: Verdict = current,
): Verdict {
  if (before.kind === 'gone') return before
  if (record === undefined) return tagMissing
  if (stamp < record.hard) return { kind: 'gone', because: 'invalidated', stamp: record.hard }
  if (asOf < record.since) return { kind: 'gone', because: 'tag-missing', stamp: record.since }
  if (stamp >= record.soft) return before
  const sinceMs = stampMs(record.soft)
  const endMs = sinceMs + record.softMs
  if (endMs <= nowMs) return { kind: 'gone', because: 'invalidated', stamp: record.soft }
  if (before.soft === undefined) return { kind: 'current', soft: { sinceMs, forMs: record.softMs } }
  // Of several the earliest beginning and the earliest end: each alone would have said no later ones.
  const firstMs = Math.min(sinceMs, before.soft.sinceMs)
  const lastMs = Math.min(endMs, before.soft.sinceMs + before.soft.forMs)
  return { kind: 'current', soft: { sinceMs: firstMs, forMs: lastMs - firstMs } }
}

/*
 * In a zone, big-endian, 48 bytes:
 *   0 "TG" | 2 u8 version = 1 | 3 u8 kind "R" | 4 u64 since | 12 u64 hard | 20 u64 soft | 28 u32 soft ms
 *   | 32 u64 scopes | 40 u64 tags
 */
const recordBytes = 48
const magic = 0x54470152

export function encodeRecord({ since, hard, soft, softMs, scopes, tags }: TagRecord): Buffer {
  const out = Buffer.allocUnsafe(recordBytes)
  out.writeUInt32BE(magic, 0)
  out.writeBigUInt64BE(since, 4)
  out.writeBigUInt64BE(hard, 12)
  out.writeBigUInt64BE(soft, 20)
  out.writeUInt32BE(softMs, 28)
  out.writeBigUInt64BE(scopes, 32)
  out.writeBigUInt64BE(tags, 40)
  return out
}

/** Undefined for whatever `encodeRecord` would not have written. */
export function decodeRecord(bytes: Buffer): TagRecord | undefined {
  if (bytes.length !== recordBytes || bytes.readUInt32BE(0) !== magic) return undefined
  return {
    since: bytes.readBigUInt64BE(4),
    hard: bytes.readBigUInt64BE(12),
    soft: bytes.readBigUInt64BE(20),
    softMs: bytes.readUInt32BE(28),
    scopes: bytes.readBigUInt64BE(32),
    tags: bytes.readBigUInt64BE(40),
  }
}
