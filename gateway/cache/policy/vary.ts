import { fieldsOf, isSpace, isToken, linesOf, listMembers, trimmed } from './fields.ts'

/** Names in one Vary; an answer with more depends on about everything and would fill the store with its variants. */
const varyLimit = 16

/** Names that an answer's Vary gives: lower case, sorted, each once. `any`: it matches no other request (V1). */
export function varyNames(
  headers: readonly string[],
  lowerCase?: readonly string[],
): readonly string[] | 'any' | 'too-many' {
  const members = listMembers(
    linesOf(lowerCase === undefined ? fieldsOf(headers) : { headers, names: lowerCase }, 'vary'),
  )
  if (members === undefined) return 'too-many'
  const names = new Set<string>()
  for (const member of members) {
    // What is no name cannot be compared, so it must not look as if it were equal.
    if (member === '*' || !isToken(member)) return 'any'
    names.add(member.toLowerCase())
  }
  return names.size > varyLimit ? 'too-many' : [...names].sort()
}

/** Lists without an order of their own: codings and languages are weighed by `q` (V3). */
const unordered: ReadonlySet<string> = new Set(['accept-encoding', 'accept-language'])
/** Longer ones are compared as they are written. */
const sortedLimit = 1024

/** A request's lines of one field in the form in which two requests are compared; undefined = it has none (V2, V3). */
export function selecting(name: string, lines: readonly string[] | undefined): string | undefined {
  if (lines === undefined || lines.length === 0) return undefined
  const text = withoutSpaces(lines.join(','))
  if (!unordered.has(name) || text.length > sortedLimit) return text
  return text
    .toLowerCase()
    .split(',')
    .filter((member) => member !== '')
    .sort()
    .join(',')
}

/**
 * All selecting values of a request, as one text: two requests write the same one exactly if they match. `linesOf` gives a
 * field's lines as they go to the service; of a field that the gateway takes away or replaces, the client's own as well (V5).
 */
export function selectingText(
  vary: readonly string[],
  linesOf: (name: string) => readonly string[] | undefined,
): string {
  let text = ''
  for (const name of vary) {
    const value = selecting(name, linesOf(name))
    // Lengths, so that no value looks like two; absent is not empty.
    text += value === undefined ? '-' : `${value.length}:${value}`
  }
  return text
}

/** What is known of a stored variant when one is chosen. */
export interface VariantRow {
  /** Its own Vary; empty = none. */
  readonly vary: readonly string[]
  /** What the request that it answers wrote as `selectingText`, or a digest of it. */
  readonly selecting: string
  /** Of its Date, Unix ms. */
  readonly dateMs: number
  readonly storedMs: number
}

/**
 * The row that answers a request: each is judged by its own Vary; of several that match, one with Vary, then the latest
 * Date, then the latest stored (V4). `selectingOf`: the request's own text or digest for some names.
 */
export function choose<R extends VariantRow>(
  rows: readonly R[],
  selectingOf: (vary: readonly string[]) => string,
): R | undefined {
  let best: R | undefined
  for (const row of rows) {
    if (row.vary.length > 0 && selectingOf(row.vary) !== row.selecting) continue
    if (best === undefined || isBetter(row, best)) best = row
  }
  return best
}

function isBetter(row: VariantRow, best: VariantRow): boolean {
  if (row.vary.length > 0 !== best.vary.length > 0) return row.vary.length > 0
  return row.dateMs === best.dateMs ? row.storedMs > best.storedMs : row.dateMs > best.dateMs
}

const comma = 0x2c
const quote = 0x22
const backslash = 0x5c

/** Without white space around commas and at both ends; inside quotes it is part of the value. */
function withoutSpaces(text: string): string {
  let kept = ''
  let taken = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) quoted = !quoted
    else if (quoted && code === backslash) at++
    else if (!quoted && code === comma) {
      kept += `${trimmed(text.slice(taken, at))},`
      taken = at + 1
      while (taken < text.length && isSpace(text.charCodeAt(taken))) taken++
      at = taken - 1
    }
  }
  return kept + trimmed(text.slice(taken))
}
