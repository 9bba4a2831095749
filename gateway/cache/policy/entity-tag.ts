import { isSpace } from './fields.ts'

/** Names one state of a resource. RFC 9110 section 8.8.3. */
export interface EntityTag {
  /** As it was written. */
  readonly text: string
  /** Without `W/`: what weak comparison compares. Of an odd one all of it, which is no quoted string, so it equals no tag. */
  readonly opaque: string
  /** `odd`: not in the form of a tag, such as one without quotes. It equals itself, and says nothing of bytes. */
  readonly kind: 'strong' | 'weak' | 'odd'
}

/** A tag that a service sent; undefined for an empty one, which names nothing. */
export function parseEntityTag(text: string): EntityTag | undefined {
  if (text === '') return undefined
  const weak = text.startsWith('W/')
  const opaque = weak ? text.slice(2) : text
  if (!isQuoted(opaque)) return { text, opaque: text, kind: 'odd' }
  return { text, opaque, kind: weak ? 'weak' : 'strong' }
}

/** The same bytes: for ranges, and for whatever is put together. RFC 9110 section 8.8.3.2. */
export function strongMatch(one: EntityTag, other: EntityTag): boolean {
  return one.kind === 'strong' && other.kind === 'strong' && one.opaque === other.opaque
}

/** As good as the same: for If-None-Match. */
export function weakMatch(one: EntityTag, other: EntityTag): boolean {
  return one.opaque === other.opaque
}

/** Members of a list beyond this many are not read: a longer one is an attack, and costs its sender a whole answer. */
export const tagListLimit = 1000

/**
 * The tags of If-None-Match or If-Match, or `*`. Commas part them outside quotes; a backslash is nothing special in a tag.
 */
export function parseEntityTags(lines: readonly string[]): readonly EntityTag[] | '*' {
  const tags: EntityTag[] = []
  for (const line of lines) {
    let start = 0
    let quoted = false
    for (let at = 0; at <= line.length; at++) {
      const code = at === line.length ? comma : line.charCodeAt(at)
      if (code === quote) quoted = !quoted
      if (at < line.length && (quoted || code !== comma)) continue
      const text = between(line, start, at)
      start = at + 1
      if (text === '*') return '*'
      const tag = parseEntityTag(text)
      if (tag !== undefined && tags.length < tagListLimit) tags.push(tag)
    }
  }
  return tags
}

const comma = 0x2c
const quote = 0x22

function between(line: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isSpace(line.charCodeAt(start))) start++
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--
  return line.slice(start, end)
}

function isQuoted(text: string): boolean {
  if (text.length < 2 || text.charCodeAt(0) !== quote || text.charCodeAt(text.length - 1) !== quote) return false
  for (let at = 1; at < text.length - 1; at++) {
    const code = text.charCodeAt(at)
    // etagc: visible, no quote, and bytes above ASCII.
    if (code <= 0x20 || code === quote || code === 0x7f) return false
  }
  return true
}
