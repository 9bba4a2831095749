const lengthLimit = 200

/**
 * A target that shows what is odd about it and not whom it is about: the words of the route's own pattern stay, other
 * letters and digits become `a`, `A` and `0`; escapes, slashes and signs stay, the query is left out.
 */
export function redactedPath(target: string, pattern: string): string {
  const words = new Set(pattern.split('/'))
  const [path = ''] = target.split('?', 1)
  return path
    .slice(0, lengthLimit)
    .split('/')
    .map((segment) => (words.has(segment) ? segment : blotted(segment)))
    .join('/')
}

function blotted(segment: string): string {
  return segment.replace(/%[0-9A-Fa-f]{2}|[a-z]|[A-Z]|[0-9]/g, (found) => {
    if (found.length === 3) return isLetterOrDigit(Number.parseInt(found.slice(1), 16)) ? '%xx' : found
    if (found >= 'a') return 'a'
    return found >= 'A' ? 'A' : '0'
  })
}

/** An escape of a letter says a letter; which one is blotted out as well. */
function isLetterOrDigit(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code >= 0x80
  )
}
