import { DirectiveSet, type Directives, knownDirectives } from './directive-set.ts'
import { fieldsOf, isSpace, isTokenCode, linesOf } from './fields.ts'

const comma = 0x2c
const equals = 0x3d
const quote = 0x22
const backslash = 0x5c
const longestName = Math.max(...[...knownDirectives].map((name) => name.length))

/** Reads all lines of Cache-Control of a message. `names`: its lower-case names, if they are at hand. */
export function cacheControl(headers: readonly string[], names?: readonly string[]): Directives {
  const directives = new DirectiveSet()
  for (const line of linesOf(names === undefined ? fieldsOf(headers) : { headers, names }, 'cache-control'))
    readLine(line, directives)
  return directives
}

/**
 * A line at a time: a quote left open ends with its line (P4). Commas part members outside quotes only, wherever a quote
 * stands: quoted text is never a directive.
 */
function readLine(line: string, into: DirectiveSet): void {
  let start = 0
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (quoted) {
      if (code === backslash) at++
      else if (code === quote) quoted = false
    } else if (code === quote) quoted = true
    else if (code === comma) {
      readMember(line, start, at, into)
      start = at + 1
    }
  }
  readMember(line, start, line.length, into)
  if (quoted) into.unclosed = true
}

function readMember(line: string, from: number, to: number, into: DirectiveSet): void {
  let start = from
  let end = to
  while (start < end && isSpace(line.charCodeAt(start))) start++
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--
  let nameEnd = start
  while (nameEnd < end && isTokenCode(line.charCodeAt(nameEnd))) nameEnd++
  if (nameEnd === start || nameEnd - start > longestName) return
  const name = line.slice(start, nameEnd).toLowerCase()
  if (!knownDirectives.has(name)) return
  if (nameEnd === end) into.add(name, true, false)
  else if (line.charCodeAt(nameEnd) !== equals) {
    // `private; max-age=60`: whoever wrote that meant `private`. A permission does not stand on such a line.
    into.add(name, true, true)
  } else if (line.charCodeAt(nameEnd + 1) === quote) {
    const closed = unquoted(line, nameEnd + 2, end)
    into.add(name, closed.value, !closed.whole)
  } else into.add(name, line.slice(nameEnd + 1, end), false)
}

/** The text between a quote that was open before `from` and its end, which must be the member's. */
function unquoted(line: string, from: number, end: number): { readonly value: string; readonly whole: boolean } {
  let value = ''
  let taken = from
  for (let at = from; at < end; at++) {
    const code = line.charCodeAt(at)
    if (code === quote) return { value: value + line.slice(taken, at), whole: at === end - 1 }
    if (code !== backslash) continue
    value += line.slice(taken, at)
    taken = ++at
  }
  return { value: value + line.slice(taken, end), whole: false }
}
