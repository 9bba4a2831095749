import { lowerNames } from '../../header-pairs.ts'

/** Raw fields of a message with their lower-case names, so that several readers look through them cheaply. */
export interface Fields {
  readonly headers: readonly string[]
  readonly names: readonly string[]
}

export function fieldsOf(headers: readonly string[]): Fields {
  return { headers, names: lowerNames(headers) }
}

/** All lines of a field, in order. */
export function linesOf({ headers, names }: Fields, name: string): readonly string[] {
  let lines: string[] | undefined
  for (let field = 0; field < names.length; field++) {
    if (names[field] !== name) continue
    const line = headers[2 * field + 1] ?? ''
    if (lines === undefined) lines = [line]
    else lines.push(line)
  }
  return lines ?? none
}
const none: readonly string[] = []

/** The first line of a field. */
export function firstLine({ headers, names }: Fields, name: string): string | undefined {
  const field = names.indexOf(name)
  return field < 0 ? undefined : headers[2 * field + 1]
}

/** Space and tab are white space in a field, nothing else: `trim` would take the byte 0xA0, too. RFC 9110 section 5.6.3. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09
}

export function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

/** RFC 9110 section 5.6.2. */
export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isTokenCode(text.charCodeAt(at))) return false
  return text !== ''
}

export function isTokenCode(code: number): boolean {
  return tokenCodes[code] === 1
}
const tokenCodes = new Uint8Array(0x80)
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  tokenCodes[character.charCodeAt(0)] = 1

/** Characters of a list that are read: what needs more is an attack, or would not be kept anyway. */
export const listLimit = 8192

/** Members of a comma list over all its lines, without empty ones; undefined if it is too long. RFC 9110 section 5.6.1. */
export function listMembers(lines: readonly string[]): readonly string[] | undefined {
  if (lines.length === 0) return none
  const text = lines.join(',')
  if (text.length > listLimit) return undefined
  const members: string[] = []
  for (const part of text.split(',')) {
    const member = trimmed(part)
    if (member !== '') members.push(member)
  }
  return members
}

/** Field names in a comma list, lower case, each once, in order; undefined if a member is no name or there is none. */
export function fieldNames(lines: readonly string[]): readonly string[] | undefined {
  const members = listMembers(lines)
  if (members === undefined || members.length === 0 || !members.every(isToken)) return undefined
  return [...new Set(members.map((member) => member.toLowerCase()))]
}
