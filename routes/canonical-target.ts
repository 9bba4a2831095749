/**
 * Why a target is unsafe: servers read such a path in different ways, so that what a gateway checked may not be
 * what a service executes.
 */
export type UnsafeClass = (typeof unsafeClassNames)[number]

export interface CanonicalTarget {
  /** The path as routing, auth, limits and cache see it. What is forwarded are the raw bytes. */
  readonly key: string
  /** Raw, from `?` on; empty when there is none. */
  readonly query: string
  /** Bit mask; 0 is safe. `unsafeClasses` names the bits. */
  readonly unsafe: number
}

/** The order of the bits. */
export const unsafeClassNames = [
  'dot-segment',
  'encoded-slash',
  'backslash',
  'control',
  'non-ascii',
  'malformed',
  'double-encoded',
  'double-slash',
] as const

/**
 * The match key of a raw request target and what is unsafe about it. Up to `?`, the hex digits of each `%XX` become
 * upper case and unreserved characters (RFC 3986 section 2.3) are decoded; nothing else is touched, above all not by
 * `new URL`, which resolves dot segments. Total, linear in the target's length, never throws.
 */
export function canonicalTarget(raw: string): CanonicalTarget {
  const mark = raw.indexOf('?')
  const end = mark < 0 ? raw.length : mark
  const query = mark < 0 ? '' : raw.slice(mark)
  return isPlain(raw, end) ? { key: raw.slice(0, end), query, unsafe: 0 } : examine(raw, end, query)
}

/** The bit that stands for a class in `CanonicalTarget.unsafe`. */
export function unsafeBit(unsafeClass: UnsafeClass): number {
  return 1 << unsafeClassNames.indexOf(unsafeClass)
}

/** The names of a mask's bits, always in the same order. */
export function unsafeClasses(unsafe: number): UnsafeClass[] {
  return unsafeClassNames.filter((unsafeClass) => (unsafe & unsafeBit(unsafeClass)) !== 0)
}

const percent = 0x25
const dot = 0x2e
const slash = 0x2f
const semicolon = 0x3b
const backslash = 0x5c

const dotSegment = unsafeBit('dot-segment')
const encodedSlash = unsafeBit('encoded-slash')
const rawOrEncodedBackslash = unsafeBit('backslash')
const control = unsafeBit('control')
const nonAscii = unsafeBit('non-ascii')
const malformed = unsafeBit('malformed')
const doubleEncoded = unsafeBit('double-encoded')
const doubleSlash = unsafeBit('double-slash')

/** Characters that say nothing by themselves, wherever they stand; `/` and `.` do so by what stands before them. */
const quiet = new Uint8Array(128)
for (let code = 0x21; code < 0x7f; code++) quiet[code] = 1
for (const loud of '%\\#') quiet[loud.charCodeAt(0)] = 0

/** Nearly every request: nothing to change and nothing to flag, found without building anything. */
function isPlain(raw: string, end: number): boolean {
  if (end === 0 || raw.charCodeAt(0) !== slash) return false
  let before = 0
  for (let at = 0; at < end; at++) {
    const code = raw.charCodeAt(at)
    if (quiet[code] !== 1) return false
    if (before === slash && (code === slash || code === dot)) return false
    before = code
  }
  return true
}

function examine(raw: string, end: number, query: string): CanonicalTarget {
  // Not origin-form (RFC 9112 section 3.2.1): nothing, `*`, `host:port`, `http://...`.
  let unsafe = end > 0 && raw.charCodeAt(0) === slash ? 0 : malformed
  let key = ''
  let copied = 0
  let dots = notDots
  let layer = noLayer
  let before = 0

  for (let at = 0; at < end; ) {
    let code = raw.charCodeAt(at)
    let width = 1
    if (code === percent) {
      const byte = at + 2 < end ? hexPair(raw.charCodeAt(at + 1), raw.charCodeAt(at + 2)) : -1
      if (byte < 0) {
        unsafe |= malformed
      } else {
        code = byte
        width = 3
        const written = canonicalEscape[byte] as string
        if (written.length === 1 || !raw.startsWith(written, at)) {
          key += raw.slice(copied, at) + written
          copied = at + 3
        }
      }
    }
    const encoded = width === 3

    if (code === slash) unsafe |= encoded ? encodedSlash : at > 0 && raw.charCodeAt(at - 1) === slash ? doubleSlash : 0
    else if (code === backslash) unsafe |= rawOrEncodedBackslash
    else if (code < 0x20 || code === 0x7f) unsafe |= control
    else if (code >= 0x80) unsafe |= (encoded ? 0 : nonAscii) | (isOverlong(before, code) ? malformed : 0)
    // Neither can stand in a request target; behind us `#` may end the path and a space the request line.
    else if (!encoded && (code === 0x23 || code === 0x20)) unsafe |= malformed

    if (isDots(dots) && endsDots(code)) unsafe |= dotSegment
    dots = nextDots(dots, code)
    layer = nextLayer(layer, code, encoded)
    if (layer === decodesTwice) unsafe |= doubleEncoded
    before = code
    at += width
  }
  if (isDots(dots)) unsafe |= dotSegment
  return { key: copied === 0 ? raw.slice(0, end) : key + raw.slice(copied, end), query, unsafe }
}

/** `%XX` as the key has it: the character itself when it is unreserved, else with upper-case digits. */
const canonicalEscape: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

function hexPair(high: number, low: number): number {
  const first = hexDigit(high)
  const second = hexDigit(low)
  return first < 0 || second < 0 ? -1 : first * 16 + second
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const upper = code & ~0x20
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x41 + 10 : -1
}

// Dot segments. `dots` is how many dots the segment has so far, or `notDots` once it has anything else. A segment
// begins behind a slash of any kind: a route that accepts encoded slashes must not accept `..%2F` with them. It
// ends for some servers at `;` (path parameters) or at a control byte (C strings).
const notDots = 3

function isDots(dots: number): boolean {
  return dots === 1 || dots === 2
}

function endsDots(code: number): boolean {
  return code === slash || code === backslash || code === semicolon || code < 0x20 || code === 0x7f || code === 0x23
}

function nextDots(dots: number, code: number): number {
  if (code === slash || code === backslash) return 0
  return code === dot && dots < notDots ? dots + 1 : notDots
}

// Double encoding: `%25` followed by 2E, 2F or 5C, digits encoded or not; `%2525` opens one more layer.
const noLayer = 0
const afterPercent = 1
const afterPercent2 = 2
const afterPercent5 = 3
const decodesTwice = 4

function nextLayer(layer: number, code: number, encoded: boolean): number {
  if (encoded && code === percent) return afterPercent
  if (layer === afterPercent) return code === 0x32 ? afterPercent2 : code === 0x35 ? afterPercent5 : noLayer
  const letter = code & ~0x20
  if (layer === afterPercent2)
    return code === 0x35 ? afterPercent : letter === 0x45 || letter === 0x46 ? decodesTwice : noLayer
  return layer === afterPercent5 && letter === 0x43 ? decodesTwice : noLayer
}

/** Two bytes that begin a character in more bytes than it needs: `%C0%AF` is a slash to a careless decoder. */
function isOverlong(lead: number, next: number): boolean {
  if (next > 0xbf) return false
  return (
    lead === 0xc0 ||
    lead === 0xc1 ||
    (lead === 0xe0 && next < 0xa0) ||
    (lead === 0xf0 && next < 0x90) ||
    (lead === 0xf8 && next < 0x88) ||
    (lead === 0xfc && next < 0x84)
  )
}
