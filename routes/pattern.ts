import { canonicalTarget, type UnsafeClass, unsafeClasses } from './canonical-target.ts'

export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** At least one character. `suffix` is empty or a literal that begins with `:`, as in `{id}:cancel`. */
  | { readonly kind: 'parameter'; readonly name: string; readonly suffix: string }
  /** `**`: nothing, or a slash and whatever follows. Only as the last segment. */
  | { readonly kind: 'tail' }

export interface Pattern {
  readonly text: string
  readonly segments: readonly Segment[]
}

export interface PatternFault {
  /** Offset of the fault in the text. */
  readonly at: number
  readonly meaning: string
  readonly fix: string
}

export type ParsedPattern =
  | { readonly ok: true; readonly pattern: Pattern }
  | { readonly ok: false; readonly fault: PatternFault }

export const mostSegments = 32
export const mostPatternBytes = 1024

/** Reads a path pattern, or says what is wrong with it, where, and how to mend it. Never throws. */
export function parsePattern(text: string): ParsedPattern {
  if (text.length > mostPatternBytes) {
    return fault(mostPatternBytes, 'The path is longer than 1,024 bytes.', 'Shorten it, or end it earlier with "/**".')
  }
  if (!text.startsWith('/')) return fault(0, 'A path begins with "/".', `Write "/${text}".`)
  const mark = text.indexOf('?')
  if (mark >= 0) return fault(mark, 'The query is never part of the path match.', `Write "${text.slice(0, mark)}".`)
  const target = canonicalTarget(text)
  if (target.unsafe !== 0 || target.key !== text) return notCanonical(text)

  const parts = text.slice(1).split('/')
  if (parts.length > mostSegments) {
    return fault(text.length, `The path has ${parts.length} segments, above 32.`, 'End it earlier with "/**".')
  }
  const segments: Segment[] = []
  const names: string[] = []
  let at = 1
  for (const part of parts) {
    const segment = parseSegment(part)
    if (segment === undefined) return misplaced(part, at)
    if (segment.kind === 'tail' && at + part.length < text.length) {
      return fault(at, 'A tail "**" stands only at the end of a path.', 'Use "{name}" for one segment in the middle.')
    }
    if (segment.kind === 'parameter') {
      if (names.includes(segment.name)) {
        return fault(at, `The name "${segment.name}" is used twice.`, 'Give each parameter a name of its own.')
      }
      names.push(segment.name)
    }
    segments.push(segment)
    at += part.length + 1
  }
  return { ok: true, pattern: { text, segments } }
}

/**
 * Whether `parsePattern` accepts the text. A start checks tens of thousands, with cold code and no need of their
 * segments: nearly all are recognised by one expression, the rest are parsed.
 */
export function isPattern(text: string): boolean {
  const oneParameterAtMost = text.indexOf('{') === text.lastIndexOf('{')
  return (oneParameterAtMost && text.length < 64 && ordinary.test(text)) || parsePattern(text).ok
}

/** The pattern without its parameters' names, which are labels: equal shapes match the same paths, so they conflict. */
export function shapeOf(pattern: Pattern): string {
  return pattern.segments.map((segment) => `/${shapeOfSegment(segment)}`).join('')
}

/**
 * The patterns that a route with `trailingSlash: ignore` stands for: its own, and the same with the last slash taken
 * off or put on. A conflict of either is a conflict of the route. `/` and tails have no second form.
 */
export function slashVariants(pattern: Pattern): readonly Pattern[] {
  const { text, segments } = pattern
  const last = segments.at(-1)
  if (last === undefined || last.kind === 'tail' || text === '/') return [pattern]
  const endsInSlash = last.kind === 'literal' && last.text === ''
  return [
    pattern,
    endsInSlash
      ? { text: text.slice(0, -1), segments: segments.slice(0, -1) }
      : { text: `${text}/`, segments: [...segments, { kind: 'literal', text: '' }] },
  ]
}

/**
 * The order in which patterns are tried: negative when `a` goes first, 0 only for equal shapes. Segment by segment
 * literal, then parameter with suffix (the longer first), then parameter, then tail. Patterns that cannot match the
 * same path are put in order by their text, so that the order is total and never depends on files.
 */
export function comparePatterns(a: Pattern, b: Pattern): number {
  const shared = Math.min(a.segments.length, b.segments.length)
  for (let at = 0; at < shared; at++) {
    const order = compareSegments(a.segments[at] as Segment, b.segments[at] as Segment)
    if (order !== 0) return order
  }
  return a.segments.length - b.segments.length
}

