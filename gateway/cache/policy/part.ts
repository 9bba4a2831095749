import { parseEntityTag } from './entity-tag.ts'
import type { PartOf } from './entry.ts'
import { type Fields, firstLine, linesOf, trimmed } from './fields.ts'

/**
 * The one part that a 206 brought, if it can be told apart from parts of all other states: a strong tag, a known total
 * (G3). Undefined: it is not stored.
 */
export function partOf(fields: Fields): PartOf | undefined {
  const tag = parseEntityTag(trimmed(firstLine(fields, 'etag') ?? ''))
  const lines = linesOf(fields, 'content-range')
  if (tag?.kind !== 'strong' || lines.length !== 1) return undefined
  const type = trimmed(firstLine(fields, 'content-type') ?? '').toLowerCase()
  return type.startsWith('multipart/byteranges') ? undefined : parseContentRange(trimmed(lines[0] as string))
}

/** `bytes 0-99/1000`; undefined for other units, an unknown total and all that is not possible. RFC 9110 section 14.4. */
export function parseContentRange(text: string): PartOf | undefined {
  const match = text.length > 64 ? null : /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(text)
  if (match === null) return undefined
  const [first, last, total] = [Number(match[1]), Number(match[2]), Number(match[3])]
  return first <= last && last < total ? { first, last, total } : undefined
}
