/**
 * Front coding: each line as the number of characters that it shares with the line before, then its rest. A sorted
 * list of patterns shrinks to a fraction of its size, and unfolds faster than it could be unzipped and parsed.
 *
 *     /v1/orders         0/v1/orders
 *     /v1/orders/{id}    :/{id}          ':' is '0' + 10
 *
 * The number is one character from '0' (none) to '~' (78). More is not shared, which costs some bytes and no rule.
 */
const none = 0x30
const mostShared = 0x7e - none

/** Any list of lines without line feeds; a sorted one becomes small. */
export function frontCode(lines: readonly string[]): string {
  let text = ''
  let before = ''
  for (const line of lines) {
    const shared = sharedLength(before, line)
    text += `${String.fromCharCode(none + shared)}${line.slice(shared)}\n`
    before = line
  }
  return text
}

/** The lines again, or `undefined` when the text was not made by `frontCode`: cut short, or a number out of range. */
export function frontDecode(text: string): string[] | undefined {
  const lines: string[] = []
  let before = ''
  for (let at = 0; at < text.length; ) {
    const shared = text.charCodeAt(at) - none
    const end = text.indexOf('\n', at)
    if (end < 0 || shared < 0 || shared > mostShared || shared > before.length) return undefined
    before = before.slice(0, shared) + text.slice(at + 1, end)
    lines.push(before)
    at = end + 1
  }
  return lines
}

function sharedLength(before: string, line: string): number {
  const limit = Math.min(before.length, line.length, mostShared)
  let shared = 0
  while (shared < limit && before.charCodeAt(shared) === line.charCodeAt(shared)) shared++
  return shared
}
