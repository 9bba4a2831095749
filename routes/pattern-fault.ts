import { canonicalTarget, type UnsafeClass, unsafeClasses } from './canonical-target.ts'
import { type Misfit, mostSegments, type Pattern, readPattern } from './pattern.ts'

export interface PatternFault {
  /** Offset of the fault in the text. */
  readonly at: number
  readonly meaning: string
  readonly fix: string
}

export type ParsedPattern =
  | { readonly ok: true; readonly pattern: Pattern }
  | { readonly ok: false; readonly fault: PatternFault }

/** Reads a path pattern, or says in words what is wrong with it, where, and how to mend it. Never throws. */
export function parsePattern(text: string): ParsedPattern {
  const read = readPattern(text)
  if (read.ok) return read
  const [meaning, fix] = words[read.because](text, read.part, read.at)
  return { ok: false, fault: { at: read.because === 'not-canonical' ? notCanonicalAt(text) : read.at, meaning, fix } }
}

const words: Readonly<
  Record<Misfit, (text: string, part: string, at: number) => readonly [meaning: string, fix: string]>
> = {
  'too-long': () => ['The path is longer than 1,024 bytes.', 'Shorten it, or end it earlier with "/**".'],
  'no-slash': (text) => ['A path begins with "/".', `Write "/${text}".`],
  query: (text, _, at) => ['The query is never part of the path match.', `Write "${text.slice(0, at)}".`],
  'not-canonical': notCanonical,
  'too-many-segments': (text) => [
    `The path has ${text.split('/').length - 1} segments, above ${mostSegments}.`,
    'End it earlier with "/**".',
  ],
  'segment-unreadable': (_, part) => unreadable(part),
  'tail-inside': () => ['A tail "**" stands only at the end of a path.', 'Use "{name}" for one segment in the middle.'],
  'name-twice': (_, name) => [`The name "${name}" is used twice.`, 'Give each parameter a name of its own.'],
}

function unreadable(part: string): readonly [string, string] {
  return part.includes('*')
    ? [
        `"${part}" is not a segment: "*" has no meaning inside a path.`,
        'Use "{name}" for one segment, or "**" as the last segment for everything below.',
      ]
    : [
        `"${part}" is not a parameter: it takes a whole segment, "{name}" or "{name}:suffix", and has no regular expression.`,
        'Names are letters, digits and "_" and begin with no digit. Give the segment one parameter and let the service read its parts.',
      ]
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

function notCanonical(text: string): readonly [string, string] {
  const { key, unsafe } = canonicalTarget(text)
  const found = unsafeClasses(unsafe)
  const [first] = found
  if (first === undefined) return ['The path is not in its canonical form: it would never match.', `Write "${key}".`]
  return [`The path is an unsafe target (${found.join(', ')}): requests for it are refused.`, advice[first]]
}

/** Offset of the first segment that is not canonical by itself; else it is a slash that follows another. */
function notCanonicalAt(text: string): number {
  let at = 1
  for (const part of text.slice(1).split('/')) {
    const { key, unsafe } = canonicalTarget(`/${part}`)
    if (unsafe !== 0 || key.length !== part.length + 1 || key.slice(1) !== part) return at
    at += part.length + 1
  }
  return text.indexOf('//') + 1
}
