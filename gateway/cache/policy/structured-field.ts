import { parseDictionary, parseList } from 'structured-headers'
import { listLimit } from './fields.ts'

/** A member of a structured dictionary, as far as cache fields tell values apart. RFC 9651 section 3. */
export type Member =
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'other' }

/** Characters of a dictionary that are read: no cache has so many directives. */
export const dictionaryLimit = 4096

/** A dictionary from its lines; undefined = not one. A key that is there twice has its last value; parameters are dropped. */
export function readDictionary(lines: readonly string[]): ReadonlyMap<string, Member> | undefined {
  const text = lines.join(', ')
  if (text.length > dictionaryLimit) return undefined
  try {
    const members = new Map<string, Member>()
    for (const [key, [value]] of parseDictionary(text)) members.set(key, memberOf(key, value, text))
    return members
  } catch {
    // RFC 9651 section 4.2: a field with any error is as if it were not there.
    return undefined
  }
}

/** A list of strings from its lines; undefined = not one. Parameters are dropped. */
export function readStringList(lines: readonly string[]): readonly string[] | undefined {
  const text = lines.join(', ')
  if (text.length > listLimit) return undefined
  try {
    const strings: string[] = []
    for (const [value] of parseList(text)) {
      if (typeof value !== 'string') return undefined
      strings.push(value)
    }
    return strings
  } catch {
    // As above.
    return undefined
  }
}

function memberOf(key: string, value: unknown, text: string): Member {
  if (typeof value === 'boolean') return { kind: 'boolean', value }
  if (typeof value === 'string') return { kind: 'string', value }
  if (typeof value === 'number' && !isDecimal(text, key)) return { kind: 'integer', value }
  return { kind: 'other' }
}

/** The parser gives 10 for the decimal `10.0`; only the text still tells it from an integer. */
function isDecimal(text: string, key: string): boolean {
  for (let at = text.lastIndexOf(`${key}=`); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(`${key}=`, at - 1)) {
    if (at > 0 && !', \t'.includes(text[at - 1] as string)) continue
    let end = at + key.length + 1
    while (end < text.length && '-0123456789'.includes(text[end] as string)) end++
    return text[end] === '.'
  }
  return false
}
