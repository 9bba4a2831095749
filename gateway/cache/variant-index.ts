import { hash } from 'node:crypto'
import { parseEntityTag } from './policy/entity-tag.ts'
import type { Validators } from './policy/entry.ts'
import { choose, selectingText, type VariantRow } from './policy/vary.ts'

/**
 * The variants of one key: what is stored under the key itself when its answers have a Vary. Each row says for which values of
 * its own Vary (V4) an answer holds, and where it is. The values are kept as digests only: they may be credentials.
 */
export interface VariantIndex {
  /** The clear key, as in each stored answer. */
  readonly clear: string
  readonly rows: readonly IndexRow[]
}

export interface IndexRow extends VariantRow, Validators {
  /** Which item has the answer. */
  readonly id: string
}

/** More variants of one key would rather be a mistake in Vary than be used (V6). */
export const mostVariants = 32
/** How many of them a validation names (V7). */
const mostValidators = 8

/** A field's lines as they go to the service; of one that the gateway takes away or replaces, the client's own (V5). */
export type LinesOf = (name: string) => readonly string[] | undefined

/** Tells whether two requests select alike: one digest for one key, one Vary and the same values. */
export function selectionDigest(key: string, vary: readonly string[], linesOf: LinesOf): string {
  return hash('sha256', `${key}|${vary.join()}|${selectingText(vary, linesOf)}`, 'base64url')
}

/** The row that answers a request (V4). */
export function rowFor({ rows }: VariantIndex, key: string, linesOf: LinesOf): IndexRow | undefined {
  let last: readonly string[] | undefined
  let digest = ''
  return choose(rows, (vary) => {
    if (vary !== last) {
      last = vary
      digest = selectionDigest(key, vary, linesOf)
    }
    return digest
  })
}

/** With one more row, in the place of that with the same digest; beyond `mostVariants` the oldest goes. */
export function withRow({ clear, rows }: VariantIndex, row: IndexRow): VariantIndex {
  const others = rows.filter(({ selecting }) => selecting !== row.selecting)
  if (others.length >= mostVariants) {
    const oldest = others.reduce((a, b) => (b.storedMs < a.storedMs ? b : a))
    others.splice(others.indexOf(oldest), 1)
  }
  return { clear, rows: [...others, row] }
}

/** Fields by which clients say what they can read. Others may say who they are, and many services write one tag for all of them. */
const negotiating = /^(?:accept(?:-[a-z]+)?|user-agent|save-data|sec-ch-[a-z-]+)$/

/**
 * By what the service can be asked whether the variant of another request will do for this one, the newest first, each tag once
 * (V7). Strong tags alone: a weak one, and a date, are also those of the same text in another coding or language. Never of a
 * variant that may depend on who asks.
 */
export function validators({ rows }: VariantIndex): readonly IndexRow[] {
  const newest = rows
    .filter(({ etag, vary }) => isStrong(etag) && vary.every((name) => negotiating.test(name)))
    .sort((a, b) => b.storedMs - a.storedMs)
  return newest
    .filter((row, at) => newest.findIndex((other) => isSame(other, row)) === at)
    .slice(0, mostValidators)
    .map(({ lastModified: _, ...row }) => row)
}

const isStrong = (etag: string | undefined): boolean => parseEntityTag(etag ?? '')?.kind === 'strong'

/** The service would say the same of both. */
function isSame(one: IndexRow, other: IndexRow): boolean {
  return one.id === other.id || (one.etag !== undefined && one.etag === other.etag)
}

/** Every field that decides which variant a request gets. */
export function namesIn({ rows }: VariantIndex): readonly string[] {
  return [...new Set(rows.flatMap(({ vary }) => vary))].sort()
}

/** `0 "TI" | 2 u8 version | 3 u8 0`, then JSON; each Vary is written once. */
const fixedBytes = 4
const start = Buffer.from([0x54, 0x49, 1, 0])

export function encodeIndex({ clear, rows }: VariantIndex): Buffer {
  const lists: string[][] = []
  const written = rows.map(({ vary, selecting, id, etag = null, lastModified = null, dateMs, storedMs }) => {
    let list = lists.findIndex((one) => sameNames(one, vary))
    if (list < 0) list = lists.push([...vary]) - 1
    return [list, selecting, id, etag, lastModified, dateMs, storedMs]
  })
  return Buffer.concat([start, Buffer.from(JSON.stringify([clear, lists, written]), 'utf8')])
}

/** Undefined for whatever `encodeIndex` of this release would not have written: a clean miss. Total. */
export function decodeIndex(bytes: Buffer): VariantIndex | undefined {
  if (bytes.length < fixedBytes || bytes.compare(start, 0, fixedBytes, 0, fixedBytes) !== 0) return undefined
  try {
    return read(JSON.parse(bytes.toString('utf8', fixedBytes)))
  } catch {
    // No JSON: foreign bytes that begin as ours do.
    return undefined
  }
}

function read(value: unknown): VariantIndex | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [clear, lists, written] = value as unknown[]
  if (typeof clear !== 'string' || !Array.isArray(lists) || !lists.every(isNames) || !Array.isArray(written))
    return undefined
  const rows: IndexRow[] = []
  for (const one of written) {
    const row = rowOf(one, lists)
    if (row === undefined) return undefined
    rows.push(row)
  }
  return { clear, rows }
}

function rowOf(value: unknown, lists: readonly (readonly string[])[]): IndexRow | undefined {
  if (!Array.isArray(value) || value.length !== 7) return undefined
  const [list, selecting, id, etag, lastModified, dateMs, storedMs] = value as unknown[]
  const vary = lists[typeof list === 'number' ? list : -1]
  if (vary === undefined || typeof selecting !== 'string' || typeof id !== 'string') return undefined
  if (!isTextOrNull(etag) || !isTextOrNull(lastModified)) return undefined
  if (typeof dateMs !== 'number' || typeof storedMs !== 'number') return undefined
  return {
    vary,
    selecting,
    id,
    ...(etag === null ? {} : { etag }),
    ...(lastModified === null ? {} : { lastModified }),
    dateMs,
    storedMs,
  }
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, at) => name === b[at])
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string')
const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === 'string'
