const slash = '/'
const openBrace = 0x7b
const percent = 0x25

/**
 * The parameters of a path that matched `pattern`, and `rest` of its tail, as the client wrote them: what is forwarded is not
 * decoded on its way, so that a service reads what its client meant.
 */
export function rawCaptures(pattern: string, path: string): Readonly<Record<string, string>> {
  // Without a prototype, so that a parameter may be called `__proto__` or `constructor`.
  const captured: Record<string, string> = Object.create(null)
  let inPath = 1
  for (let at = 1; at <= pattern.length; ) {
    const end = endOfSegment(pattern, at)
    const pathEnd = endOfSegment(path, inPath)
    if (pattern.charCodeAt(at) === openBrace) {
      const close = pattern.indexOf('}', at)
      const suffixLength = end - close - 1
      const segment = path.slice(inPath, pathEnd)
      captured[pattern.slice(at + 1, close)] =
        suffixLength === 0 ? segment : segment.slice(0, rawOffset(segment, keyLength(segment) - suffixLength))
    } else if (end === pattern.length && pattern.slice(at, end) === '**') {
      captured['rest'] ??= path.slice(inPath)
    }
    at = end + 1
    inPath = pathEnd + 1
  }
  return captured
}

/**
 * How many characters of the raw text make up the first `length` characters of its key, in which `%61` is the one
 * character `a`: patterns and prefixes are written as keys.
 */
export function rawOffset(raw: string, length: number): number {
  let at = 0
  for (let left = length; left > 0 && at < raw.length; left--) at += widthAt(raw, at)
  return at
}

function keyLength(raw: string): number {
  let length = 0
  for (let at = 0; at < raw.length; at += widthAt(raw, at)) length++
  return length
}

/** An escape of an unreserved character is that character in the key; any other stays three. RFC 3986 section 6.2.2.2. */
function widthAt(raw: string, at: number): number {
  if (raw.charCodeAt(at) !== percent) return 1
  const hex = raw.slice(at + 1, at + 3)
  return /^[0-9A-Fa-f]{2}$/.test(hex) && unreserved.test(String.fromCharCode(Number.parseInt(hex, 16))) ? 3 : 1
}

const unreserved = /[A-Za-z0-9\-._~]/

function endOfSegment(text: string, from: number): number {
  const end = text.indexOf(slash, from)
  return end < 0 ? text.length : end
}
