/** Deeper than any message is meant, and far below what a recursive check can take. */
export const deepestJson = 64

export type ReadJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly because: 'not-utf-8' | 'not-json' | 'name-twice' | 'too-deep' }

/**
 * A JSON text as every reader would read it (RFC 8259): UTF-8 without a byte order mark, no name twice in one object. Two
 * readers take two different ones of equal names, so that what was checked here would not be what the service executes.
 */
export function readJson(bytes: Buffer): ReadJson {
  let text: string
  try {
    text = strict.decode(bytes)
  } catch {
    // The decoder's only way to say that the bytes are no UTF-8.
    return { ok: false, because: 'not-utf-8' }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's only way to say no; its words would repeat the client's text.
    return { ok: false, because: 'not-json' }
  }
  const fault = faultOfNames(text)
  return fault === undefined ? { ok: true, value } : { ok: false, because: fault }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One pass over a text that is known to be JSON: a string before a colon is a name. */
function faultOfNames(text: string): 'name-twice' | 'too-deep' | undefined {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{') open.push(new Set())
    else if (character === '[') open.push(undefined)
    else if (character === '}' || character === ']') open.pop()
    else if (character === '"') {
      const end = endOfString(text, at)
      const names = open.at(-1)
      if (names !== undefined && isName(text, end)) {
        // `"\u0061"` and `"a"` are one name.
        const name = JSON.parse(text.slice(at, end)) as string
        if (names.has(name)) return 'name-twice'
        names.add(name)
      }
      at = end - 1
    }
    if (open.length > deepestJson) return 'too-deep'
  }
  return undefined
}

/** Behind the closing quote. */
function endOfString(text: string, from: number): number {
  let at = from + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function isName(text: string, from: number): boolean {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return text[at] === ':'
}
