/**
 * Headers as they came: one flat list of name, value, name, value, with order, repetition and letter case kept.
 * A field is found by its number in a parallel list of lower-case names, built once a message.
 */
export type HeaderPairs = string[]

/** The lower-case name of each field, in order. */
export function lowerNames(pairs: readonly string[]): string[] {
  const names = new Array<string>(pairs.length >> 1)
  for (let field = 0; field < names.length; field++) names[field] = (pairs[2 * field] as string).toLowerCase()
  return names
}

/** The value of a field, repeated ones joined as RFC 9110 section 5.3 allows; undefined = absent. */
export function joinedValue(pairs: readonly string[], names: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let field = 0; field < names.length; field++) {
    if (names[field] !== name) continue
    const next = pairs[2 * field + 1] as string
    // Cookie is the one request field that is not a comma list. RFC 6265 section 5.4.
    value = value === undefined ? next : value + (name === 'cookie' ? '; ' : ', ') + next
  }
  return value
}

/** The first value of a field in pairs whose names were not lowered yet. */
export function firstValue(pairs: readonly string[], name: string): string | undefined {
  for (let at = 0; at < pairs.length; at += 2) {
    const candidate = pairs[at] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) return pairs[at + 1]
  }
  return undefined
}

/** Bytes of pairs without those fields. */
export function withoutField(pairs: readonly string[], name: string): HeaderPairs {
  const kept: HeaderPairs = []
  for (let at = 0; at < pairs.length; at += 2) {
    const candidate = pairs[at] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) continue
    kept.push(candidate, pairs[at + 1] as string)
  }
  return kept
}
