import { canonicalTarget } from './canonical-target.ts'

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

/** What keeps a text from being a pattern; the words for it are in `pattern-fault.ts`, which edges do not carry. */
export type Misfit =
  | 'too-long'
  | 'no-slash'
  | 'query'
  | 'not-canonical'
  | 'too-many-segments'
  | 'segment-unreadable'
  | 'tail-inside'
  | 'name-twice'

export type ReadPattern =
  | { readonly ok: true; readonly pattern: Pattern }
  /** `at`: offset of the fault; `part`: the segment, or the name that stands twice. */
  | { readonly ok: false; readonly because: Misfit; readonly at: number; readonly part: string }

export const mostSegments = 32
export const mostPatternBytes = 1024

/** Reads a path pattern. Never throws. `parsePattern` says the same with words and a fix. */
export function readPattern(text: string): ReadPattern {
  if (text.length > mostPatternBytes) return misfit('too-long', mostPatternBytes)
  if (!text.startsWith('/')) return misfit('no-slash', 0)
  const mark = text.indexOf('?')
  if (mark >= 0) return misfit('query', mark)
  const target = canonicalTarget(text)
  if (target.unsafe !== 0 || target.key !== text) return misfit('not-canonical', 0)

  const parts = text.slice(1).split('/')
  if (parts.length > mostSegments) return misfit('too-many-segments', text.length)
  const segments: Segment[] = []
  const names: string[] = []
  let at = 1
  for (const part of parts) {
    const segment = parseSegment(part)
    if (segment === undefined) return misfit('segment-unreadable', at, part)
    if (segment.kind === 'tail' && at + part.length < text.length) return misfit('tail-inside', at)
    if (segment.kind === 'parameter') {
      if (names.includes(segment.name)) return misfit('name-twice', at, segment.name)
      names.push(segment.name)
    }
    segments.push(segment)
    at += part.length + 1
  }
  return { ok: true, pattern: { text, segments } }
}

/**
 * Whether `readPattern` accepts the text, in the few lines that an edge carries. A start checks tens of thousands with cold
 * code: nearly all are recognised by one expression.
 */
export function isPattern(text: string): boolean {
  const oneParameterAtMost = text.indexOf('{') === text.lastIndexOf('{')
  if (oneParameterAtMost && text.length < 64 && ordinary.test(text)) return true
  const { unsafe, key } = canonicalTarget(text)
  const parts = text.split('/').slice(1)
  const names = parts.flatMap((part) => parameterForm.exec(part)?.[1] ?? [])
  return (
    unsafe === 0 &&
    key === text &&
    text.length <= mostPatternBytes &&
    parts.length <= mostSegments &&
    new Set(names).size === names.length &&
    parts.every(
      (part, at) => !marked.test(part) || parameterForm.test(part) || (part === '**' && at === parts.length - 1),
    )
  )
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

function misfit(because: Misfit, at: number, part = ''): ReadPattern {
  return { ok: false, because, at, part }
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