/** The parameters of a key that the pattern is known to match, percent-encoded as in the key. */
export function captureParameters(patternText: string, key: string): Record<string, string> {
  // Without a prototype, so that a parameter may be called `__proto__` or `constructor`.
  const captured: Record<string, string> = Object.create(null)
  let inKey = 1
  for (let at = 1; at <= patternText.length; ) {
    const end = endOfSegment(patternText, at)
    const keyEnd = endOfSegment(key, inKey)
    if (patternText.charCodeAt(at) === openBrace) {
      const close = patternText.indexOf('}', at)
      captured[patternText.slice(at + 1, close)] = key.slice(inKey, keyEnd - (end - close - 1))
    }
    at = end + 1
    inKey = keyEnd + 1
  }
  return captured
}

const openBrace = 0x7b
const marked = /[{}*]/
/** Some of the patterns, never another text; below 64 characters it cannot have more than 32 segments. */
const ordinary = /^(?:\/(?:\w[\w~.:-]*|\{[A-Za-z_]\w*\}(?::[\w~.:-]+)?))+(?:\/|\/\*\*)?$/
const parameterForm = /^\{([A-Za-z_][A-Za-z0-9_]*)\}(:[^{}*]+)?$/

function parseSegment(part: string): Segment | undefined {
  if (part === '**') return { kind: 'tail' }
  if (!marked.test(part)) return { kind: 'literal', text: part }
  const form = parameterForm.exec(part)
  return form === null ? undefined : { kind: 'parameter', name: form[1] as string, suffix: form[2] ?? '' }
}

function misplaced(part: string, at: number): ParsedPattern {
  if (part.includes('*')) {
    return fault(
      at,
      `"${part}" is not a segment: "*" has no meaning inside a path.`,
      'Use "{name}" for one segment, or "**" as the last segment for everything below.',
    )
  }
  return fault(
    at,
    `"${part}" is not a parameter: it takes a whole segment, "{name}" or "{name}:suffix", and has no regular expression.`,
    'Names are letters, digits and "_" and begin with no digit. Give the segment one parameter and let the service read its parts.',
  )
}

const advice: Record<UnsafeClass, string> = {
  'dot-segment': 'Write the path that is meant, without "." and ".." segments.',
  'encoded-slash': 'Use a parameter for this segment; an encoded slash is accepted by name, never matched.',
  backslash: 'Use "/".',
  control: 'Take the control character out.',
  'non-ascii': 'Write these characters percent-encoded as UTF-8, with upper-case digits.',
  malformed: 'Write "%" as "%25", a space as "%20" and "#" as "%23".',
  'double-encoded': 'Encode the path once.',
  'double-slash': 'Write one slash.',
}

function notCanonical(text: string): ParsedPattern {
  const { key, unsafe } = canonicalTarget(text)
  const found = unsafeClasses(unsafe)
  const first = found[0]
  const at = faultAt(text)
  if (first === undefined)
    return fault(at, 'The path is not in its canonical form: it would never match.', `Write "${key}".`)
  return fault(at, `The path is an unsafe target (${found.join(', ')}): requests for it are refused.`, advice[first])
}

/** Offset of the first segment that is not canonical by itself; else it is a slash that follows another. */
function faultAt(text: string): number {
  let at = 1
  for (const part of text.slice(1).split('/')) {
    const { key, unsafe } = canonicalTarget(`/${part}`)
    if (unsafe !== 0 || key.length !== part.length + 1 || key.slice(1) !== part) return at
    at += part.length + 1
  }
  return text.indexOf('//') + 1
}

function fault(at: number, meaning: string, fix: string): ParsedPattern {
  return { ok: false, fault: { at, meaning, fix } }
}

function shapeOfSegment(segment: Segment): string {
  switch (segment.kind) {
    case 'literal':
      return segment.text
    case 'parameter':
      return `{}${segment.suffix}`
    case 'tail':
      return '**'
  }
}

function compareSegments(a: Segment, b: Segment): number {
  if (a.kind === 'literal' && b.kind === 'literal') return compareTexts(a.text, b.text)
  if (a.kind === 'parameter' && b.kind === 'parameter') {
    return b.suffix.length - a.suffix.length || compareTexts(a.suffix, b.suffix)
  }
  return rank[a.kind] - rank[b.kind]
}

const rank = { literal: 0, parameter: 1, tail: 2 } as const

/** By code units: `localeCompare` would order by the machine's language. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function endOfSegment(text: string, from: number): number {
  const end = text.indexOf('/', from)
  return end < 0 ? text.length : end
}
